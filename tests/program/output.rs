//! Input and outputs that are non-blocking, and outputs that cannot be written.

use std::fs::{self, File};
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{
    Guarded, before_start, full_pipe, is_full, kill, run, set_non_blocking, small_pipe, tandem,
    text, wait_for, with_default_signals, with_file_limit,
};
use crate::talk::{feed, lines, talk};
use crate::terminal::Terminal;

fn exec(root: &Path, script: &str) -> Command {
    let mut exec = tandem(&["exec", "--task", "task", "--run", "run", "--root"]);
    exec.arg(root)
        .args(["--interval", "20", "--", "sh", "-c", script])
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    exec
}

fn manifest(root: &Path) -> Value {
    let path = root.join(".runs/task/cli/run/manifest.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn non_blocking_output() -> (PipeReader, PipeWriter) {
    let (reader, writer) = small_pipe();
    set_non_blocking(&writer);
    (reader, writer)
}

/// All that comes, but not before the pipe is full.
fn read_late(mut reader: PipeReader, writer: PipeWriter) -> Vec<u8> {
    wait_for("a full pipe", || is_full(&writer));
    drop(writer);
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
        let output = writer.try_clone().unwrap();
        if is_stdout {
            command.stdout(output)
        } else {
            command.stderr(output)
        };
        let mut child = Guarded::spawn(&mut command);
        drop(command);
        assert!(read_late(reader, writer) == many());
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
    // There is room for less than one write.
    set_send_buffer(&shared);
    let mut ready = [0; 6];
    own.read_exact(&mut ready).unwrap();
    set_non_blocking(&shared);
    own.write_all(b"\n").unwrap();
    drop(shared);
    wait_for("output", || rustix::io::ioctl_fionread(&own).is_ok_and(|bytes| bytes > 4_000));
    let many = many();
    let mut all = vec![0; many.len()];
    own.read_exact(&mut all).unwrap();
    assert!(all == many);
    assert_eq!(child.wait().code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn no_output_is_lost_on_a_socket_whose_sender_waits_for_a_limited_time() {
    let root = tempfile::tempdir().unwrap();
    let (mut own, other) = UnixStream::pair().unwrap();
    // It is of the socket, whoever has it. The system waits a little longer.
    other.set_write_timeout(Some(std::time::Duration::from_micros(1))).unwrap();
    let mut command = tandem(&["exec", "--task", "task", "--run", "run", "--heartbeat", "20"]);
    command.arg("--root").arg(root.path()).args(["--", "sh", "-c", MANY]).stdin(Stdio::null());
    let mut child = Guarded::spawn(command.stdout(OwnedFd::from(other.try_clone().unwrap())));
    command.stdout(Stdio::null());
    let many = many();
    let mut all = Vec::new();
    let heartbeat = || fs::read(root.path().join(".runs/task/cli/run/.heartbeat")).ok();
    for _ in 0..3 {
        wait_for("a full socket", || is_full(&other));
        // Whoever writes has waited for as long as it may meanwhile.
        for _ in 0..3 {
            let seen = heartbeat();
            wait_for("a heartbeat", || heartbeat() != seen);
        }
        let mut piece = vec![0; many.len() / 10];
        own.read_exact(&mut piece).unwrap();
        all.extend(piece);
    }
    drop(other);
    own.read_to_end(&mut all).unwrap();
    assert!(all == many);
    assert_eq!(child.wait().code(), Some(0));
    assert_eq!(manifest(root.path())["status"], "succeeded");
}

#[cfg(target_os = "linux")]
#[test]
fn no_output_is_lost_on_a_socket_of_messages_that_takes_small_ones_only() {
    for kind in [libc::SOCK_DGRAM, libc::SOCK_SEQPACKET] {
        let root = tempfile::tempdir().unwrap();
        let mut pair = [0; 2];
        // SAFETY: it writes both numbers, which are new.
        let [own, other] = unsafe {
            let made =
                libc::socketpair(libc::AF_UNIX, kind | libc::SOCK_CLOEXEC, 0, pair.as_mut_ptr());
            assert_eq!(made, 0);
            pair.map(|file| OwnedFd::from_raw_fd(file))
        };
        // Less than one piece of output.
        set_send_buffer(&other);
        let mut command = exec(root.path(), MANY);
        let mut child = Guarded::spawn(command.stdout(other));
        drop(command);
        let (many, mut own, mut all) = (many(), File::from(own), Vec::<u8>::new());
        while all.len() < many.len() {
            // Datagrams have no end.
            let has_some = || rustix::io::ioctl_fionread(&own).is_ok_and(|bytes| bytes > 0);
            wait_for("output", has_some);
            let mut message = vec![0; 64 * 1024];
            let bytes = own.read(&mut message).unwrap();
            all.extend(&message[..bytes]);
        }
        assert!(all == many, "{}", all.len());
        assert_eq!(child.wait().code(), Some(0));
        assert_eq!(manifest(root.path())["status"], "succeeded");
    }
}

/// Has a socket hold less than one piece of output.
fn set_send_buffer(socket: &impl AsFd) {
    let bytes: libc::c_int = 8 * 1024;
    // SAFETY: the value is as long as is told.
    let set = unsafe {
        let value = (&raw const bytes).cast();
        let file = socket.as_fd().as_raw_fd();
        libc::setsockopt(file, libc::SOL_SOCKET, libc::SO_SNDBUF, value, size_of_val(&bytes) as u32)
    };
    assert_eq!(set, 0);
}

#[test]
fn a_warning_is_not_lost_when_standard_error_is_non_blocking() {
    let root = tempfile::tempdir().unwrap();
    let (mut reader, writer, filled) = full_pipe();
    set_non_blocking(&writer);
    let mut command = exec(root.path(), "trap '' PIPE; echo lost; exit 0");
    let mut child = Guarded::spawn(command.stdout(full()).stderr(writer));
    drop(command);
    // There is a warning by then, and no room for it.
    wait_for("what is lost", || {
        let path = root.path().join(".runs/task/cli/run/manifest.json");
        fs::read_to_string(path).is_ok_and(|text| text.contains("\"stdout_bytes\": 5"))
    });
    let mut all = Vec::new();
    reader.read_to_end(&mut all).unwrap();
    let warnings = text(&all[filled..]);
    assert!(warnings.starts_with("tandem exec: warning: "), "{warnings}");
    assert_eq!(warnings.lines().count(), 1, "{warnings}");
    assert_eq!(child.wait().code(), Some(1));
}

#[test]
fn feed_waits_for_input_and_output_that_are_non_blocking() {
    let root = tempfile::tempdir().unwrap();
    let (input, mut requests) = pipe().unwrap();
    set_non_blocking(&input);
    let (answers, output) = non_blocking_output();
    let mut command = feed(root.path());
    let mut child = Guarded::spawn(command.stdin(input).stdout(output.try_clone().unwrap()));
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
    let answers = text(&read_late(answers, output));
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
    let output = writer.try_clone().unwrap();
    let mut child = Guarded::spawn(command.stdin(Stdio::null()).stdout(output));
    drop(command);
    assert!(read_late(reader, writer) == expected);
    assert_eq!(child.wait().code(), Some(0));
}

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

const NO_SPACE: &str = "write: No space left on device (os error 28)";

#[test]
fn a_signal_ends_the_wait_for_who_takes_no_output_and_the_run_has_failed() {
    with_default_signals();
    for (script, code, end) in [("", 1, ""), ("; exit 3", 3, "exit code 3, ")] {
        let root = tempfile::tempdir().unwrap();
        let (reader, writer, _) = full_pipe();
        // `exec` holds that much, so the command can end.
        let script = format!("echo held{script}");
        let mut child = Guarded::spawn(exec(root.path(), &script).stdout(writer));
        // The end of the command is on the disk before the wait.
        wait_for("the command's end", || {
            let path = root.path().join(".runs/task/cli/run/manifest.json");
            fs::read(path).is_ok_and(|text| {
                let manifest: Value = serde_json::from_slice(&text).unwrap();
                manifest["completed_at"].is_string()
            })
        });
        kill(&child, Signal::TERM);
        assert_eq!(child.wait().code(), Some(code));
        let detail = format!("{end}the output is not written whole: SIGTERM (15) ended the wait");
        let manifest = manifest(root.path());
        assert_eq!(
            (&manifest["status"], &manifest["status_detail"]),
            (&json!("failed"), &json!(detail))
        );
        drop(reader);
    }
}

#[test]
fn a_command_that_ends_well_and_whose_output_is_lost_has_failed() {
    let root = tempfile::tempdir().unwrap();
    // Whether or not it learns of it.
    for script in ["echo lost", "trap '' PIPE; echo lost; echo more; exit 0"] {
        let mut command = exec(root.path(), script);
        let done = Guarded::spawn(command.stdout(full()).stderr(Stdio::piped())).output();
        let detail = format!("cannot write standard output: {NO_SPACE}");
        assert_eq!(done.status.code(), Some(1), "{}", text(&done.stderr));
        let warning = format!("tandem exec: warning: {detail}\n");
        assert!(text(&done.stderr).contains(&warning), "{}", text(&done.stderr));
        let manifest = manifest(root.path());
        assert_eq!(
            (&manifest["status"], &manifest["status_detail"]),
            (&json!("failed"), &json!(detail))
        );
        assert_eq!(manifest["commands"][0]["exit_code"], 1);
        assert!(manifest["output_tail"].as_str().unwrap().starts_with("lost\n"));
    }
    let mut command = exec(root.path(), "echo lost >&2");
    assert_eq!(Guarded::spawn(command.stderr(full())).wait().code(), Some(1));
    let detail = format!("cannot write standard error: {NO_SPACE}");
    assert_eq!(manifest(root.path())["status_detail"], detail);
}

#[test]
fn a_command_learns_that_its_output_cannot_be_written() {
    let root = tempfile::tempdir().unwrap();
    let mut command = exec(root.path(), "exec yes");
    assert_eq!(Guarded::spawn(command.stdout(full())).wait().code(), Some(141));
    let detail = format!("killed by signal SIGPIPE (13), cannot write standard output: {NO_SPACE}");
    assert_eq!(manifest(root.path())["status_detail"], detail);

    let mut command =
        exec(root.path(), "trap '' PIPE; while echo more 2>/dev/null; do :; done; exit 5");
    assert_eq!(Guarded::spawn(command.stdout(full())).wait().code(), Some(5));
    assert_eq!(manifest(root.path())["status"], "failed");
}

#[test]
fn a_limit_of_file_size_is_an_output_that_cannot_be_written() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("output");
    let mut command = exec(root.path(), "exec yes");
    with_file_limit(&mut command, 64 * 1024);
    let mut child = Guarded::spawn(command.stdout(File::create(&path).unwrap()));
    assert_eq!(child.wait().code(), Some(141));
    assert_eq!(fs::metadata(path).unwrap().len(), 64 * 1024);
    let manifest = manifest(root.path());
    let detail = manifest["status_detail"].as_str().unwrap();
    let end = "cannot write standard output: write: File too large (os error 27)";
    assert!(detail.ends_with(end), "{detail}");
}

#[test]
fn an_output_that_is_open_for_reading_only_cannot_be_written() {
    let root = tempfile::tempdir().unwrap();
    let mut command = exec(root.path(), "trap '' PIPE; echo lost; exit 0");
    let mut child = Guarded::spawn(command.stdout(File::open("/dev/null").unwrap()));
    assert_eq!(child.wait().code(), Some(1));
    let detail = "cannot write standard output: write: Bad file descriptor (os error 9)";
    assert_eq!(manifest(root.path())["status_detail"], detail);
}

#[test]
fn an_output_that_is_closed_is_closed_for_the_command_too() {
    let root = tempfile::tempdir().unwrap();
    for flag in ["--no-progress", "--no-capture"] {
        for (script, closed) in
            [("echo lost 2>/dev/null", 1), ("echo lost >&2", 2), ("read line 2>/dev/null", 0)]
        {
            let mut alone = Command::new("sh");
            alone.args(["-c", script]);
            let mut command = tandem(&["exec", "--task", "task", "--run", "run", "--root"]);
            command.arg(root.path()).args([flag, "--", "sh", "-c", script]);
            let codes = [alone, command].map(|mut command| {
                // It comes after what the standard library does there.
                before_start(command.stdin(Stdio::null()), move || {
                    // SAFETY: the file is nobody's in the child.
                    unsafe { libc::close(closed) };
                });
                let null = || File::options().write(true).open("/dev/null").unwrap();
                Guarded::spawn(command.stdout(null()).stderr(null())).wait().code()
            });
            assert_ne!(codes[0], Some(0), "{script}");
            assert_eq!(codes[1], codes[0], "{script} {flag}");
            assert_eq!(manifest(root.path())["status"], "failed");
        }
    }
}

#[test]
fn a_reader_that_goes_away_while_output_waits_ends_the_command() {
    let root = tempfile::tempdir().unwrap();
    let (reader, writer) = non_blocking_output();
    let mut command = exec(root.path(), "exec yes");
    let mut child = Guarded::spawn(command.stdout(writer.try_clone().unwrap()));
    drop(command);
    wait_for("a full pipe", || is_full(&writer));
    drop(reader);
    assert_eq!(child.wait().code(), Some(128 + 13));
    assert_eq!(manifest(root.path())["status_detail"], "killed by signal SIGPIPE (13)");
}

#[test]
fn no_output_is_lost_on_a_terminal_that_is_non_blocking() {
    let root = tempfile::tempdir().unwrap();
    let mut command =
        exec(root.path(), "yes 0123456789abcde 2>/dev/null | head -n 20000; echo end >&2");
    let set = "import fcntl, os, sys; fcntl.fcntl(1, fcntl.F_SETFL, os.O_RDWR | os.O_NONBLOCK); \
        os.execv(sys.argv[1], sys.argv[1:])";
    let mut set_and_exec = Command::new("python3");
    set_and_exec.args(["-c", set]).arg(command.get_program()).args(command.get_args());
    command = set_and_exec;
    let terminal = Terminal::start(&mut command, Some("dumb"));
    assert!(terminal.end() == "0123456789abcde\r\n".repeat(20_000) + "end\r\n");
    assert_eq!(manifest(root.path())["status"], "succeeded");
}

#[test]
fn what_other_commands_print_on_a_full_disk_is_a_failure() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(run(exec(root.path(), "true").stdout(Stdio::null())).status.code(), Some(0));
    let dir = root.path().to_str().unwrap();
    for args in [
        vec!["status", "--root", dir],
        vec!["status", "--json", "--root", dir],
        vec!["history", "--task", "task", "--root", dir],
        vec!["history", "--json", "--task", "task", "--root", dir],
        vec!["component", "--out", "-"],
    ] {
        let mut command = tandem(&args);
        let full = command.stdin(Stdio::null()).stdout(full()).stderr(Stdio::piped());
        let done = Guarded::spawn(full).output();
        assert_eq!(done.status.code(), Some(1), "{args:?}");
        assert!(text(&done.stderr).contains("No space left on device"), "{done:?}");
    }
}

#[test]
fn a_reader_that_resets_its_socket_is_no_failure_of_a_list() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(run(exec(root.path(), "true").stdout(Stdio::null())).status.code(), Some(0));
    let dir = root.path().to_str().unwrap();
    for args in [
        &["status", "--root", dir][..],
        &["status", "--json", "--root", dir],
        &["status", "--json-lines", "--root", dir],
        &["status", "--watch", "--root", dir],
        &["history", "--task", "task", "--root", dir],
        &["history", "--json", "--task", "task", "--root", dir],
        &["prune", "--older-than", "1h", "--root", dir],
        &["prune", "--json", "--root", dir],
        &["--help"],
    ] {
        let done = Guarded::spawn(
            tandem(args).stdin(Stdio::null()).stdout(reset_socket()).stderr(Stdio::piped()),
        )
        .output();
        assert_eq!((done.status.code(), text(&done.stderr)), (Some(0), String::new()), "{args:?}");
    }
}

