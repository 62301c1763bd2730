//! `TANDEM_LOG`.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::support::{Guarded, Root, run, tandem, text};
use crate::talk::{Feed, feed};
use crate::terminal::Terminal;

const SECRET: &str = "s3cret";

impl Root {
    fn log_path(&self) -> PathBuf {
        self.path().join("log")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap()
    }

    /// The setting that writes here.
    fn to(&self, level: &str) -> String {
        format!("{level}:{}", self.log_path().display())
    }

    fn logged(&self, log: &str, command: &[&str]) -> Command {
        let mut exec = self.exec(&["--run", "run", "--"]);
        exec.args(command).env("TANDEM_LOG", log);
        exec
    }
}

#[track_caller]
fn assert_output(output: &Output, code: i32, stdout: &str, stderr: &str) {
    let told = (output.status.code(), text(&output.stdout), text(&output.stderr));
    assert_eq!(told, (Some(code), stdout.to_owned(), stderr.to_owned()));
}

/// What is warned of, if nothing else is said and the command did what it does.
#[track_caller]
fn warning(output: &Output) -> String {
    let stderr = text(&output.stderr);
    assert_eq!((output.status.code(), &*text(&output.stdout)), (Some(3), "out\n"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let warning = stderr.strip_prefix("tandem exec: warning: no log is kept: ");
    warning.unwrap_or_else(|| panic!("{stderr}")).trim_end().to_owned()
}

#[test]
fn the_log_tells_what_is_done_and_no_secret_and_the_outputs_are_the_command_s() {
    let root = Root::new();
    let script = "echo $0; echo $0 >&2; exit 3";
    let output = run(&mut root.logged(&root.to("trace"), &["sh", "-c", script, SECRET]));
    assert_output(&output, 3, "s3cret\n", "s3cret\n");
    let log = root.log();
    for told in [
        "directory opened path=",
        "component loaded",
        "component started",
        "run opened call=\"open\" task=\"task\" run=\"run\"",
        "call ended call=\"set\" task=\"task\" run=\"run\" revision=1",
        "call ended call=\"schedule\"",
        "manifest=Durable heartbeat=Visible took_us=",
        "run recorded call=\"record-run\" task=\"task\" run=\"run\"",
        "lock acquired lock=\".runs/task.lock\"",
        "lock released lock=\".runs/task.lock\"",
        "disk call ended call=\"rename\"",
        "disk call ended call=\"sync-data\"",
    ] {
        assert!(log.contains(told), "{told}: {log}");
    }
    assert!(!log.contains(SECRET), "{log}");
    assert!(log.lines().all(|line| line.contains(" tandem_host: ")), "{log}");
    // Of less, less is told, behind what is there.
    let before = log.lines().count();
    run(&mut root.logged(&root.to("info"), &["true"]));
    let added: Vec<_> = root.log().lines().skip(before).map(str::to_owned).collect();
    assert_eq!(added.len(), 3, "{added:?}");
    assert!(added.iter().all(|line| line.contains("  INFO ")), "{added:?}");
}

#[test]
fn waits_for_a_lock_and_its_takeover_are_told() {
    let root = Root::new();
    let lock = root.path().join(".runs/task.lock");
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    let token = "0f".repeat(16);
    fs::write(&lock, format!("{{\"version\":1,\"token\":\"{token}\",\"lease_ms\":50}}\n")).unwrap();
    run(&mut root.logged(&root.to("debug"), &["true"]));
    let log = root.log();
    let at = |told: &str| log.find(told).unwrap_or_else(|| panic!("{told}: {log}"));
    let waits = at("lock is kept by another lock=\".runs/task.lock\"");
    let takes = at("expired lock taken over lock=\".runs/task.lock\"");
    assert!(waits < takes && takes < at("lock released"), "{log}");
}

#[test]
fn what_fails_is_told_with_its_cause() {
    let root = Root::new();
    // The history cannot be written.
    fs::create_dir_all(root.path().join("out/task/runs.json")).unwrap();
    // Nor can the manifest, from the start of the command on.
    let script = r#"until grep -q '"status": "running"' "$STATE"; do :; done
        rm "$STATE"; mkdir -p "$STATE/x""#;
    let mut exec = root.logged(&root.to("warn"), &["sh", "-c", script]);
    run(exec.env("STATE", root.path().join(".runs/task/cli/run/manifest.json")));
    let log = root.log();
    let failed = "WARN tandem_host: call failed call=";
    let of_manifest = "kind=Storage channel=Manifest operation=Rename \
                       path=\".runs/task/cli/run/manifest.json\" code=\"is-directory\"";
    let of_history = "kind=History channel=History operation=Read \
                      path=\"out/task/runs.json\" code=\"is-directory\"";
    for told in [of_manifest, of_history] {
        assert!(log.lines().any(|line| line.contains(failed) && line.contains(told)), "{log}");
    }
}

#[test]
fn a_log_goes_to_a_descriptor_that_the_command_has_too() {
    let root = Root::new();
    let script = r#"exec 5>>"$LOG"; exec "$@""#;
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_tandem"), "exec", "--root"]);
    shell.arg(root.path()).args(["--", "sh", "-c", r#"echo "mine $TANDEM_LOG" >&5"#]);
    let output = run(shell.env("LOG", root.log_path()).env("TANDEM_LOG", "info:fd:5"));
    assert_output(&output, 0, "", "");
    let log = root.log();
    assert!(log.contains("run opened") && log.contains("run recorded"), "{log}");
    assert!(log.contains("mine info:fd:5\n"), "{log}");
}

#[test]
fn a_log_that_cannot_be_kept_is_warned_of_and_stops_nothing() {
    let root = Root::new();
    let fifo = root.path().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let fifo = format!("info:{}", fifo.display());
    for (log, why) in [
        ("debug", "TANDEM_LOG is not LEVEL:PATH or LEVEL:fd:N: \"debug\""),
        ("loud:x", "the level of TANDEM_LOG is not error, warn, info, debug or trace: \"loud:x\""),
        ("info:fd:1", "the descriptor of TANDEM_LOG is no number above 2: \"info:fd:1\""),
        ("info:fd:999", "cannot open descriptor 999: Bad file descriptor"),
        ("info:/no/such/dir/log", "cannot open \"/no/such/dir/log\": No such file or directory"),
        (fifo.as_str(), "cannot open"),
    ] {
        let output = run(&mut root.logged(log, &["sh", "-c", "echo out; exit 3"]));
        let warning = warning(&output);
        assert!(warning.starts_with(why), "{warning}");
    }
}

/// The same program with the descriptors from 3 to 9 closed.
fn with_none_open(program: &Command) -> Command {
    let script = r#"exec "$@" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-"#;
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(program.get_program()).args(program.get_args());
    shell
}

#[test]
fn a_descriptor_that_the_caller_did_not_open_is_never_one_of_the_program_s() {
    for number in 3..=9 {
        let root = Root::new();
        let log = format!("trace:fd:{number}");
        let why = format!("cannot open descriptor {number}: Bad file descriptor");
        let exec = root.logged("", &["sh", "-c", "echo out; exit 3"]);
        let warning = warning(&run(with_none_open(&exec).env("TANDEM_LOG", &log)));
        assert!(warning.starts_with(&why), "{warning}");

        let mut feed = Feed::spawn(with_none_open(&feed(root.path())).env("TANDEM_LOG", &log));
        let open = json!({"id": 1, "op": "open", "task": "task", "run": "fed"});
        assert!(feed.ask(&open)["error"].is_null());
        let set = json!({"id": 2, "op": "set", "task": "task", "run": "fed", "manifest": {}});
        assert!(feed.ask(&set)["error"].is_null());
        let output = feed.end();
        let stderr = text(&output.stderr);
        assert_eq!((output.status.code(), stderr.lines().count()), (Some(0), 1), "{stderr}");
        assert!(stderr.starts_with(&format!("tandem feed: warning: no log is kept: {why}")));
    }
}

#[test]
fn the_log_is_never_an_output_of_the_command() {
    let root = Root::new();
    for log in ["info:/dev/stdout", "info:/dev/stderr", "info:fd:7"] {
        let script = r#"exec 7>&1; exec "$@""#;
        let exec = root.logged(log, &["sh", "-c", "echo out; exit 3"]);
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]).arg(exec.get_program()).args(exec.get_args());
        let warning = warning(&run(shell.env("TANDEM_LOG", log)));
        assert!(warning.starts_with("it would be mixed with an output: "), "{warning}");
    }
    // There is no log without the variable, and the one that is the command's is not read.
    for (log, of_command) in [("", "trace"), ("", "")] {
        let mut exec = root.logged(log, &["sh", "-c", "echo out; exit 3"]);
        assert_output(&run(exec.env("RUST_LOG", of_command)), 3, "out\n", "");
    }
    let mut exec = root.logged("trace:/dev/null", &["sh", "-c", "echo out; exit 3"]);
    assert_output(&run(&mut exec), 3, "out\n", "");
}

#[test]
fn the_log_is_no_terminal_where_an_output_is_one() {
    let root = Root::new();
    let mut exec = root.logged("trace:/dev/tty", &["sh", "-c", "echo out"]);
    let shown = Terminal::start(&mut exec, None).end();
    let why = "no log is kept: it would be mixed with an output: \"/dev/tty\"";
    assert!(shown.contains(why) && shown.contains("out"), "{shown}");
    assert!(!shown.contains("run opened"), "{shown}");
}

/// A pipe in the file system whose reader stands still, and which is full.
fn full_pipe(path: &Path) -> File {
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut options = OpenOptions::new();
    let mut pipe = options.read(true).write(true).custom_flags(flags).open(path).unwrap();
    loop {
        match pipe.write(&[b'.'; 4096]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return pipe,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_log_that_nobody_reads_holds_nothing_up() {
    let root = Root::new();
    let _pipe = full_pipe(&root.log_path());
    let output = run(&mut root.logged(&root.to("trace"), &["sh", "-c", "echo out; exit 3"]));
    assert_output(&output, 3, "out\n", "");
}

#[test]
fn a_log_that_cannot_be_written_is_told_once_and_stops_nothing() {
    let root = Root::new();
    let output = run(&mut root.logged("trace:/dev/full", &["sh", "-c", "echo out; exit 3"]));
    let why = "tandem exec: warning: the log ends here: No space left on device (os error 28)\n";
    assert_output(&output, 3, "out\n", why);
}

#[test]
fn feed_and_history_keep_a_log_too() {
    let root = Root::new();
    let mut feed = Feed::spawn(feed(root.path()).env("TANDEM_LOG", root.to("debug")));
    let open = json!({"id": 1, "op": "open", "task": "task", "run": "run"});
    assert!(feed.ask(&open)["error"].is_null());
    let set =
        json!({"id": 2, "op": "set", "task": "task", "run": "run", "manifest": {"a": SECRET}});
    assert!(feed.ask(&set)["error"].is_null());
    let merge = json!({"id": 3, "op": "merge", "task": "task", "run": "run", "patch": SECRET});
    assert!(feed.ask(&merge)["ok"].is_null());
    assert_eq!(feed.end().status.code(), Some(0));
    let log = root.log();
    assert!(log.contains("run opened") && log.contains("call=\"close\""), "{log}");
    assert!(!log.contains(SECRET), "{log}");

    let mut history = tandem(&["history", "--task", "task", "--root"]);
    let piped = history.arg(root.path()).env("TANDEM_LOG", root.to("debug"));
    let output = Guarded::spawn(piped.stdout(Stdio::piped()).stderr(Stdio::piped())).output();
    assert_eq!(output.status.code(), Some(0));
    assert!(root.log().contains("call=\"history\" task=\"task\""));
}
