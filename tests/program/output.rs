//! Input and outputs that are non-blocking.

use std::fs;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use serde_json::{Value, json};

use crate::support::{Guarded, run, tandem, text, wait_for};
use crate::talk::{feed, lines};

fn exec(root: &Path, script: &str) -> Command {
    let mut exec = tandem(&["exec", "--task", "task", "--run", "run", "--root"]);
    exec.arg(root).args(["--", "sh", "-c", script]).stdin(Stdio::null()).stderr(Stdio::null());
    exec
}

fn manifest(root: &Path) -> Value {
    let path = root.join(".runs/task/cli/run/manifest.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The flag is of the open file, so all who have it are concerned.
fn set_non_blocking(file: impl AsFd) {
    let flags = fcntl_getfl(&file).unwrap();
    fcntl_setfl(&file, flags | OFlags::NONBLOCK).unwrap();
}

fn non_blocking_output() -> (PipeReader, PipeWriter) {
    let (reader, writer) = pipe().unwrap();
    set_non_blocking(&writer);
    (reader, writer)
}

/// All that comes, but not before the pipe is full.
fn read_late(mut reader: PipeReader) -> Vec<u8> {
    wait_for("a full pipe", || {
        rustix::io::ioctl_fionread(&reader).is_ok_and(|bytes| bytes > 50_000)
    });
    let mut all = Vec::new();
    reader.read_to_end(&mut all).unwrap();
    all
}

/// Writes 2,000,000 bytes.
const MANY: &str = "yes 0123456789abcde | head -c 2000000";

fn many() -> Vec<u8> {
    b"0123456789abcde\n".repeat(125_000)
}

#[test]
fn no_output_is_lost_when_it_is_non_blocking() {
    let root = tempfile::tempdir().unwrap();
    for is_stdout in [true, false] {
        let (reader, writer) = non_blocking_output();
        let script = if is_stdout { MANY } else { &format!("{{ {MANY}; }} >&2") };
        let mut command = exec(root.path(), script);
        command.stdout(Stdio::null());
        if is_stdout {
            command.stdout(writer)
        } else {
            command.stderr(writer)
        };
        let mut child = Guarded::spawn(&mut command);
        drop(command);
        assert!(read_late(reader) == many());
        assert_eq!(child.wait().code(), Some(0));
        assert_eq!(manifest(root.path())["status"], "succeeded");
    }
}

#[test]
fn no_output_is_lost_when_it_becomes_non_blocking_later() {
    // Input and output are one open file, as under inetd, and the command sets the flag on its input.
    let root = tempfile::tempdir().unwrap();
    let (mut own, other) = UnixStream::pair().unwrap();
    let shared = other.try_clone().unwrap();
    let mut command = exec(root.path(), &format!("echo ready; read go; {MANY}"));
    let command = command.stdin(OwnedFd::from(other.try_clone().unwrap()));
    let mut child = Guarded::spawn(command.stdout(OwnedFd::from(other)));
    *command = Command::new("true");
    let mut ready = [0; 6];
    own.read_exact(&mut ready).unwrap();
    set_non_blocking(&shared);
    own.write_all(b"\n").unwrap();
    drop(shared);
    let many = many();
    let mut all = vec![0; many.len()];
    own.read_exact(&mut all).unwrap();
    assert!(all == many);
    assert_eq!(child.wait().code(), Some(0));
}

#[test]
fn feed_waits_for_input_and_output_that_are_non_blocking() {
    let root = tempfile::tempdir().unwrap();
    let (input, mut requests) = pipe().unwrap();
    set_non_blocking(&input);
    let (answers, output) = non_blocking_output();
    let mut command = feed(root.path());
    let mut child = Guarded::spawn(command.stdin(input).stdout(output));
    drop(command);
    let count = 3_000;
    // Each answer repeats its id.
    let padding = "x".repeat(100);
    let request = move |id: u32| json!({"id": [id, padding], "op": "history", "task": "task"});
    let writer = std::thread::spawn(move || {
        for id in 0..count {
            requests.write_all(&lines(&[request(id)])).unwrap();
        }
    });
    let answers = text(&read_late(answers));
    writer.join().unwrap();
    assert_eq!(child.wait().code(), Some(0));
    assert_eq!(answers.lines().count(), count as usize);
    assert!(answers.lines().all(|line| line.contains("\"ok\"")));
}

#[test]
fn what_other_commands_print_is_not_lost_when_it_is_non_blocking() {
    let expected = run(&mut tandem(&["component", "--out", "-"])).stdout;
    let (reader, writer) = non_blocking_output();
    let mut command = tandem(&["component", "--out", "-"]);
    let mut child = Guarded::spawn(command.stdin(Stdio::null()).stdout(writer));
    drop(command);
    assert!(read_late(reader) == expected);
    assert_eq!(child.wait().code(), Some(0));
}