/// A connection whose other side is gone, and has not read all.
fn reset_socket() -> OwnedFd {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut own = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (other, _) = listener.accept().unwrap();
    own.write_all(b"x").unwrap();
    wait_for("a byte", || rustix::io::ioctl_fionread(&other).is_ok_and(|bytes| bytes > 0));
    drop(other);
    wait_for("the end", || {
        let mut polled = [PollFd::new(&own, PollFlags::empty())];
        poll(&mut polled, Some(&Timespec::default())).unwrap() > 0
    });
    own.into()
}

#[test]
fn what_other_commands_print_is_not_lost_without_a_word_when_their_output_is_closed() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(run(exec(root.path(), "true").stdout(Stdio::null())).status.code(), Some(0));
    let dir = root.path().to_str().unwrap();
    for args in [
        &["status", "--root", dir][..],
        &["status", "--watch", "--root", dir],
        &["history", "--task", "task", "--root", dir],
        &["prune", "--older-than", "1h", "--root", dir],
        &["feed", "--root", dir],
        &["component", "--out", "-"],
        &["--help"],
        &["exec", "--help"],
    ] {
        let (input, mut writer) = pipe().unwrap();
        writer.write_all(b"{\"id\": 1, \"op\": \"history\", \"task\": \"task\"}\n").unwrap();
        drop(writer);
        let mut command = tandem(args);
        before_start(command.stdin(input).stderr(Stdio::piped()), || {
            // SAFETY: the file is nobody's in the child.
            unsafe { libc::close(1) };
        });
        let done = Guarded::spawn(&mut command).output();
        assert_eq!(done.status.code(), Some(1), "{args:?}");
        assert!(text(&done.stderr).contains("Bad file descriptor"), "{args:?}: {done:?}");
    }
}

