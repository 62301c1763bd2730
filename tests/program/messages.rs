//! A standard error that nobody reads, and what `exec` itself has to say there.

use std::fs;
use std::io::{PipeReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{
    Guarded, full_pipe, history, history_path, kill, tandem, text, wait_for, with_default_signals,
};

/// `exec` with no room on its standard error, and how much is in there.
fn start(root: &Path, flags: &[&str], command: &[&str]) -> (Guarded, PipeReader, usize) {
    with_default_signals();
    let (reader, writer, filled) = full_pipe();
    let mut exec = tandem(&["exec", "--task", "task", "--run", "run", "--root"]);
    exec.arg(root).args(flags).arg("--").args(command).env("DIR", root.join(".runs/task/cli/run"));
    exec.stdin(Stdio::null()).stdout(Stdio::null()).stderr(writer);
    let child = Guarded::spawn(&mut exec);
    // Its ends go, so that the child's is the last.
    exec.stderr(Stdio::null());
    (child, reader, filled)
}

fn is_recorded(root: &Path) -> bool {
    fs::read_to_string(history_path(root, "task")).is_ok_and(|text| text.contains("\"run\""))
}

fn status(root: &Path) -> Value {
    history(root, "task")["runs"][0]["status"].clone()
}

#[test]
fn a_run_is_recorded_before_its_messages_are_waited_for() {
    let left_behind: &[&str] = &["sh", "-c", "sleep 1000 & exit 3"];
    for (flags, command, code, message) in [
        (&[][..], &["/no-such-command"][..], 127, "tandem exec: command not found: "),
        (&["--group"], left_behind, 3, "tandem exec: warning: the command left processes behind: "),
    ] {
        for is_read in [true, false] {
            let root = tempfile::tempdir().unwrap();
            let (mut child, mut reader, filled) = start(root.path(), flags, command);
            wait_for("the record", || is_recorded(root.path()));
            if is_read {
                let mut all = Vec::new();
                reader.read_to_end(&mut all).unwrap();
                let told = text(&all[filled..]);
                assert!(told.starts_with(message) && told.lines().count() == 1, "{told}");
            } else {
                kill(&child, Signal::TERM);
            }
            assert_eq!(child.wait().code(), Some(code));
            assert_eq!(status(root.path()), "failed");
        }
    }
}

#[test]
fn a_message_that_nobody_reads_holds_up_neither_signals_nor_heartbeats() {
    let root = tempfile::tempdir().unwrap();
    // The manifest cannot be written any more, which is warned of.
    let script = "trap 'exit 4' TERM
        until grep -q '\"running\"' \"$DIR/manifest.json\"; do :; done
        rm \"$DIR/manifest.json\"; mkdir -p \"$DIR/manifest.json/x\"
        while :; do echo more; sleep 0.01; done";
    let flags = ["--interval", "20", "--heartbeat", "20"];
    let (mut child, _reader, _) = start(root.path(), &flags, &["sh", "-c", script]);
    let dir = root.path().join(".runs/task/cli/run");
    wait_for("the directory", || dir.join("manifest.json/x").exists());
    for _ in 0..20 {
        let heartbeat = || fs::read(dir.join(".heartbeat")).unwrap();
        let seen = heartbeat();
        wait_for("a heartbeat", || heartbeat() != seen);
    }
    kill(&child, Signal::TERM);
    // Nothing more asks it to end.
    assert_eq!(child.wait().code(), Some(4));
    assert_eq!(status(root.path()), "cancelled");
}

#[test]
fn a_full_standard_error_does_not_keep_from_the_command_that_its_output_is_lost() {
    let root = tempfile::tempdir().unwrap();
    let (_reader, writer, _) = full_pipe();
    let mut exec = Command::new("sh");
    exec.args(["-c", "exec \"$@\" > /dev/full", "sh", env!("CARGO_BIN_EXE_tandem"), "exec"]);
    exec.args(["--task", "task", "--run", "run", "--root"]).arg(root.path());
    exec.args(["--", "sh", "-c", "trap '' PIPE; while echo more 2>/dev/null; do :; done; exit 5"]);
    let mut child = Guarded::spawn(exec.stdin(Stdio::null()).stderr(writer));
    wait_for("the record", || is_recorded(root.path()));
    kill(&child, Signal::TERM);
    assert_eq!(child.wait().code(), Some(5));
}
