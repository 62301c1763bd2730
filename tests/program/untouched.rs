//! `exec --no-capture`: outputs that nothing of the program stands between.

use std::fs::{self, File};
use std::io::{Read, Seek, Write, pipe};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Guarded, history, run, tandem, text};
use crate::terminal::Terminal;

fn exec(root: &Path, script: &str) -> Command {
    let mut exec = tandem(&["exec", "--task", "task", "--run", "run", "--root"]);
    exec.arg(root).args(["--no-capture", "--", "sh", "-c", script]).stdin(Stdio::null());
    exec
}

fn manifest(root: &Path) -> Value {
    let path = root.join(".runs/task/cli/run/manifest.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_command_has_the_very_open_files() {
    let root = tempfile::tempdir().unwrap();
    let mut files = [0, 1].map(|n| {
        let path = root.path().join(n.to_string());
        let mut file = File::options().read(true).write(true).create_new(true).open(path).unwrap();
        file.write_all(b"before ").unwrap();
        file
    });
    let [stdout, stderr] = files.each_ref().map(|file| file.try_clone().unwrap());
    let mut command = exec(
        root.path(),
        "[ /dev/fd/1 -ef 0 ] && [ /dev/fd/2 -ef 1 ] && echo out; echo error >&2; exit 4",
    );
    command.current_dir(root.path());
    let mut child = Guarded::spawn(command.stdout(stdout).stderr(stderr));
    assert_eq!(child.wait().code(), Some(4));
    for (file, written) in files.iter_mut().zip(["before out\n", "before error\n"]) {
        // The offset is of the open file.
        assert_eq!(file.stream_position().unwrap(), written.len() as u64);
        let mut all = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut all).unwrap();
        assert_eq!(all, written);
    }
}

#[test]
fn nothing_is_told_of_outputs_that_nobody_saw() {
    let root = tempfile::tempdir().unwrap();
    let done = run(&mut exec(root.path(), "echo out; echo error >&2"));
    assert_eq!((&*text(&done.stdout), &*text(&done.stderr)), ("out\n", "error\n"));
    let manifest = manifest(root.path());
    assert_eq!(manifest["status"], "succeeded");
    for name in ["output_tail", "stdout_bytes", "stderr_bytes"] {
        assert_eq!(manifest.get(name), None, "{name}");
    }
    let summary = &history(root.path(), "task")["runs"][0];
    for name in ["stdoutBytes", "stderrBytes"] {
        assert_eq!(summary.get(name), None, "{name}");
    }
    let listed =
        run(&mut tandem(&["history", "--task", "task", "--root", root.path().to_str().unwrap()]));
    assert!(text(&listed.stdout).contains("exit 0"), "{listed:?}");
}

#[test]
fn a_warning_still_comes() {
    let root = tempfile::tempdir().unwrap();
    let script = "echo out; until grep -q '\"running\"' \"$DIR/manifest.json\"; do :; done
        rm \"$DIR/manifest.json\"; mkdir -p \"$DIR/manifest.json/x\"";
    let dir = root.path().join(".runs/task/cli/run");
    let done = run(exec(root.path(), script).env("DIR", dir));
    assert_eq!((done.status.code(), &*text(&done.stdout)), (Some(0), "out\n"));
    assert!(text(&done.stderr).contains("tandem exec: warning: "), "{done:?}");
}

#[test]
fn a_command_in_the_background_writes_on() {
    let root = tempfile::tempdir().unwrap();
    let (mut reader, writer) = pipe().unwrap();
    let script = "{ until [ -e \"$GO\" ]; do sleep 0.01; done; echo late; } & echo soon";
    let go = root.path().join("go");
    let mut command = exec(root.path(), script);
    let mut child = Guarded::spawn(command.env("GO", &go).stdout(writer));
    drop(command);
    assert_eq!(child.wait().code(), Some(0));
    fs::write(go, "").unwrap();
    let mut all = String::new();
    reader.read_to_string(&mut all).unwrap();
    assert_eq!(all, "soon\nlate\n");
}

#[test]
fn an_output_that_cannot_be_written_is_the_commands_own_matter() {
    let root = tempfile::tempdir().unwrap();
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let mut alone = Command::new("sh");
    alone.args(["-c", "echo lost"]).stdin(Stdio::null()).stdout(full()).stderr(Stdio::piped());
    let alone = Guarded::spawn(&mut alone).output();
    let mut command = exec(root.path(), "echo lost");
    let done = Guarded::spawn(command.stdout(full()).stderr(Stdio::piped())).output();
    assert_ne!(alone.status.code(), Some(0));
    assert_eq!((done.status.code(), done.stderr), (alone.status.code(), alone.stderr));
    assert_eq!(manifest(root.path())["status"], "failed");
}

#[test]
fn a_terminal_that_is_handed_on_shows_no_progress_line() {
    let root = tempfile::tempdir().unwrap();
    let script = "test -t 1 && test -t 2 && echo 'two terminals'; until [ -e \"$DIR/.heartbeat\" ] \
        && [ \"$(cat \"$DIR/.heartbeat\")\" != \"$first\" ]; do first=${first:-$(cat \"$DIR/.heartbeat\")}; done";
    let mut command = tandem(&["exec", "--task", "task", "--run", "run", "--heartbeat", "200"]);
    command.args(["--no-capture", "--", "sh", "-c", script]).current_dir(root.path());
    let terminal = Terminal::start(command.env("DIR", ".runs/task/cli/run"), Some("xterm"));
    assert_eq!(terminal.end(), "two terminals\r\n");
    assert_eq!(manifest(root.path())["status"], "succeeded");
}

#[test]
fn outputs_cannot_be_handed_on_and_be_a_terminal_of_the_commands_own() {
    let root = tempfile::tempdir().unwrap();
    let done = run(exec(root.path(), "true").args(["x"]));
    assert_eq!(done.status.code(), Some(0));
    let mut both = tandem(&["exec", "--pty", "--no-capture", "true"]);
    assert_eq!(run(both.current_dir(root.path())).status.code(), Some(2));
}
