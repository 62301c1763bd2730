//! `exec --pty`: a terminal of the command's own.

use std::fs::{self, File};
use std::io::{Write, pipe};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::process::Signal;
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use serde_json::Value;

use crate::support::{
    Guarded, before_start, kill, run, tandem, text, wait_for, with_default_signals,
};
use crate::terminal::Terminal;

fn exec(root: &Path, script: &str) -> Command {
    let mut exec = tandem(&["exec", "--task", "task", "--run", "run", "--pty"]);
    exec.args(["--", "sh", "-c", script]).current_dir(root);
    exec
}

fn manifest(root: &Path) -> Value {
    let path = root.join(".runs/task/cli/run/manifest.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Runs the command on input that is no terminal.
fn with_input(command: &mut Command, input: &[u8]) -> Output {
    let (reader, mut writer) = pipe().unwrap();
    let child = Guarded::spawn(command.stdin(reader).stdout(Stdio::piped()).stderr(Stdio::piped()));
    *command = Command::new("true");
    let input = input.to_vec();
    let typing = std::thread::spawn(move || writer.write_all(&input));
    let output = child.output();
    typing.join().unwrap().unwrap();
    output
}

#[test]
fn a_command_has_a_terminal_of_its_own() {
    let root = tempfile::tempdir().unwrap();
    let script = "test -t 0 && test -t 1 && test -t 2 && : < /dev/tty && echo yes; echo error >&2";
    let done = run(&mut exec(root.path(), script));
    assert_eq!((done.status.code(), &*text(&done.stderr)), (Some(0), ""));
    // A terminal begins each line anew, and both outputs are one.
    assert_eq!(text(&done.stdout), "yes\r\nerror\r\n");
    let manifest = manifest(root.path());
    assert_eq!(manifest["output_tail"], "yes\r\nerror\r\n");
    assert_eq!(manifest["stdout_bytes"], 12);
    assert_eq!(manifest.get("stderr_bytes"), None);
}

#[test]
fn the_exit_code_comes_through_a_terminal() {
    let root = tempfile::tempdir().unwrap();
    for (script, code) in [("exit 7", 7), ("kill -9 $$", 137), ("no-such-command", 127)] {
        assert_eq!(run(&mut exec(root.path(), script)).status.code(), Some(code));
    }
    let mut missing = tandem(&["exec", "--pty", "no-such-command"]);
    assert_eq!(run(missing.current_dir(root.path())).status.code(), Some(127));
}

#[test]
fn input_that_is_no_terminal_is_typed_and_ended() {
    let root = tempfile::tempdir().unwrap();
    for (input, shown) in
        [("", "end\r\n"), ("one\ntwo\n", "one\r\ntwo\r\nend\r\n"), ("half", "halfend\r\n")]
    {
        let done = with_input(&mut exec(root.path(), "cat; echo end"), input.as_bytes());
        assert_eq!((done.status.code(), &*text(&done.stdout)), (Some(0), shown));
    }
    // More than a terminal holds.
    let many = "0123456789\n".repeat(20_000);
    let done = with_input(&mut exec(root.path(), "cat"), many.as_bytes());
    assert!(text(&done.stdout) == many.replace('\n', "\r\n"));
}

#[test]
fn no_output_of_a_terminal_is_lost() {
    let root = tempfile::tempdir().unwrap();
    let done = run(&mut exec(root.path(), "yes 0123456789 | head -n 50000"));
    assert!(text(&done.stdout) == "0123456789\r\n".repeat(50_000));
    assert_eq!(manifest(root.path())["stdout_bytes"], 600_000);
}

#[test]
fn output_goes_on_after_a_command_has_closed_its_terminal() {
    let root = tempfile::tempdir().unwrap();
    let script = "exec </dev/null >/dev/null 2>&1; echo back > /dev/tty";
    assert_eq!(text(&run(&mut exec(root.path(), script)).stdout), "back\r\n");
}

#[test]
fn what_is_typed_goes_to_the_command() {
    let root = tempfile::tempdir().unwrap();
    let script = "echo ready; read word; echo \"<$word>\"";
    let terminal = Terminal::start(&mut exec(root.path(), script), Some("xterm"));
    wait_for("the command", || terminal.shows("ready"));
    (&terminal.own).write_all(b"hello\r").unwrap();
    // The command's terminal shows what is typed, once.
    assert_eq!(terminal.end(), "ready\r\nhello\r\n<hello>\r\n");
}

#[test]
fn a_key_that_interrupts_goes_through_the_terminal_of_the_command() {
    with_default_signals();
    let root = tempfile::tempdir().unwrap();
    let wait = "echo ready; while :; do sleep 0.01; done";
    for (script, code, status) in [
        (format!("trap 'exit 3' INT; {wait}"), 3, "cancelled"),
        (format!("trap 'exit 0' INT; {wait}"), 0, "succeeded"),
        (wait.to_owned(), 130, "cancelled"),
    ] {
        let mut terminal = Terminal::start(&mut exec(root.path(), &script), Some("xterm"));
        wait_for("the command", || terminal.shows("ready"));
        (&terminal.own).write_all(b"\x03").unwrap();
        assert_eq!(terminal.child.wait().code(), Some(code));
        assert_eq!(manifest(root.path())["status"], status, "{script}");
    }
    // A command that takes keys as they are has this one too.
    let script = "stty raw; echo ready; head -c 1 | od -An -tx1; exit 1";
    let terminal = Terminal::start(&mut exec(root.path(), script), Some("xterm"));
    wait_for("the command", || terminal.shows("ready"));
    (&terminal.own).write_all(b"\x03").unwrap();
    assert!(terminal.end().contains(" 03"));
    assert_eq!(manifest(root.path())["status"], "failed");
}

#[test]
fn a_terminal_follows_the_size_of_its_users() {
    let root = tempfile::tempdir().unwrap();
    let script =
        "trap 'stty size; exit' WINCH; stty size; echo ready; while :; do sleep 0.01; done";
    let resize = |terminal: &Terminal, ws_row, ws_col| {
        let size = Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal.own, size).unwrap();
    };
    let terminal = Terminal::start_sized(&mut exec(root.path(), script), Some("xterm"), (31, 97));
    wait_for("the command", || terminal.shows("ready"));
    resize(&terminal, 17, 55);
    assert_eq!(terminal.end(), "31 97\r\nready\r\n17 55\r\n");
    // Without one it has a usual size.
    assert_eq!(text(&run(&mut exec(root.path(), "stty size")).stdout), "24 80\r\n");
}

#[test]
fn the_terminal_of_its_user_is_raw_meanwhile_and_as_it_was_after() {
    with_default_signals();
    let root = tempfile::tempdir().unwrap();
    let modes = |terminal: &Terminal| tcgetattr(&terminal.own).unwrap();
    for signal in [None, Some(Signal::TERM), Some(Signal::INT), Some(Signal::HUP)] {
        let script = "stty -echo; echo ready; read word; exit 0";
        let mut terminal = Terminal::start(&mut exec(root.path(), script), Some("xterm"));
        wait_for("the command", || terminal.shows("ready"));
        let raw = modes(&terminal);
        assert!(
            !raw.local_modes.intersects(LocalModes::ICANON | LocalModes::ISIG | LocalModes::ECHO)
        );
        match signal {
            Some(signal) => kill(&terminal.child, signal),
            None => (&terminal.own).write_all(b"\r").unwrap(),
        }
        terminal.child.wait();
        let after = modes(&terminal);
        let all = LocalModes::ICANON | LocalModes::ISIG | LocalModes::ECHO;
        assert!(after.local_modes.contains(all), "{signal:?}: {after:?}");
        assert_eq!(after.input_modes, terminal.before.input_modes);
        assert_eq!(after.output_modes, terminal.before.output_modes);
        assert_eq!(after.local_modes, terminal.before.local_modes);
    }
}

#[test]
fn a_job_in_the_background_leaves_the_terminal_of_its_user_alone() {
    let root = tempfile::tempdir().unwrap();
    let script =
        "set -m; \"$TANDEM\" exec --pty sh -c 'echo in the background' & wait $!; echo \"code $?\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).env("TANDEM", env!("CARGO_BIN_EXE_tandem")).current_dir(root.path());
    let terminal = Terminal::start(&mut shell, Some("xterm"));
    assert_eq!(terminal.end(), "in the background\r\r\ncode 0\r\n");
}

#[test]
fn a_job_in_the_background_has_not_the_modes_in_which_a_shell_edits_its_line() {
    let root = tempfile::tempdir().unwrap();
    let script = "stty -icanon -echo; set -m
        \"$TANDEM\" exec --pty stty -a & wait $!; echo \"code $?\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).env("TANDEM", env!("CARGO_BIN_EXE_tandem")).current_dir(root.path());
    let shown = Terminal::start(&mut shell, Some("xterm")).end();
    let has = |mode: &str| shown.split_whitespace().any(|word| word == mode);
    assert!(has("icanon") && has("echo") && shown.contains("code 0"), "{shown}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_job_that_is_brought_to_the_foreground_has_the_keys_as_they_are() {
    with_default_signals();
    let root = tempfile::tempdir().unwrap();
    let mut shell = crate::job::shell(root.path());
    let script = "stty raw; echo rea\"\"dy; head -c 1 | od -An -tx1; exit 5";
    shell.press(&format!("$TANDEM exec --pty sh -c '{script}' & echo st\"\"arted\n"));
    wait_for("the command", || shell.shows("ready") && shell.shows("started"));
    shell.press("fg; echo ended $?\n");
    let is_raw = || {
        let modes = tcgetattr(&shell.own).unwrap().local_modes;
        !modes.intersects(LocalModes::ICANON | LocalModes::ISIG)
    };
    wait_for("a raw terminal", is_raw);
    // It would interrupt the job, or wait for the end of its line.
    shell.press("\x03");
    wait_for("the end", || shell.shows("ended 5"));
    assert!(shell.shows(" 03"));
    shell.press("exit\n");
    shell.end();
}

#[test]
fn signals_reach_a_command_on_a_terminal_of_its_own() {
    with_default_signals();
    let root = tempfile::tempdir().unwrap();
    let script = "trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.01; done";
    let terminal = Terminal::start(&mut exec(root.path(), script), Some("xterm"));
    wait_for("the command", || terminal.shows("ready"));
    kill(&terminal.child, Signal::TERM);
    assert_eq!(terminal.end(), "ready\r\nterm\r\n");
    assert_eq!(manifest(root.path())["status"], "cancelled");
}

#[test]
fn a_message_begins_at_the_left_of_a_raw_terminal() {
    let root = tempfile::tempdir().unwrap();
    let script = "until grep -q '\"running\"' \"$DIR/manifest.json\"; do :; done
        rm \"$DIR/manifest.json\"; mkdir -p \"$DIR/manifest.json/x\"; echo spoiled; read word";
    let mut command =
        tandem(&["exec", "--task", "task", "--run", "run", "--interval", "20", "--pty"]);
    command.args(["--", "sh", "-c", script]).current_dir(root.path());
    let terminal = Terminal::start(command.env("DIR", ".runs/task/cli/run"), Some("xterm"));
    let warning = || {
        let shown = terminal.text();
        let (_, warning) = shown.split_once("warning: ")?;
        Some(warning.split_once('\n')?.0.to_owned())
    };
    wait_for("a warning", || warning().is_some());
    assert!(warning().unwrap().ends_with('\r'));
    (&terminal.own).write_all(b"\r").unwrap();
    terminal.end();
}

#[test]
fn a_terminal_hangs_up_when_what_it_shows_cannot_be_written() {
    let root = tempfile::tempdir().unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = exec(root.path(), "exec yes");
    let mut child = Guarded::spawn(command.stdin(Stdio::null()).stdout(full).stderr(Stdio::null()));
    assert_eq!(child.wait().code(), Some(128 + Signal::HUP.as_raw()));
    let detail = "killed by signal SIGHUP (1), cannot write standard output: write: No space left on \
        device (os error 28)";
    assert_eq!(manifest(root.path())["status_detail"], detail);
    assert_eq!(manifest(root.path())["status"], "failed");

    // One that is closed is one that cannot be written.
    for (script, code) in [("exec yes", 128 + Signal::HUP.as_raw()), ("trap '' HUP; echo lost", 1)]
    {
        let mut command = exec(root.path(), script);
        before_start(command.stdin(Stdio::null()), || {
            // SAFETY: the file is nobody's in the child.
            unsafe { libc::close(1) };
        });
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped());
        let done = Guarded::spawn(child).output();
        assert_eq!(done.status.code(), Some(code), "{done:?}");
        let what = "cannot write standard output: write: Bad file descriptor (os error 9)";
        assert_eq!(text(&done.stderr), format!("tandem exec: warning: {what}\n"));
        assert!(manifest(root.path())["status_detail"].as_str().unwrap().ends_with(what));
    }

    // A command that goes on all the same comes to its end.
    let (reader, writer) = pipe().unwrap();
    let script = "trap 'hung_up=1' HUP; while [ -z \"$hung_up\" ]; do echo more; done; \
        yes | head -n 100000; exit 5";
    let mut command = exec(root.path(), script);
    let mut child =
        Guarded::spawn(command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::null()));
    drop(command);
    drop(reader);
    assert_eq!(child.wait().code(), Some(5));
}
