//! `tandem exec`, as its users see it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Guarded, full_pipe, kill, temp_files, wait_for, with_default_signals};

/// A state directory and one run in it.
struct State {
    root: TempDir,
}

impl State {
    fn new() -> Self {
        State { root: tempfile::tempdir().unwrap() }
    }

    fn run_dir(&self) -> PathBuf {
        self.root.path().join(".runs/task/cli/run")
    }

    fn manifest(&self) -> Value {
        let text = fs::read_to_string(self.run_dir().join("manifest.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn heartbeat(&self) -> Option<String> {
        fs::read_to_string(self.run_dir().join(".heartbeat")).ok()
    }

    /// `tandem exec` with `flags` on `sh -c script`.
    fn shell(&self, flags: &[&str], script: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
        command.args(["exec", "--task", "task", "--run", "run", "--root"]).arg(self.root.path());
        command.args(flags).args(["--", "sh", "-c", script]).env("STATE", self.run_dir());
        command
    }
}

/// Puts a directory in the place of its manifest, once nothing writes it until the end.
const SPOILS_ITS_MANIFEST: &str = r#"
until grep -q '"status": "running"' "$STATE/manifest.json"; do :; done
rm "$STATE/manifest.json"; mkdir -p "$STATE/manifest.json/x"; exit 7
"#;

fn output(command: &mut Command) -> Output {
    Guarded::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))
        .output()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Starts the script and waits until it has written `ready`.
fn started(command: &mut Command) -> (Guarded, BufReader<std::process::ChildStdout>) {
    let mut child = Guarded::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    (child, stdout)
}

#[test]
fn output_and_exit_code_pass_through() {
    let state = State::new();
    let done = output(&mut state.shell(&[], r"printf 'a\0\377b'; printf 'oops\n' >&2; exit 42"));
    assert_eq!(done.status.code(), Some(42));
    assert_eq!(done.stdout, b"a\0\xffb");
    assert_eq!(done.stderr, b"oops\n");
    let manifest = state.manifest();
    assert_eq!(manifest["status"], "failed");
    assert_eq!(manifest["commands"][0]["exit_code"], 42);
    assert_eq!(manifest["commands"][0]["status"], "failed");
    assert_eq!((&manifest["stdout_bytes"], &manifest["stderr_bytes"]), (&4.into(), &5.into()));
    let tail = manifest["output_tail"].as_str().unwrap();
    assert!(tail.contains("a\0\u{fffd}b") && tail.contains("oops\n"), "{tail:?}");
}

#[test]
fn a_command_that_succeeds_leaves_the_documented_files_and_nothing_else() {
    let state = State::new();
    let done = output(&mut state.shell(&[], "echo hello"));
    assert!(done.status.success(), "{done:?}");
    assert_eq!(done.stderr, b"");
    let mut names: Vec<_> = fs::read_dir(state.run_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [".heartbeat", "manifest.json"]);
    assert_eq!(state.heartbeat().unwrap().len(), 25);

    let manifest = state.manifest();
    assert_eq!(manifest["version"], 1);
    assert_eq!(manifest["task_id"], "task");
    assert_eq!(manifest["run_id"], "run");
    assert_eq!(manifest["status"], "succeeded");
    assert_eq!(manifest["log_path"], Value::Null);
    assert_eq!(manifest["artifact_root"], ".runs/task/cli/run");
    assert_eq!(manifest["heartbeat_interval_seconds"], 5);
    assert_eq!(manifest["heartbeat_stale_after_seconds"], 30);
    assert_eq!(manifest["output_tail"], "hello\n");
    let command = &manifest["commands"][0];
    assert_eq!(command["kind"], "command");
    assert_eq!(command["status"], "succeeded");
    assert_eq!(command["command"], "sh -c 'echo hello'");
    assert!(command["started_at"].is_string() && command["completed_at"].is_string());
}

#[test]
fn the_state_is_on_the_disk_before_the_command_starts() {
    let state = State::new();
    let done = output(&mut state.shell(&[], r#"cat "$STATE/manifest.json" "$STATE/.heartbeat""#));
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(text.contains(r#""status": "in_progress""#), "{text}");
    assert!(text.ends_with("Z\n"), "{text}");
}

#[test]
fn input_passes_through_and_output_is_not_held_back() {
    let state = State::new();
    let script = "echo ready; printf 'question '; read answer; printf \"<$answer>\"";
    let (mut child, mut stdout) = started(&mut state.shell(&[], script));
    let mut question = [0; 9];
    stdout.read_exact(&mut question).unwrap();
    assert_eq!(&question, b"question ");
    child.stdin.take().unwrap().write_all(b"yes\n").unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "<yes>");
    assert!(child.wait().success());
}

#[test]
fn the_manifest_keeps_the_last_8_kib_of_the_output() {
    let state = State::new();
    output(&mut state.shell(&[], "yes 0123456 | head -c 100000; echo end >&2"));
    let manifest = state.manifest();
    let tail = manifest["output_tail"].as_str().unwrap();
    assert_eq!(tail.len(), 8192);
    assert_eq!(
        (&manifest["stdout_bytes"], &manifest["stderr_bytes"]),
        (&100_000.into(), &4.into())
    );
}

#[test]
fn the_commands_own_flags_are_its_own_with_and_without_two_dashes() {
    for dashes in [&[][..], &["--"]] {
        let state = State::new();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
        command.args(["exec", "--root"]).arg(state.root.path());
        let done = output(command.args(dashes).args(["echo", "--task", "-x", "--", "y"]));
        assert_eq!(String::from_utf8_lossy(&done.stdout), "--task -x -- y\n");
    }
}

#[test]
fn the_manifest_says_that_the_command_runs_as_soon_as_it_does() {
    let state = State::new();
    let (mut child, _stdout) = started(&mut state.shell(&[], "echo ready; read end"));
    wait_for("the start in the manifest", || {
        let manifest = state.manifest();
        manifest["commands"][0]["status"] == "running"
            && manifest["commands"][0]["started_at"].is_string()
    });
    drop(child.stdin.take());
    child.wait();
}

#[test]
fn a_refused_start_leaves_no_run_that_seems_to_go_on() {
    let state = State::new();
    fs::create_dir_all(state.run_dir().join(".heartbeat")).unwrap();
    let done = output(&mut state.shell(&[], "echo started"));
    assert_eq!((done.status.code(), &*done.stdout), (Some(125), &b""[..]));
    assert_eq!(state.manifest()["status"], "failed");
    assert_eq!(state.manifest()["commands"][0]["started_at"], Value::Null);
}

#[test]
fn messages_that_cannot_be_written_change_nothing() {
    let state = State::new();
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let mut bad_id = Command::new(env!("CARGO_BIN_EXE_tandem"));
    bad_id.args(["exec", "--task", "../x", "--root"]).arg(state.root.path()).args(["--", "true"]);
    for (command, code) in [(&mut bad_id, 125), (&mut state.shell(&[], SPOILS_ITS_MANIFEST), 7)] {
        let mut child = Guarded::spawn(command.stdin(Stdio::null()).stderr(full()));
        assert_eq!(child.wait().code(), Some(code));
    }
}

#[test]
fn the_end_is_on_the_disk_before_a_reader_that_does_not_read() {
    with_default_signals();
    let state = State::new();
    let (reader, writer, _) = full_pipe();
    let mut command = state.shell(&[], r#"echo held; : > "$STATE/ready"; exec sleep 1000"#);
    let mut child = Guarded::spawn(command.stdin(Stdio::null()).stdout(writer));
    wait_for("output", || state.run_dir().join("ready").exists());
    kill(&child, Signal::TERM);
    wait_for("the end in the manifest", || state.manifest()["status"] == "cancelled");
    assert_eq!(child.wait().code(), Some(128 + Signal::TERM.as_raw()));
    drop(reader);
}

#[test]
fn a_signal_that_was_ignored_from_the_start_stays_ignored() {
    let state = State::new();
    let tandem = format!(
        "trap '' HUP; exec {} exec --task task --run run --root {} -- sh -c 'echo ready; read end'",
        env!("CARGO_BIN_EXE_tandem"),
        state.root.path().display()
    );
    let (mut child, _stdout) = started(Command::new("sh").args(["-c", &tandem]));
    kill(&child, Signal::HUP);
    drop(child.stdin.take());
    assert_eq!(child.wait().code(), Some(1), "`read` meets the end of its input");
    assert_eq!(state.manifest()["status"], "failed");
}

#[test]
fn a_command_that_is_not_found_fails_with_127() {
    let state = State::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.args(["exec", "--task", "task", "--run", "run", "--root"]).arg(state.root.path());
    let done = output(command.args(["--", "no-such-command"]));
    assert_eq!(done.status.code(), Some(127));
    assert_eq!(stderr(&done), "tandem exec: command not found: no-such-command\n");
    let manifest = state.manifest();
    assert_eq!(manifest["status"], "failed");
    assert_eq!(manifest["commands"][0]["started_at"], Value::Null);
}

#[test]
fn a_command_that_is_not_executable_fails_with_126() {
    let state = State::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.args(["exec", "--task", "task", "--run", "run", "--root"]).arg(state.root.path());
    let done = output(command.args(["--", "/etc/passwd"]));
    assert_eq!(done.status.code(), Some(126));
    assert_eq!(stderr(&done).lines().count(), 1);
    assert_eq!(state.manifest()["status"], "failed");
}

#[test]
fn a_command_whose_state_cannot_be_kept_is_not_started() {
    let state = State::new();
    let marker = state.root.path().join("started");
    let file = state.root.path().join("file");
    fs::write(&file, "").unwrap();
    let blocked = state.root.path().join("blocked");
    fs::create_dir_all(blocked.join(".runs")).unwrap();
    fs::write(blocked.join(".runs/task"), "").unwrap();
    let missing = state.root.path().join("missing");
    let root = state.root.path();
    for (task, root) in
        [("task", &*file), ("task", &missing), ("task", &blocked), ("a/b", root), ("x.lock", root)]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
        command.args(["exec", "--task", task, "--root"]).arg(root).arg("--").arg("touch");
        let done = output(command.arg(&marker));
        assert_eq!(done.status.code(), Some(125), "{root:?} {}", stderr(&done));
        assert_eq!(stderr(&done).lines().count(), 1, "{}", stderr(&done));
        assert!(!marker.exists());
    }
}

#[test]
fn a_signal_is_passed_on_and_the_run_is_cancelled() {
    with_default_signals();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let state = State::new();
        let (mut child, _stdout) = started(&mut state.shell(&[], "echo ready; exec sleep 1000"));
        kill(&child, signal);
        assert_eq!(child.wait().code(), Some(128 + signal.as_raw()));
        let manifest = state.manifest();
        assert_eq!(manifest["status"], "cancelled");
        assert_eq!(manifest["commands"][0]["exit_code"], 128 + signal.as_raw());
        assert!(temp_files(&state.run_dir()).is_empty());
    }
}

#[test]
fn a_command_that_handles_its_signal_ends_as_it_likes() {
    let state = State::new();
    let script = "trap 'echo bye; exit 5' USR1; echo ready; while :; do sleep 0.01; done";
    let (mut child, mut stdout) = started(&mut state.shell(&[], script));
    kill(&child, Signal::USR1);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "bye\n");
    assert_eq!(child.wait().code(), Some(5));
    assert_eq!(state.manifest()["status"], "failed");
}

/// How a run stands whose command got the signal once its script was ready.
fn ended_after(signal: Signal, script: &str) -> (Option<i32>, Value, Value) {
    with_default_signals();
    let state = State::new();
    let (mut child, _stdout) = started(&mut state.shell(&[], script));
    kill(&child, signal);
    let code = child.wait().code();
    let manifest = state.manifest();
    (code, manifest["status"].clone(), manifest["status_detail"].clone())
}

#[test]
fn a_command_that_stops_cleanly_when_it_is_asked_to_is_cancelled() {
    for (signal, name) in
        [(Signal::TERM, "TERM"), (Signal::INT, "INT"), (Signal::QUIT, "QUIT"), (Signal::HUP, "HUP")]
    {
        let wait = "echo ready; while :; do sleep 0.01; done";
        let own = 128 + signal.as_raw();
        let script = format!("trap 'exit {own}' {name}; {wait}");
        let ended = ended_after(signal, &script);
        assert_eq!(ended, (Some(own), "cancelled".into(), format!("exit code {own}").into()));
        let ended = ended_after(signal, &format!("trap 'exit 3' {name}; {wait}"));
        let detail = format!("exit code 3, after SIG{name} ({})", signal.as_raw());
        assert_eq!(ended, (Some(3), "cancelled".into(), detail.into()));
    }
}

#[test]
fn a_command_that_ends_well_after_a_signal_is_done() {
    let script = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done";
    assert_eq!(ended_after(Signal::TERM, script), (Some(0), "succeeded".into(), Value::Null));
}

#[test]
fn a_command_that_has_to_be_killed_after_a_signal_is_cancelled() {
    let script = "trap 'kill -9 $$' TERM; echo ready; while :; do sleep 0.01; done";
    let (code, status, detail) = ended_after(Signal::TERM, script);
    assert_eq!((code, status), (Some(137), "cancelled".into()));
    assert_eq!(detail, "killed by signal SIGKILL (9), after SIGTERM (15)");
}

#[test]
fn a_signal_that_asks_for_no_end_cancels_nothing() {
    let (code, status, _) = ended_after(Signal::USR1, "echo ready; exec sleep 1000");
    assert_eq!((code, status), (Some(128 + Signal::USR1.as_raw()), "failed".into()));
}

#[test]
fn a_command_that_is_killed_by_another_has_failed() {
    let state = State::new();
    let done = output(&mut state.shell(&[], "kill -9 $$"));
    assert_eq!(done.status.code(), Some(137));
    let manifest = state.manifest();
    assert_eq!(manifest["status"], "failed");
    assert_eq!(manifest["status_detail"], "killed by signal SIGKILL (9)");
}

#[test]
fn what_a_command_leaves_in_the_background_does_not_hold_the_program() {
    let state = State::new();
    let done = output(&mut state.shell(&[], "sleep 1000 & echo $!"));
    assert!(done.status.success());
    let left: i32 = String::from_utf8_lossy(&done.stdout).trim().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(left).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
}

#[test]
fn a_reader_that_goes_away_ends_the_command_as_it_would_without_tandem() {
    let state = State::new();
    let (mut child, stdout) = started(&mut state.shell(&[], "echo ready; exec yes"));
    drop(stdout);
    assert_eq!(child.wait().code(), Some(128 + Signal::PIPE.as_raw()));
    assert_eq!(state.manifest()["status"], "failed");
}

#[test]
fn a_command_that_lives_on_without_its_reader_is_done() {
    let state = State::new();
    let script = "trap '' PIPE; echo ready; while echo more 2> /dev/null; do :; done; exit 0";
    let (mut child, stdout) = started(&mut state.shell(&[], script));
    drop(stdout);
    assert_eq!(child.wait().code(), Some(0));
    assert_eq!(state.manifest()["status"], "succeeded");
}

#[test]
fn a_command_that_removes_all_state_is_recorded_nevertheless() {
    for flags in [&[][..], &["--interval", "20", "--heartbeat", "20"]] {
        let state = State::new();
        let script = r#"cd "$STATE/../../../.." && rm -rf .runs out; exit 3"#;
        assert_eq!(output(&mut state.shell(flags, script)).status.code(), Some(3));
        assert_eq!(state.manifest()["status"], "failed");
        let history = crate::support::history(state.root.path(), "task");
        assert_eq!(history["runs"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn bytes_that_are_no_text_come_through() {
    use std::os::unix::ffi::OsStrExt;

    let state = State::new();
    let mut command = state.shell(&[], r#"printf %s "$1""#);
    let done = output(command.arg("sh").arg(std::ffi::OsStr::from_bytes(b"\xff\xfea")));
    assert_eq!((done.status.code(), &*done.stdout), (Some(0), &b"\xff\xfea"[..]));
    assert_eq!(state.manifest()["output_tail"], "\u{fffd}\u{fffd}a");
}

#[test]
fn the_heartbeat_and_the_manifest_follow_the_command() {
    let state = State::new();
    let flags = ["--heartbeat", "20", "--interval", "20"];
    let (mut child, _stdout) = started(&mut state.shell(&flags, "echo ready; read end"));
    let first = state.heartbeat();
    wait_for("a new heartbeat", || state.heartbeat() != first);
    wait_for("the output in the manifest", || state.manifest()["output_tail"] == "ready\n");
    assert_eq!(state.manifest()["commands"][0]["status"], "running");
    drop(child.stdin.take());
    child.wait();
}

#[test]
fn the_manifest_and_the_heartbeat_each_have_an_interval_of_their_own() {
    let hour = "3600000";
    let script = "echo ready; read go; echo more; read end";
    let started_with = |state: &State, heartbeat, interval| {
        let flags = ["--heartbeat", heartbeat, "--interval", interval];
        let (mut child, stdout) = started(&mut state.shell(&flags, script));
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"\n").unwrap();
        (child, stdin, stdout)
    };
    let state = State::new();
    let (mut child, stdin, _stdout) = started_with(&state, hour, "20");
    let first = state.heartbeat();
    wait_for("the output in the manifest", || state.manifest()["output_tail"] == "ready\nmore\n");
    // The first heartbeat of its own comes when the command has started.
    drop(stdin);
    child.wait();
    assert!(first.is_some());

    let state = State::new();
    let (mut child, stdin, _stdout) = started_with(&state, "20", hour);
    let mut seen = state.heartbeat();
    for _ in 0..20 {
        wait_for("a heartbeat", || {
            let now = state.heartbeat();
            std::mem::replace(&mut seen, now.clone()) != now
        });
    }
    assert_eq!(state.manifest()["output_tail"], "", "it waits for its interval");
    drop(stdin);
    child.wait();
    assert_eq!(state.manifest()["output_tail"], "ready\nmore\n");
}

#[test]
fn a_write_error_later_is_a_warning_and_the_commands_code_stays() {
    let state = State::new();
    let done = output(&mut state.shell(&[], SPOILS_ITS_MANIFEST));
    assert_eq!(done.status.code(), Some(7));
    let warning = stderr(&done);
    let expected = "tandem exec: warning: cannot replace .runs/task/cli/run/manifest.json";
    assert!(warning.starts_with(expected), "{warning}");
    assert_eq!(warning.lines().count(), 1, "{warning}");
    assert!(temp_files(&state.run_dir()).is_empty());
}

#[test]
fn a_wrong_flag_is_one_line_and_exit_code_2() {
    for arguments in [
        &["exec", "--interval", "0", "--", "true"][..],
        &["exec", "--durability", "maybe", "--", "true"],
        &["exec", "--colour", "--", "true"],
        &["exec", "--colour", "true"],
        &["exec"],
    ] {
        let done = output(Command::new(env!("CARGO_BIN_EXE_tandem")).args(arguments));
        assert_eq!(done.status.code(), Some(2), "{arguments:?}");
        assert_eq!(stderr(&done).lines().count(), 1, "{}", stderr(&done));
    }
}

/// Kills `exec` in the middle of its writes; what it leaves must be whole.
fn kill_while_writing(state: &State, beats: usize) {
    let flags = ["--heartbeat", "1", "--interval", "1", "--durability", "visible"];
    let script = "i=0; while echo $i; do i=$((i+1)); done";
    let mut command = state.shell(&flags, script);
    let mut child = Guarded::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()));
    let stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || std::io::copy(&mut { stdout }, &mut std::io::sink()));
    let mut seen = state.heartbeat();
    for _ in 0..beats {
        wait_for("a heartbeat", || {
            let now = state.heartbeat();
            std::mem::replace(&mut seen, now.clone()) != now
        });
    }
    kill(&child, Signal::KILL);
    assert_eq!(child.wait().signal(), Some(9));
    // The command ends by SIGPIPE.
    reader.join().unwrap().unwrap();
    assert_eq!(state.manifest()["status"], "in_progress");
    assert_eq!(state.heartbeat().unwrap().len(), 25);
}

fn set_old(path: &Path) {
    let two_hours_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    fs::File::options().write(true).open(path).unwrap().set_modified(two_hours_ago).unwrap();
}

#[test]
fn killed_200_times_every_file_is_whole_and_leftovers_are_swept() {
    let kills = |from: usize| {
        let state = State::new();
        for n in 0..100 {
            kill_while_writing(&state, 1 + (from + n) % 5);
        }
        // At least one, whatever the kills have left.
        let name = format!(".heartbeat.{}.tandem-tmp", "0f".repeat(16));
        fs::write(state.run_dir().join(name), "").unwrap();
        let left = temp_files(&state.run_dir());
        left.iter().for_each(|name| set_old(&state.run_dir().join(name)));
        assert!(output(&mut state.shell(&[], "true")).status.success());
        assert!(temp_files(&state.run_dir()).is_empty());
        left.len()
    };
    let left = std::thread::scope(|scope| {
        let other = scope.spawn(|| kills(1));
        kills(0) + other.join().unwrap()
    });
    eprintln!("{left} temporary files were left by 200 kills, and swept");
}

#[test]
fn young_leftovers_are_not_swept() {
    let state = State::new();
    fs::create_dir_all(state.run_dir()).unwrap();
    let name = format!(".manifest.json.{}.tandem-tmp", "0f".repeat(16));
    fs::write(state.run_dir().join(name), "").unwrap();
    assert!(output(&mut state.shell(&[], "true")).status.success());
    assert_eq!(temp_files(&state.run_dir()).len(), 1);
}
