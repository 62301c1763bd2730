//! `tandem status`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::runs::{LONG_AGO, Root, now};
use crate::support::{Guarded, assert_one_line, run, tandem, text};

const LONG_AHEAD: &str = "2999-01-01T00:00:00.000Z";

#[test]
fn no_runs_are_one_sentence_and_no_failure() {
    let root = Root::new();
    let output = run(&mut root.status(&[]));
    assert!(output.status.success());
    assert_eq!(
        text(&output.stdout),
        format!("there are no runs below {}\n", root.path().display())
    );
    assert_eq!(root.rows(), Vec::<Value>::new());
}

#[test]
fn what_stands_in_the_way_of_the_runs_is_said() {
    let root = Root::new();
    std::fs::write(root.path().join(".runs"), "").unwrap();
    let stderr = assert_one_line(&run(&mut root.status(&[])), 1);
    assert!(stderr.contains(".runs is not a directory"), "{stderr}");
}

#[test]
fn a_root_that_is_missing_or_a_file_is_one_line_and_exit_code_1() {
    let root = Root::new();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    for bad in [root.path().join("missing"), file] {
        let mut command = tandem(&["status", "--root"]);
        let stderr = assert_one_line(&run(command.arg(&bad)), 1);
        assert!(stderr.contains("the root") && stderr.contains(bad.to_str().unwrap()));
    }
}

#[test]
fn runs_are_listed_newest_first_with_state_and_exit_code() {
    let root = Root::new();
    for (run, started, status, exit_code) in [
        ("a", "2026-01-01T00:00:00.000Z", "succeeded", Some(0)),
        ("b", "2026-01-03T00:00:00.000Z", "failed", Some(7)),
        ("c", "2026-01-02T00:00:00.000Z", "cancelled", None),
        ("d", "2026-01-04T00:00:00.000Z", "queued", None),
    ] {
        root.manifest(
            run,
            &json!({"status": status, "started_at": started, "status_detail": "so it is",
                    "commands": [{"exit_code": exit_code}]}),
        );
    }
    let shown: Vec<_> = root
        .rows()
        .iter()
        .map(|row| (row["run"].clone(), row["state"].clone(), row["exit_code"].clone()))
        .collect();
    assert_eq!(
        shown,
        [
            (json!("d"), json!("queued"), json!(null)),
            (json!("b"), json!("failed"), json!(7)),
            (json!("c"), json!("cancelled"), json!(null)),
            (json!("a"), json!("done"), json!(0)),
        ]
    );
    let table = text(&run(&mut root.status(&[])).stdout);
    let runs: Vec<&str> = table.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(runs, ["RUN", "d", "b", "c", "a"]);
    assert!(table.contains("exit 7, so it is"), "{table}");
}

#[test]
fn a_run_whose_newest_sign_of_life_is_old_is_stale() {
    let root = Root::new();
    let in_progress = |at: &str| json!({"status": "in_progress", "heartbeat_at": at});
    root.manifest("old", &in_progress(LONG_AGO));
    root.manifest("new", &in_progress(&now()));
    let dir = root.manifest("file-is-newer", &in_progress(LONG_AGO));
    fs::write(dir.join(".heartbeat"), format!("{}\n", now())).unwrap();
    let dir = root.manifest("both-are-old", &in_progress(LONG_AGO));
    fs::write(dir.join(".heartbeat"), format!("{LONG_AGO}\n")).unwrap();
    for (run, state) in
        [("old", "stale"), ("new", "live"), ("file-is-newer", "live"), ("both-are-old", "stale")]
    {
        assert_eq!(root.row(run)["state"], state, "{run}");
    }
}

#[test]
fn a_heartbeat_that_is_ahead_of_the_clock_is_no_sign_of_life() {
    let root = Root::new();
    let in_progress = |at: &str| json!({"status": "in_progress", "heartbeat_at": at});
    let ahead = format!("{LONG_AHEAD}\n");
    let tomorrow = SystemTime::now() + Duration::from_secs(24 * 3600);

    root.manifest("in-manifest", &in_progress(LONG_AHEAD));
    let dir = root.manifest("in-file", &json!({"status": "in_progress"}));
    fs::write(dir.join(".heartbeat"), &ahead).unwrap();
    // The time of a heartbeat that tells none is that of its file.
    let dir = root.manifest("as-modified", &in_progress(LONG_AGO));
    let file = File::create(dir.join(".heartbeat")).unwrap();
    file.set_modified(tomorrow).unwrap();
    for run in ["in-manifest", "in-file", "as-modified"] {
        let row = root.row(run);
        assert_eq!(row["state"], "stale", "{run}");
    }
    for run in ["in-manifest", "in-file"] {
        let row = root.row(run);
        let detail = format!("heartbeat is ahead of the clock: {LONG_AHEAD}");
        assert_eq!((&row["detail"], &row["heartbeat_at"]), (&json!(detail), &json!(LONG_AHEAD)));
        assert_eq!(row["heartbeat_age_ms"], Value::Null);
    }

    // The other sign counts.
    let dir = root.manifest("file-is-ahead", &in_progress(&now()));
    fs::write(dir.join(".heartbeat"), &ahead).unwrap();
    assert_eq!(root.row("file-is-ahead")["state"], "live");
    // A run without a heartbeat is as old as its manifest.
    let dir = root.manifest("without", &json!({"status": "in_progress"}));
    assert_eq!(root.row("without")["state"], "live");
    let manifest = File::options().write(true).open(dir.join("manifest.json")).unwrap();
    manifest.set_modified(tomorrow).unwrap();
    assert_eq!(root.row("without")["state"], "stale");
}

