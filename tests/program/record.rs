//! How `tandem exec` records its runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Guarded, history, history_path, hold_lock, kill, run, tandem, text, wait_for,
    with_default_signals,
};
use crate::talk::{lines, talk};

struct Root(TempDir);

impl Root {
    fn new() -> Self {
        Root(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// `tandem exec` of a command, as the run `run`.
    fn exec(&self, run: &str, flags: &[&str], command: &[&str]) -> Command {
        let mut exec = tandem(&["exec", "--task", "task", "--run", run, "--root"]);
        exec.arg(self.path()).args(flags).arg("--").args(command);
        exec
    }

    fn manifest(&self) -> Value {
        let path = self.path().join(".runs/task/cli/run/manifest.json");
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    fn summary_path(&self) -> PathBuf {
        self.path().join(".runs/task/run/manifest.json")
    }

    fn summary(&self) -> Value {
        serde_json::from_slice(&fs::read(self.summary_path()).unwrap()).unwrap()
    }

    fn history(&self) -> Value {
        history(self.path(), "task")
    }

    fn hold_lock(&self) -> PathBuf {
        hold_lock(self.path(), "task")
    }
}

fn piped(command: &mut Command) -> Guarded {
    Guarded::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))
}

/// Checks that the command's own end came through, with one line of warning.
fn assert_warning(output: &Output, code: i32) -> String {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("tandem exec: warning: "), "{stderr}");
    stderr
}

#[test]
fn a_run_that_is_over_is_in_its_summary_and_in_the_history() {
    let root = Root::new();
    let done = run(&mut root.exec("run", &[], &["sh", "-c", "echo out; echo no >&2; exit 3"]));
    assert_eq!((done.status.code(), &*text(&done.stderr)), (Some(3), "no\n"));
    let manifest = root.manifest();
    let summary = root.summary();
    assert_eq!(
        summary,
        json!({
            "taskId": "task",
            "runId": "run",
            "timestamp": manifest["completed_at"],
            "mode": "exec",
            "status": "failed",
            "statusDetail": "exit code 3",
            "command": "sh -c 'echo out; echo no >&2; exit 3'",
            "exitCode": 3,
            "startedAt": manifest["started_at"],
            "completedAt": manifest["completed_at"],
            "stdoutBytes": 4,
            "stderrBytes": 3,
            "artifactRoot": ".runs/task/cli/run",
        })
    );
    assert_eq!(
        root.history(),
        json!({"taskId": "task", "lastRunAt": summary["timestamp"], "runs": [summary]})
    );
    let begin = "{\n  \"taskId\": \"task\",\n  \"runId\": \"run\",\n  \"timestamp\": \"2";
    let summary = fs::read_to_string(root.summary_path()).unwrap();
    assert!(summary.starts_with(begin) && summary.ends_with("\"\n}"), "{summary}");
    // Nothing is left of the lock and of temporary files.
    let mut names = files(root.path());
    names.sort();
    assert_eq!(
        names,
        [
            ".runs/task/cli/run/.heartbeat",
            ".runs/task/cli/run/manifest.json",
            ".runs/task/run/manifest.json",
            "out/task/runs.json",
        ]
    );
}

/// All files below a directory.
fn files(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                files.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files
}

#[test]
fn a_command_that_was_not_started_is_recorded_as_failed() {
    let root = Root::new();
    let done = run(&mut root.exec("run", &[], &["no-such-command"]));
    assert_eq!(done.status.code(), Some(127));
    assert_eq!(text(&done.stderr), "tandem exec: command not found: no-such-command\n");
    let summary = root.summary();
    assert_eq!((&summary["status"], &summary["exitCode"]), (&"failed".into(), &127.into()));
    assert_eq!(summary["statusDetail"], "command not found: no-such-command");
    assert_eq!(root.history()["runs"], json!([summary]));
}

#[test]
fn a_refused_start_is_recorded_as_its_manifest_tells_it() {
    let root = Root::new();
    fs::create_dir_all(root.path().join(".runs/task/cli/run/.heartbeat")).unwrap();
    let done = run(&mut root.exec("run", &[], &["echo", "started"]));
    assert_eq!((done.status.code(), &*done.stdout), (Some(125), &b""[..]));
    assert_eq!(text(&done.stderr).lines().count(), 1, "{}", text(&done.stderr));
    let (manifest, summary) = (root.manifest(), root.summary());
    assert_eq!((&manifest["status"], &summary["status"]), (&"failed".into(), &"failed".into()));
    assert_eq!(summary["statusDetail"], manifest["status_detail"]);
    assert_eq!(summary["exitCode"], 125);
}