#[test]
fn a_feed_without_an_input_is_told() {
    let root = tempfile::tempdir().unwrap();
    let mut feed = tandem(&["feed", "--root", root.path().to_str().unwrap()]);
    before_start(feed.stdout(Stdio::piped()).stderr(Stdio::piped()), || {
        // SAFETY: the file is nobody's in the child.
        unsafe { libc::close(0) };
    });
    let done = Guarded::spawn(&mut feed).output();
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("Bad file descriptor"), "{done:?}");
}

#[test]
fn help_on_a_full_disk_is_a_failure() {
    let done = Guarded::spawn(tandem(&["--help"]).stdout(full()).stderr(Stdio::piped())).output();
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("No space left on device"), "{done:?}");
}

#[test]
fn lists_are_not_lost_when_their_output_is_non_blocking() {
    let root = tempfile::tempdir().unwrap();
    let records = (0..400).map(|id| {
        let summary = json!({"taskId": "task", "runId": format!("r{id}"), "note": "x".repeat(500),
                             "timestamp": "2026-01-01T00:00:00.000Z"});
        json!({"id": id, "op": "record", "summary": summary, "durability":
               {"summary": "visible", "history": "visible"}})
    });
    let records: Vec<Value> = records.collect();
    assert_eq!(talk(root.path(), &lines(&records)).status.code(), Some(0));
    for id in 0..400 {
        let dir = root.path().join(format!(".runs/task/cli/r{id}"));
        fs::create_dir_all(&dir).unwrap();
        let detail = "y".repeat(300);
        let manifest = json!({"status": "failed", "status_detail": detail});
        fs::write(dir.join("manifest.json"), manifest.to_string()).unwrap();
    }
    let dir = root.path().to_str().unwrap();
    for args in [
        vec!["status", "--json", "--root", dir],
        vec!["history", "--json", "--task", "task", "--root", dir],
    ] {
        let expected = run(&mut tandem(&args)).stdout;
        let (reader, writer) = non_blocking_output();
        let mut command = tandem(&args);
        let output = writer.try_clone().unwrap();
        let mut child = Guarded::spawn(command.stdin(Stdio::null()).stdout(output));
        drop(command);
        let all = text(&read_late(reader, writer));
        // Ages go on.
        let same = |text: &str| text.split(',').filter(|word| !word.contains("age_ms")).count();
        assert_eq!(same(&all), same(&text(&expected)));
        assert_eq!(child.wait().code(), Some(0));
    }
}
