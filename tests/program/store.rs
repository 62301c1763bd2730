//! `--store`: runs beyond one machine, in a real server that is killed and comes back.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tandem_tests::postgres::Server;
use tandem_tests::servers;

use crate::support::{Guarded, assert_one_line, run, tandem, text, wait_for};

pub const TASK: &str = "nightly";

/// The program with a store.
pub fn with_store(url: &str, args: &[&str]) -> Command {
    let mut command = tandem(&args[..1]);
    command.args(["--store", url]).args(&args[1..]);
    command
}

pub fn migrated(server: &Server<'_>, schema: &str) -> String {
    let url = server.url(schema);
    let output = run(&mut with_store(&url, &["migrate"]));
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    url
}

pub fn exec(url: &str, task: &str, command: &[&str]) -> Output {
    run(&mut with_store(url, &[&["exec", "--task", task, "--"], command].concat()))
}

/// The text of a document.
fn body(server: &Server<'_>, schema: &str, like: &str) -> String {
    server.sql(&format!(
        "select convert_from(body, 'UTF8') from {schema}.documents \
         where head like '{like}' and body is not null"
    ))
}

/// An `exec` whose command waits until it is to go on.
pub struct Waiting {
    exec: Guarded,
    go_on: PathBuf,
    _directory: tempfile::TempDir,
}

impl Waiting {
    /// Returns when the command runs. `then` is its end.
    pub fn start(url: &str, flags: &[&str], then: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [started, go_on] = ["started", "go-on"].map(|name| directory.path().join(name));
        let (begin, end) = (started.display(), go_on.display());
        let script = format!("touch {begin}; while ! test -e {end}; do sleep 0.05; done; {then}");
        let args = [&["exec"], flags, &["--", "sh", "-c", &script]].concat();
        let mut command = with_store(url, &args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let exec = Guarded::spawn(&mut command);
        wait_for("the command runs", || started.exists());
        Waiting { exec, go_on, _directory: directory }
    }

    pub fn go_on(self) -> Output {
        fs::write(&self.go_on, "").unwrap();
        self.exec.output()
    }
}

#[test]
fn a_run_is_kept_in_a_store_and_nothing_on_the_disk() {
    let server = servers!().shared();
    let url = migrated(server, "kept");
    let directory = tempfile::tempdir().unwrap();
    let mut command =
        with_store(&url, &["exec", "--task", TASK, "--", "sh", "-c", "echo out; exit 3"]);
    let output = run(command.current_dir(&directory));
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(3), "out\n".to_owned()));
    assert_eq!(text(&output.stderr), "");
    assert_eq!(directory.path().read_dir().unwrap().count(), 0, "something is on the disk");

    let manifest = body(server, "kept", ".runs/nightly/cli/%/manifest.json");
    assert!(manifest.contains("\"failed\"") && manifest.contains("out\\n"), "{manifest}");
    let history = text(&run(&mut with_store(&url, &["history", "--task", TASK])).stdout);
    assert!(history.contains("failed") && history.contains("exit code 3"), "{history}");
    let none = text(&run(&mut with_store(&url, &["history", "--task", "other"])).stdout);
    assert_eq!(none, "there are no recorded runs of other in the store\n");
}

#[test]
fn runs_of_several_processes_are_all_in_the_history() {
    let server = servers!().shared();
    let url = migrated(server, "several");
    let children: Vec<_> = (0..8)
        .map(|_| Guarded::spawn(&mut with_store(&url, &["exec", "--task", TASK, "--", "true"])))
        .collect();
    for mut child in children {
        assert!(child.wait().success());
    }
    let history = run(&mut with_store(&url, &["history", "--task", TASK, "--json"]));
    let history: serde_json::Value = serde_json::from_slice(&history.stdout).unwrap();
    assert_eq!(history["total"], 8);
}