#[test]
fn a_cancelled_run_is_recorded() {
    with_default_signals();
    let root = Root::new();
    let mut child = piped(&mut root.exec("run", &[], &["sleep", "1000"]));
    wait_for("the start", || {
        let path = root.path().join(".runs/task/cli/run/manifest.json");
        fs::read_to_string(path).is_ok_and(|text| text.contains("\"running\""))
    });
    kill(&child, Signal::INT);
    assert_eq!(child.wait().code(), Some(130));
    assert_eq!(root.history()["runs"][0]["status"], "cancelled");
    assert_eq!(root.history()["runs"][0]["exitCode"], 130);
}

#[test]
fn a_run_that_is_done_again_takes_its_old_place() {
    let root = Root::new();
    for (run_id, command) in [("a", "true"), ("b", "true"), ("a", "false")] {
        run(&mut root.exec(run_id, &[], &[command]));
    }
    let runs = root.history()["runs"].clone();
    let shown: Vec<_> =
        runs.as_array().unwrap().iter().map(|run| (&run["runId"], &run["status"])).collect();
    assert_eq!(shown, [(&json!("b"), &json!("succeeded")), (&json!("a"), &json!("failed"))]);
}

#[test]
fn the_history_keeps_the_last_runs_it_is_told_to_keep() {
    let root = Root::new();
    for run_id in ["a", "b", "c"] {
        assert!(run(&mut root.exec(run_id, &["--keep-last", "2"], &["true"])).status.success());
    }
    let runs = root.history()["runs"].clone();
    let kept: Vec<_> = runs.as_array().unwrap().iter().map(|run| &run["runId"]).collect();
    assert_eq!(kept, ["b", "c"]);
}

#[test]
fn a_history_of_a_clock_that_was_ahead_keeps_the_run_and_names_what_is_ahead() {
    let root = Root::new();
    let records = [1, 2, 3].map(|day| {
        let summary = json!({"taskId": "task", "runId": format!("ahead-{day}"),
                             "timestamp": format!("2999-01-0{day}T00:00:00.000Z")});
        json!({"id": day, "op": "record", "keep_last": 3, "summary": summary})
    });
    assert_eq!(talk(root.path(), &lines(&records)).status.code(), Some(0));
    let done =
        piped(&mut root.exec("run", &["--keep-last", "3"], &["sh", "-c", "exit 3"])).output();
    assert_eq!(
        assert_warning(&done, 3),
        "tandem exec: warning: all other runs in the history are later, was a clock ahead? \
         ahead-3, ahead-2\n"
    );
    let runs = root.history()["runs"].as_array().unwrap().clone();
    let ids: Vec<&Value> = runs.iter().map(|run| &run["runId"]).collect();
    assert_eq!(ids, ["run", "ahead-2", "ahead-3"]);
}

#[test]
fn a_run_that_is_not_to_be_recorded_leaves_neither_summary_nor_history() {
    let root = Root::new();
    assert!(run(&mut root.exec("run", &["--no-record"], &["true"])).status.success());
    assert_eq!(root.manifest()["status"], "succeeded");
    assert!(!root.summary_path().exists() && !root.path().join("out").exists());
}

#[test]
fn a_history_that_stays_locked_is_a_warning_and_the_commands_code_stays() {
    let root = Root::new();
    let lock = root.hold_lock();
    let done = run(&mut root.exec("run", &["--lock-wait", "0"], &["sh", "-c", "exit 7"]));
    let warning = assert_warning(&done, 7);
    assert!(warning.contains("lock"), "{warning}");
    assert_eq!(root.summary()["exitCode"], 7);
    assert_eq!(root.manifest()["status"], "failed");
    assert!(!history_path(root.path(), "task").exists());
    // It belongs to somebody else.
    assert!(lock.exists());
}

#[test]
fn the_last_state_is_on_the_disk_before_a_lock_is_waited_for() {
    let root = Root::new();
    let lock = root.hold_lock();
    let child = piped(&mut root.exec("run", &[], &["true"]));
    wait_for("the summary", || root.summary_path().exists());
    assert_eq!(root.manifest()["status"], "succeeded");
    assert!(!history_path(root.path(), "task").exists());
    fs::remove_file(lock).unwrap();
    let done = child.output();
    assert_eq!((done.status.code(), &*text(&done.stderr)), (Some(0), ""));
    assert_eq!(root.history()["runs"][0]["runId"], "run");
}

