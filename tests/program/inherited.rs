//! What the caller ignores, blocks and limits is the command's, and does not disturb the program.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{blocking, history, ignoring, run, tandem, text, with_file_limit};
use crate::talk::{Feed, feed, lines, sorted, talk};

fn exec(root: &Path, command: &[&str]) -> Command {
    let mut exec = tandem(&["exec", "--task", "task", "--run", "run", "--root"]);
    exec.arg(root).arg("--").args(command);
    exec
}

/// How the run ended, by its manifest.
fn status(root: &Path) -> Value {
    let path = root.join(".runs/task/cli/run/manifest.json");
    let manifest: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    manifest["status"].clone()
}

#[test]
fn the_exit_code_comes_through_whatever_is_done_with_sigchld() {
    let root = tempfile::tempdir().unwrap();
    for change in [ignoring, blocking] {
        for (script, code, ended) in
            [("exit 7", 7, "failed"), ("exit 0", 0, "succeeded"), ("kill -9 $$", 137, "failed")]
        {
            let mut exec = exec(root.path(), &["sh", "-c", script]);
            let done = run(change(&mut exec, Signal::CHILD));
            assert_eq!((done.status.code(), &*text(&done.stderr)), (Some(code), ""));
            assert_eq!(status(root.path()), ended);
        }
    }
}

/// How signals stand in a command that is started alone and under `exec`.
#[cfg(target_os = "linux")]
fn assert_same_signals(change: impl Fn(&mut Command)) {
    let root = tempfile::tempdir().unwrap();
    let show = ["grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"];
    let mut alone = Command::new(show[0]);
    alone.args(&show[1..]);
    let mut under = exec(root.path(), &show);
    change(&mut alone);
    change(&mut under);
    let (alone, under) = (run(&mut alone), run(&mut under));
    assert_eq!(masks(&alone).len(), 2);
    assert_eq!(masks(&under), masks(&alone));
}

/// Without the two signals that are glibc's own: how they stand depends on how a command is started.
#[cfg(target_os = "linux")]
fn masks(shown: &Output) -> Vec<u64> {
    let mask = |line: &str| u64::from_str_radix(line.split_once('\t').unwrap().1, 16).unwrap();
    text(&shown.stdout).lines().map(|line| mask(line) & !(0b11 << 31)).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn the_command_has_every_signal_as_the_caller_left_it() {
    assert_same_signals(|_| {});
    for signal in [
        Signal::CHILD,
        Signal::PIPE,
        Signal::XFSZ,
        Signal::HUP,
        Signal::INT,
        Signal::USR1,
        Signal::ALARM,
        Signal::TSTP,
        // The engine catches this one.
        Signal::SEGV,
    ] {
        assert_same_signals(|command| {
            ignoring(command, signal);
        });
        assert_same_signals(|command| {
            blocking(command, signal);
        });
    }
    assert_same_signals(|command| {
        ignoring(ignoring(command, Signal::CHILD), Signal::PIPE);
    });
}

/// Runs that make a history above the limit.
fn record_many(root: &Path) {
    let note = "x".repeat(10_000);
    let records: Vec<Value> = (0..10)
        .map(|id| {
            let summary = json!({"taskId": "task", "runId": format!("r{id}"), "note": note,
                                 "timestamp": "2026-01-01T00:00:00.000Z"});
            json!({"id": id, "op": "record", "summary": summary})
        })
        .collect();
    let output = talk(root, &lines(&records));
    assert!(sorted(&output).iter().all(|answer| answer["ok"].is_object()));
}

/// The engine needs some of it, for the component's data.
const FILE_LIMIT: u64 = 64 * 1024;

#[test]
fn a_limit_of_file_size_is_an_error_of_the_disk() {
    for is_ignored in [false, true] {
        let root = tempfile::tempdir().unwrap();
        record_many(root.path());
        let mut exec = exec(root.path(), &["sh", "-c", "exit 3"]);
        with_file_limit(&mut exec, FILE_LIMIT);
        if is_ignored {
            ignoring(&mut exec, Signal::XFSZ);
        }
        let done = run(&mut exec);
        let stderr = text(&done.stderr);
        assert_eq!(done.status.code(), Some(3), "{stderr}");
        assert!(stderr.starts_with("tandem exec: warning: ") && stderr.contains("out/task"));
        assert!(stderr.contains("file-too-large"), "{stderr}");
        assert_eq!(status(root.path()), "failed");
        // Neither a lock nor a temporary file stays, and the history is as it was.
        assert!(!root.path().join(".runs/task.lock").exists());
        let names: Vec<_> = fs::read_dir(root.path().join("out/task")).unwrap().collect();
        assert_eq!(names.len(), 1);
        assert_eq!(history(root.path(), "task")["runs"].as_array().unwrap().len(), 10);
    }
}

#[test]
fn a_limit_of_file_size_is_an_error_of_the_request_in_feed() {
    let root = tempfile::tempdir().unwrap();
    let request = |id: u32, op: &str| json!({"id": id, "op": op, "task": "task", "run": "run"});
    let mut set = request(2, "set");
    set["manifest"] = json!({"note": "x".repeat(100_000)});
    let mut small = request(4, "set");
    small["manifest"] = json!({});
    let mut command = feed(root.path());
    let mut feed = Feed::spawn(with_file_limit(&mut command, FILE_LIMIT));
    feed.ask(&request(1, "open"));
    feed.ask(&set);
    let refused = feed.ask(&request(3, "flush"));
    assert_eq!(refused["error"]["code"], "file-too-large", "{refused}");
    feed.ask(&small);
    assert!(feed.ask(&request(5, "flush"))["ok"].is_object());
    assert_eq!(feed.end().status.code(), Some(0));
}

#[test]
fn a_command_that_meets_its_limit_of_file_size_ends_as_it_does_alone() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    let script = ["dd", "if=/dev/zero", &format!("of={}", file.display()), "bs=128k", "count=1"];
    let mut alone = Command::new(script[0]);
    alone.args(&script[1..]);
    let alone = run(with_file_limit(&mut alone, FILE_LIMIT));
    assert_eq!(alone.status.signal(), Some(Signal::XFSZ.as_raw()));
    let mut under = exec(root.path(), &script);
    let under = run(with_file_limit(&mut under, FILE_LIMIT));
    assert_eq!(under.status.code(), Some(128 + Signal::XFSZ.as_raw()), "{}", text(&under.stderr));
    assert_eq!(status(root.path()), "failed");
}