#[test]
fn feed_keeps_runs_in_a_store() {
    let server = servers!().shared();
    let url = migrated(server, "fed");
    let lines = concat!(
        r#"{"id":1,"op":"open","task":"nightly","run":"r1"}"#,
        "\n",
        r#"{"id":2,"op":"set","task":"nightly","run":"r1","manifest":{"status":"in_progress"}}"#,
        "\n",
        r#"{"id":3,"op":"flush","task":"nightly","run":"r1"}"#,
        "\n",
    );
    let mut command = with_store(&url, &["feed"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut feed = Guarded::spawn(&mut command);
    feed.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = feed.output();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    let manifest = body(server, "fed", ".runs/nightly/cli/r1/manifest.json");
    assert!(manifest.contains("in_progress"), "{manifest}");
}

#[test]
fn a_store_that_goes_away_changes_nothing_about_the_command() {
    let installed = servers!();
    let mut server = installed.start(&[]);
    let url = migrated(&server, "tandem");
    let waiting = Waiting::start(&url, &["--task", TASK], "exit 7");
    server.kill();
    let output = waiting.go_on();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{stderr}");
    assert!(stderr.contains("tandem exec: "), "it does not tell that the run is not kept");
    server.start();
    // What was acknowledged before is there.
    let manifest = body(&server, "tandem", ".runs/nightly/cli/%/manifest.json");
    assert!(manifest.contains("in_progress"), "{manifest}");
    assert_eq!(exec(&url, TASK, &["true"]).status.code(), Some(0));
}

#[test]
fn what_cannot_be_a_store_is_told_in_one_line_and_starts_no_command() {
    let server = servers!().shared();
    let unmade = server.url("unmade");
    let closed = "postgres://me:secret@127.0.0.1:1/db";
    for (url, told) in [
        (unmade.as_str(), "tandem migrate --store URL"),
        (closed, "no server can be reached at 127.0.0.1:1"),
        ("mysql://me:secret@host/db", "not as mysql://..."),
        ("postgres://me:secret@host/db?color=red", "color"),
    ] {
        let output = exec(url, TASK, &["echo", "started"]);
        let stderr = assert_one_line(&output, 125);
        assert!(stderr.contains(told) && !stderr.contains("secret"), "{url}: {stderr}");
        assert_eq!(text(&output.stdout), "");
        let stderr = assert_one_line(&run(&mut with_store(url, &["history", "--task", TASK])), 1);
        assert!(stderr.contains(told) && !stderr.contains("secret"), "{url}: {stderr}");
    }
    for more in [["--root", "."].as_slice(), &["--mode", "600"], &["--keep-last", "3", "--prune"]] {
        let args = [&["exec"], more, &["--", "true"]].concat();
        let stderr = assert_one_line(&run(&mut with_store(closed, &args)), 2);
        assert!(stderr.contains("--store"), "{stderr}");
    }
}

#[test]
fn a_server_that_keeps_nothing_over_a_power_loss_is_refused() {
    let server = servers!().start(&["fsync=off"]);
    let url = migrated(&server, "tandem");
    let stderr = assert_one_line(&exec(&url, TASK, &["true"]), 125);
    assert!(
        stderr.contains("the store promises too little") && stderr.contains("fsync"),
        "{stderr}"
    );
}

#[test]
fn a_second_owner_gets_a_conflict_and_its_command_goes_on() {
    let server = servers!().shared();
    let url = migrated(server, "owners");
    let first = Waiting::start(&url, &["--task", TASK, "--run", "r1"], "exit 0");
    let args = ["exec", "--task", TASK, "--run", "r1", "--no-record", "--", "true"];
    assert_eq!(run(&mut with_store(&url, &args)).status.code(), Some(0));
    let output = first.go_on();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("somebody else writes it"), "{stderr}");
}

#[test]
fn a_store_tells_how_often_runs_show_a_sign_of_life() {
    let server = servers!().shared();
    let url = migrated(server, "beats");
    let intervals = || {
        let members = ["heartbeat_interval_seconds", "heartbeat_stale_after_seconds"];
        let manifest = body(server, "beats", ".runs/nightly/cli/%/manifest.json");
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        server.sql("delete from beats.documents where head like '.runs/%'");
        members.map(|name| manifest[name].as_f64().unwrap())
    };
    assert_eq!(exec(&url, TASK, &["true"]).status.code(), Some(0));
    assert_eq!(intervals(), [5.0, 30.0]);
    let told = run(&mut with_store(&url, &["migrate", "--heartbeat-interval", "20s"]));
    assert_eq!((told.status.code(), text(&told.stderr)), (Some(0), String::new()));
    assert_eq!(exec(&url, TASK, &["true"]).status.code(), Some(0));
    assert_eq!(intervals(), [20.0, 120.0]);
    // Who makes the tables again leaves it.
    migrated(server, "beats");
    let args = ["exec", "--task", TASK, "--heartbeat", "7000", "--", "true"];
    assert_eq!(run(&mut with_store(&url, &args)).status.code(), Some(0));
    assert_eq!(intervals(), [7.0, 42.0]);
    let told = run(&mut with_store(&url, &["migrate", "--heartbeat-interval", "2days"]));
    let stderr = text(&told.stderr);
    assert_eq!(told.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("it is not within a millisecond and a day"), "{stderr}");
}
