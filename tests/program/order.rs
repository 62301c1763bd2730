//! The order of both outputs, where both go to one place.

use std::fs::{self, File};
use std::io::{Read, pipe};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Guarded, history, run, tandem, text};
use crate::terminal::Terminal;

/// Writes on both outputs in turn.
const IN_TURN: &str =
    "i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo out $i; echo err $i >&2; done";

fn in_turn() -> String {
    (1..=500).map(|i| format!("out {i}\nerr {i}\n")).collect()
}

fn exec(root: &Path) -> Command {
    let mut exec = tandem(&["exec", "--task", "task", "--run", "run", "--root"]);
    exec.arg(root).args(["--", "sh", "-c", IN_TURN]).stdin(Stdio::null());
    exec
}

fn manifest(root: &Path) -> Value {
    let path = root.join(".runs/task/cli/run/manifest.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Both are counted as one.
fn assert_counted_together(root: &Path) {
    let expected = in_turn();
    let manifest = manifest(root);
    assert_eq!(manifest["stdout_bytes"], expected.len());
    assert_eq!(manifest.get("stderr_bytes"), None);
    assert!(expected.ends_with(manifest["output_tail"].as_str().unwrap()));
    let history = history(root, "task");
    let summary = &history["runs"][0];
    assert_eq!(summary["stdoutBytes"], expected.len());
    assert_eq!(summary.get("stderrBytes"), None);
}

/// Both are one open file, the other end of what is read.
fn assert_in_order(mut reader: impl Read, writer: impl Into<OwnedFd>) {
    let root = tempfile::tempdir().unwrap();
    let writer = writer.into();
    let mut command = exec(root.path());
    let mut child = Guarded::spawn(command.stdout(writer.try_clone().unwrap()).stderr(writer));
    // Its ends go, so that the child's is the last.
    drop(command);
    let mut all = String::new();
    reader.read_to_string(&mut all).unwrap();
    assert_eq!(child.wait().code(), Some(0));
    assert!(all == in_turn());
    assert_counted_together(root.path());
}

#[test]
fn outputs_that_are_one_pipe_keep_their_order() {
    let (reader, writer) = pipe().unwrap();
    assert_in_order(reader, writer);
}

#[test]
fn outputs_that_are_one_socket_keep_their_order() {
    let (reader, writer) = UnixStream::pair().unwrap();
    assert_in_order(reader, writer);
}

#[test]
fn outputs_that_are_one_file_keep_their_order() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("log");
    let create = || File::create(&path).unwrap();
    let append = || File::options().create(true).append(true).open(&path).unwrap();
    let once = create();
    for (stdout, stderr) in [(once.try_clone().unwrap(), once), (append(), append())] {
        fs::write(&path, "").unwrap();
        assert_eq!(
            Guarded::spawn(exec(root.path()).stdout(stdout).stderr(stderr)).wait().code(),
            Some(0)
        );
        assert!(fs::read_to_string(&path).unwrap() == in_turn());
        assert_counted_together(root.path());
        fs::remove_dir_all(root.path().join("out")).unwrap();
    }
}

#[test]
fn outputs_that_are_one_terminal_keep_their_order() {
    // Each is opened for itself.
    let root = tempfile::tempdir().unwrap();
    let terminal = Terminal::start(&mut exec(root.path()), Some("dumb"));
    assert!(terminal.end() == in_turn().replace('\n', "\r\n"));
    assert_counted_together(root.path());
}

#[test]
fn outputs_that_are_one_terminal_by_two_names_keep_their_order() {
    // The second is a terminal of others by then.
    for begin in ["exec", "exec setsid -w"] {
        let root = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        let script = format!("{begin} \"$0\" \"$@\" 2> /dev/tty");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_tandem")]);
        let terminal = Terminal::start(shell.args(exec(root.path()).get_args()), Some("dumb"));
        assert!(terminal.end() == in_turn().replace('\n', "\r\n"));
        assert_counted_together(root.path());
    }
}

#[test]
fn outputs_that_go_to_two_places_are_counted_apart() {
    let root = tempfile::tempdir().unwrap();
    let done = run(&mut exec(root.path()));
    let only = |word: &str| -> String {
        in_turn().split_inclusive('\n').filter(|line| line.starts_with(word)).collect()
    };
    assert_eq!((text(&done.stdout), text(&done.stderr)), (only("out"), only("err")));
    let manifest = manifest(root.path());
    assert_eq!(manifest["stdout_bytes"], only("out").len());
    assert_eq!(manifest["stderr_bytes"], only("err").len());
}

#[cfg(target_os = "linux")]
#[test]
fn one_file_that_is_opened_twice_is_two_places() {
    // Each has an offset of its own, so one overwrites the other, as it does alone.
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("log");
    let create = || File::create(&path).unwrap();
    let mut command = tandem(&["exec", "--task", "task", "--run", "run", "--root"]);
    command.arg(root.path()).args(["--", "sh", "-c", "echo long >&2; echo ok"]);
    let mut child = Guarded::spawn(command.stdin(Stdio::null()).stdout(create()).stderr(create()));
    assert_eq!(child.wait().code(), Some(0));
    assert_eq!(fs::metadata(&path).unwrap().len(), 5);
    let manifest = manifest(root.path());
    assert_eq!((&manifest["stdout_bytes"], &manifest["stderr_bytes"]), (&3.into(), &5.into()));
}
