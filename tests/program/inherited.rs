//! What the caller ignores, blocks and limits is the command's, and does not disturb the program.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{blocking, ignoring, run, tandem, text};

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