#[test]
fn a_file_that_is_corrupt_huge_or_no_file_is_one_unreadable_run() {
    let root = Root::new();
    for (run, content) in
        [("empty", &b""[..]), ("torn", b"{\"status\": \"in_pr"), ("binary", b"\xff\0")]
    {
        fs::write(root.run_dir(run).join("manifest.json"), content).unwrap();
    }
    let huge = File::create(root.run_dir("huge").join("manifest.json")).unwrap();
    huge.set_len(1 << 40).unwrap();
    fs::create_dir(root.run_dir("directory").join("manifest.json")).unwrap();
    let fifo = root.run_dir("fifo").join("manifest.json");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let secret = root.path().join("secret");
    fs::write(&secret, r#"{"status":"succeeded"}"#).unwrap();
    symlink(&secret, root.run_dir("link").join("manifest.json")).unwrap();
    root.manifest("good", &json!({"status": "succeeded"}));

    for run in ["empty", "torn", "binary", "huge", "directory", "fifo", "link"] {
        let row = root.row(run);
        assert_eq!(row["state"], "unreadable", "{run}");
        assert!(row["detail"].is_string(), "{run}");
    }
    assert_eq!(root.row("good")["state"], "done");
}

#[test]
fn what_records_runs_is_no_run() {
    let root = Root::new();
    root.manifest("run", &json!({"status": "succeeded"}));
    let runs = root.path().join(".runs");
    for summary in ["task/run", ".takeover/cli/run", ".takeover/task", "Odd.LOCK/cli/run"] {
        fs::create_dir_all(runs.join(summary)).unwrap();
        fs::write(runs.join(summary).join("manifest.json"), "{}").unwrap();
    }
    fs::write(runs.join("task.lock"), "{}\n").unwrap();
    symlink("task.lock", runs.join("loop.lock")).unwrap();
    fs::create_dir_all(root.path().join("out/task")).unwrap();
    assert_eq!(root.rows().len(), 1);
    assert_eq!(root.row("run")["state"], "done");
}

#[test]
fn a_heartbeat_that_is_no_file_is_no_sign_of_life() {
    let root = Root::new();
    let dir = root.manifest("run", &json!({"status": "in_progress", "heartbeat_at": LONG_AGO}));
    assert!(Command::new("mkfifo").arg(dir.join(".heartbeat")).status().unwrap().success());
    assert_eq!(root.row("run")["state"], "stale");
}

#[test]
fn no_link_leads_out_of_the_root() {
    let outside = Root::new();
    outside.manifest("run", &json!({"status": "succeeded", "status_detail": "secret"}));
    let root = Root::new();
    root.manifest("mine", &json!({"status": "succeeded"}));
    let runs = root.path().join(".runs");
    symlink(outside.path().join(".runs/task"), runs.join("linked-task")).unwrap();
    symlink(outside.path().join(".runs/task/cli/run"), runs.join("task/cli/linked-run")).unwrap();
    symlink("../../../../../..", runs.join("task/cli/up")).unwrap();
    let output = run(&mut root.status(&["--json"]));
    assert!(output.status.success());
    assert!(!text(&output.stdout).contains("secret"));
    assert_eq!(root.row("mine")["state"], "done");
    assert_eq!(root.row("linked-run")["state"], "unreadable");

    let only_link = Root::new();
    symlink(outside.path().join(".runs"), only_link.path().join(".runs")).unwrap();
    assert_one_line(&run(&mut only_link.status(&[])), 1);
}

#[test]
fn what_files_say_does_not_steer_the_terminal() {
    let root = Root::new();
    root.manifest(
        "\u{1b}[31mrun",
        &json!({"status": "\u{1b}]0;x\u{7}", "started_at": "\u{9b}2J\nnew line",
                "status_detail": "\u{202e}x"}),
    );
    root.manifest("failed", &json!({"status": "failed", "status_detail": "\u{9b}31m\u{202e}\n"}));
    for args in [&[][..], &["--json"]] {
        let shown = text(&run(&mut root.status(args)).stdout);
        let steers = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!shown.chars().any(steers), "{shown:?}");
    }
}

#[test]
fn a_change_is_one_more_line_of_json_when_watched() {
    let root = Root::new();
    root.manifest("run", &json!({"status": "queued"}));
    let mut child = Guarded::spawn(
        root.status(&["--json", "--watch"]).stdin(Stdio::null()).stdout(Stdio::piped()),
    );
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next_state = || {
        let line = lines.next().unwrap().unwrap();
        serde_json::from_str::<Value>(&line).unwrap()[0]["state"].clone()
    };
    assert_eq!(next_state(), "queued");
    root.manifest("run", &json!({"status": "succeeded"}));
    assert_eq!(next_state(), "done");
}

#[test]
fn a_reader_that_went_away_ends_it_quietly() {
    let root = Root::new();
    root.manifest("run", &json!({"status": "queued"}));
    let mut child = Guarded::spawn(
        root.status(&["--watch"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    drop(child.stdout.take());
    let output = child.output();
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "");
}