/// Waits for a lock, gets the signals, and gives the warning.
fn signalled(signals: &[Signal]) -> String {
    let root = Root::new();
    root.hold_lock();
    let child = piped(&mut root.exec("run", &["--lock-wait", "3600000"], &["true"]));
    wait_for("the summary", || root.summary_path().exists());
    for &signal in signals {
        kill(&child, signal);
        // The next one is not to overtake it.
        std::thread::sleep(Duration::from_millis(100));
    }
    let warning = assert_warning(&child.output(), 0);
    assert_eq!(root.manifest()["status"], "succeeded");
    warning
}

#[test]
fn a_signal_ends_the_wait_for_a_lock() {
    with_default_signals();
    let warning = signalled(&[Signal::INT]);
    assert!(warning.ends_with(", SIGINT (2) ended the wait: task/run\n"), "{warning}");
}

#[test]
fn a_second_signal_ends_the_wait_for_a_lock_at_once() {
    with_default_signals();
    // It is too late for that on a machine that stands still for a second, hence some attempts.
    let is_ended_by_second = || {
        let warning = signalled(&[Signal::INT, Signal::TERM]);
        warning.ends_with(", SIGTERM (15) ended the wait: task/run\n")
    };
    assert!((0..5).any(|_| is_ended_by_second()));
}

#[test]
fn the_signal_that_cancels_a_run_bounds_the_wait_for_a_lock() {
    with_default_signals();
    let root = Root::new();
    let lock = root.hold_lock();
    let mut exec = root.exec("run", &["--lock-wait", "3600000"], &["sleep", "1000"]);
    let child = piped(&mut exec);
    wait_for("the start", || {
        let path = root.path().join(".runs/task/cli/run/manifest.json");
        fs::read_to_string(path).is_ok_and(|text| text.contains("\"running\""))
    });
    kill(&child, Signal::TERM);
    let warning = assert_warning(&child.output(), 143);
    assert!(warning.contains("history is not"), "{warning}");
    assert_eq!(root.summary()["status"], "cancelled");
    // The lease of one hour is not over.
    assert!(lock.exists() && !history_path(root.path(), "task").exists());
}

#[test]
fn a_history_that_is_too_large_is_one_warning() {
    let root = Root::new();
    fs::create_dir_all(root.path().join("out/task")).unwrap();
    fs::File::create(history_path(root.path(), "task")).unwrap().set_len(65 << 20).unwrap();
    let warning = assert_warning(&run(&mut root.exec("run", &["--keep-last", "1"], &["true"])), 0);
    assert!(warning.contains("summary is written, history is not: "), "{warning}");
    assert!(warning.contains("out/task/runs.json: file-too-large"), "{warning}");
}

#[test]
fn what_stands_in_the_way_of_a_file_is_a_warning_and_the_commands_code_stays() {
    for (in_the_way, named) in [
        ("out/task/runs.json/x", "out/task/runs.json"),
        (".runs/task/run/manifest.json/x", ".runs/task/run/manifest.json"),
    ] {
        let root = Root::new();
        fs::create_dir_all(root.path().join(in_the_way)).unwrap();
        let done = run(&mut root.exec("run", &[], &["sh", "-c", "exit 7"]));
        let warning = assert_warning(&done, 7);
        assert!(warning.contains(named), "{warning}");
        assert_eq!(root.manifest()["status"], "failed");
    }

    // Neither of both can be written.
    let root = Root::new();
    fs::create_dir_all(root.path().join(".runs/task/run/manifest.json/x")).unwrap();
    fs::write(root.path().join("out"), "").unwrap();
    let done = run(&mut root.exec("run", &[], &["true"]));
    assert!(done.status.success());
    let stderr = text(&done.stderr);
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    assert!(stderr.contains("warning: cannot replace .runs/task/run/manifest.json"), "{stderr}");
    assert!(stderr.contains("warning: history is not written: cannot open out/task"), "{stderr}");
}

#[test]
fn a_history_that_is_corrupt_is_set_aside_and_said() {
    let root = Root::new();
    fs::create_dir_all(root.path().join("out/task")).unwrap();
    fs::write(history_path(root.path(), "task"), "{\"taskId\": \"task\", \"ru").unwrap();
    let warning = assert_warning(&run(&mut root.exec("run", &[], &["true"])), 0);
    assert!(warning.contains("set aside: out/task/runs.json.corrupt-"), "{warning}");
    assert_eq!(root.history()["runs"][0]["runId"], "run");
}
