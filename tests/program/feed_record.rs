//! Runs that `tandem feed` records, and histories that it reads.

use std::fs;
use std::io::{BufRead, Read, Write};
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{history, history_path, hold_lock, kill, text, wait_for};
use crate::talk::{Feed, lines, sorted, talk, with};

struct Root(TempDir);

impl Root {
    fn new() -> Self {
        Root(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn summary(&self, run: &str) -> String {
        fs::read_to_string(self.path().join(format!(".runs/task/{run}/manifest.json"))).unwrap()
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(self.path()).unwrap().count() == 0
    }
}

/// The `n`th run of the task.
fn summary(n: u64) -> Value {
    let timestamp = format!("2026-01-06T00:{:02}:{:02}.000Z", n / 60, n % 60);
    json!({"taskId": "task", "runId": format!("run-{n}"), "timestamp": timestamp, "mode": "test"})
}

fn record(n: u64) -> Value {
    json!({"id": n, "op": "record", "task": "task", "summary": summary(n)})
}

fn read() -> Value {
    json!({"id": "history", "op": "history", "task": "task"})
}

#[test]
fn a_summary_reaches_both_files_and_comes_back_as_it_was_written() {
    let root = Root::new();
    let entry = concat!(
        r#"{"z":1.0,"timestamp":"2026-01-06T00:00:00.5Z","big":1e400,"id":12345678901234567890123,"#,
        r#""runId":"r","text":"\u0041\/  \ud83d\ude00","taskId":"task","a":[-0.0,{}]}"#
    );
    let line =
        format!("{{\"id\": 1, \"op\": \"record\", \"task\": \"task\", \"summary\" : {entry}}}\n");
    let output = talk(root.path(), line.as_bytes());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let summary = root.summary("r");
    let history_text = fs::read_to_string(history_path(root.path(), "task")).unwrap();
    assert_eq!(
        sorted(&output)[0]["ok"],
        json!({"summary": {"reached": "durable", "bytes": summary.len()},
               "history": {"reached": "durable", "bytes": history_text.len()},
               "runs": 1, "ahead": [], "set_aside": [], "swept": 0})
    );
    assert_eq!(
        summary,
        "{\n  \"z\": 1.0,\n  \"timestamp\": \"2026-01-06T00:00:00.5Z\",\n  \"big\": 1e400,\n  \
         \"id\": 12345678901234567890123,\n  \"runId\": \"r\",\n  \
         \"text\": \"\\u0041\\/  \\ud83d\\ude00\",\n  \"taskId\": \"task\",\n  \
         \"a\": [\n    -0.0,\n    {}\n  ]\n}"
    );
    let output = talk(root.path(), br#"{"id":1,"op":"history","task":"task"}"#);
    let answer = format!(
        "{{\"id\":1,\"ok\":{{\"last_run_at\":\"2026-01-06T00:00:00.5Z\",\"total\":1,\"runs\":[{entry}]}}}}\n"
    );
    assert_eq!(text(&output.stdout), answer);
}

#[test]
fn no_history_is_an_empty_one_and_a_limit_gives_the_newest() {
    let root = Root::new();
    let mut feed = Feed::start(root.path());
    let empty = json!({"last_run_at": "", "total": 0, "runs": []});
    assert_eq!(feed.ask(&read())["ok"], empty);
    assert!(root.is_empty());
    for n in [2, 3, 1] {
        assert!(feed.ask(&record(n))["ok"].is_object());
    }
    let answer = feed.ask(&with(read(), json!({"limit": 2})));
    assert_eq!(
        answer["ok"],
        json!({"last_run_at": "2026-01-06T00:00:03.000Z", "total": 3,
               "runs": [summary(3), summary(2)]})
    );
    let answer = feed.ask(&with(read(), json!({"limit": 0})));
    assert_eq!((&answer["ok"]["total"], &answer["ok"]["runs"]), (&3.into(), &json!([])));
    assert_eq!(feed.end().status.code(), Some(0));
}

#[test]
fn a_run_need_not_be_open_and_can_be() {
    let root = Root::new();
    let mut feed = Feed::start(root.path());
    let of_run = |op: &str| json!({"id": op, "op": op, "task": "task", "run": "run-1"});
    feed.ask(&of_run("open"));
    feed.ask(&with(of_run("set"), json!({"manifest": {"status": "succeeded"}})));
    assert!(feed.ask(&record(1))["ok"].is_object());
    assert!(feed.ask(&of_run("close"))["ok"].is_object());
    assert!(feed.ask(&record(2))["ok"].is_object());
    assert_eq!(feed.end().status.code(), Some(0));
    assert_eq!(history(root.path(), "task")["runs"], json!([summary(1), summary(2)]));
    let manifest = root.path().join(".runs/task/cli/run-1/manifest.json");
    assert_eq!(fs::read_to_string(manifest).unwrap(), "{\n  \"status\": \"succeeded\"\n}\n");
}

#[test]
fn any_number_of_runs_are_recorded_at_once_and_all_are_kept() {
    let root = Root::new();
    let many = 1_000;
    // In no order at all: 377 and 1,000 have no common factor.
    let requests: Vec<Value> = (0..many).map(|n| record(n * 377 % many)).collect();
    let output = talk(root.path(), &lines(&requests));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let answers = sorted(&output);
    assert_eq!(answers.len(), requests.len());
    assert!(answers.iter().all(|answer| answer["ok"]["ahead"] == json!([])));
    let expected: Vec<Value> = (0..many).map(summary).collect();
    assert_eq!(history(root.path(), "task")["runs"], json!(expected));
    assert!(!root.path().join(".runs/task.lock").exists());
}

#[test]
fn a_run_that_names_its_task_needs_no_other_word_of_it() {
    let root = Root::new();
    let mut feed = Feed::start(root.path());
    let mut request = record(1);
    request.as_object_mut().unwrap().remove("task");
    assert!(feed.ask(&request)["ok"].is_object());
    let other = feed.ask(&with(record(2), json!({"task": "other"})));
    assert_eq!(other["error"]["kind"], "invalid-input");
    assert_eq!(history(root.path(), "task")["runs"], json!([summary(1)]));
    assert_eq!(feed.end().status.code(), Some(0));
}

#[test]
fn the_history_keeps_as_many_as_asked_and_says_what_is_ahead() {
    let root = Root::new();
    let mut feed = Feed::start(root.path());
    for n in [2, 3] {
        feed.ask(&record(n));
    }
    let answer = feed.ask(&with(record(1), json!({"keep_last": 2})));
    assert_eq!((&answer["ok"]["ahead"], &answer["ok"]["runs"]), (&json!(["run-3"]), &2.into()));
    let visible = json!({"durability": {"summary": "visible", "history": "visible"}});
    let answer = feed.ask(&with(with(record(4), json!({"keep_last": 2})), visible));
    assert_eq!(answer["ok"]["history"]["reached"], "visible");
    assert_eq!(answer["ok"]["summary"]["reached"], "visible");
    assert_eq!(history(root.path(), "task")["runs"], json!([summary(3), summary(4)]));
    assert_eq!(feed.end().status.code(), Some(0));
}

#[test]
fn what_is_refused_touches_nothing_and_leaves_exit_code_0() {
    let root = Root::new();
    let mut feed = Feed::start(root.path());
    let summarised = |fields: Value| with(record(1), json!({"summary": with(summary(1), fields)}));
    let long = "x".repeat(129);
    for (request, kind, word) in [
        (summarised(json!({"taskId": "other"})), "invalid-input", "other"),
        (summarised(json!({"taskId": 7})), "invalid-input", "taskId"),
        (summarised(json!({"runId": null})), "invalid-input", "runId"),
        (summarised(json!({"runId": "../up"})), "invalid-id", "../up"),
        (summarised(json!({"runId": "cli"})), "invalid-id", "cli"),
        (summarised(json!({"runId": long})), "invalid-id", "128"),
        (summarised(json!({"timestamp": "yesterday"})), "invalid-input", "timestamp"),
        (summarised(json!({"timestamp": "2026-02-30T00:00:00Z"})), "invalid-input", "timestamp"),
        (
            summarised(json!({"timestamp": "2026-01-06T00:00:00+01:00"})),
            "invalid-input",
            "timestamp",
        ),
        (with(record(1), json!({"summary": {}})), "invalid-input", "taskId"),
        (with(record(1), json!({"summary": []})), "invalid-input", "summary"),
        (with(record(1), json!({"task": "a/b"})), "invalid-id", "a/b"),
        (with(record(1), json!({"run": "run-1"})), "invalid-input", "run"),
        (with(record(1), json!({"keep_last": 0})), "invalid-input", "keep_last"),
        (with(record(1), json!({"lease_ms": 9})), "invalid-input", "lease_ms"),
        (with(record(1), json!({"lease_ms": "1"})), "invalid-input", "lease_ms"),
        (with(read(), json!({"task": "x.lock"})), "invalid-id", "x.lock"),
        (with(read(), json!({"limit": -1})), "invalid-input", "limit"),
        (summarised(json!({"x": "x".repeat(16 * 1024 * 1024)})), "too-large", "above"),
    ] {
        let answer = feed.ask(&request);
        let error = &answer["error"];
        assert_eq!(error["kind"], kind, "{answer}");
        assert!(error["message"].as_str().unwrap().contains(word), "{answer}");
        assert_eq!(error["retryable"], false, "{answer}");
        assert!(error["operation"].is_null() && error["code"].is_null(), "{answer}");
    }
    let output = feed.end();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(root.is_empty());
}

#[test]
fn an_id_that_is_no_unicode_is_refused() {
    let root = Root::new();
    let mut feed = Feed::start(root.path());
    let line = concat!(
        r#"{"id":1,"op":"record","task":"task","summary":{"taskId":"task","runId":"a\ud800","#,
        r#""timestamp":"2026-01-06T00:00:00Z"}}"#
    );
    writeln!(feed.requests, "{line}").unwrap();
    let answer = feed.answer();
    assert_eq!(answer["error"]["kind"], "invalid-input", "{answer}");
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("runId that is no valid Unicode"), "{message}");
    assert_eq!(feed.end().status.code(), Some(0));
    assert!(root.is_empty());
}

/// A feed with a run that is set and not written, and histories whose answers fill the pipe. All
/// requests are taken.
fn with_unread_histories(root: &Root, histories: usize) -> Feed {
    fs::create_dir_all(root.path().join("out/task")).unwrap();
    let runs = json!([with(summary(1), json!({"text": "x".repeat(200_000)}))]);
    let file = json!({"taskId": "task", "lastRunAt": "", "runs": runs});
    fs::write(history_path(root.path(), "task"), file.to_string()).unwrap();
    let mut feed = Feed::start(root.path());
    let of = |run: &str, op: &str| json!({"id": op, "op": op, "task": "task", "run": run});
    feed.ask(&with(of("live", "open"), json!({"interval_ms": 3_600_000})));
    feed.ask(&with(of("live", "set"), json!({"manifest": {"step": 1}})));
    for _ in 0..histories {
        feed.send(&read());
    }
    feed.send(&of("last", "open"));
    feed.send(&with(of("last", "set"), json!({"manifest": {}})));
    feed.send(&of("last", "flush"));
    wait_for("the last line", || root.path().join(".runs/task/cli/last/manifest.json").exists());
    assert!(!live_manifest(root).exists());
    feed
}

fn live_manifest(root: &Root) -> PathBuf {
    root.path().join(".runs/task/cli/live/manifest.json")
}

#[test]
fn a_signal_writes_every_run_and_ends_the_feed_though_nobody_reads_histories() {
    for histories in [5, 12] {
        let root = Root::new();
        let mut feed = with_unread_histories(&root, histories);
        kill(&feed.child, Signal::TERM);
        assert_eq!(feed.child.wait().code(), Some(143));
        let manifest = fs::read_to_string(live_manifest(&root)).unwrap();
        assert_eq!(manifest, "{\n  \"step\": 1\n}\n");
    }
}

#[test]
fn a_history_that_waits_is_refused_after_a_signal() {
    let root = Root::new();
    let mut feed = with_unread_histories(&root, 12);
    kill(&feed.child, Signal::TERM);
    // Before it has the signal, room for answers has it read on.
    wait_for("the manifest", || live_manifest(&root).exists());
    // Taken as they come, and read afterwards: the feed does not wait long for who takes them.
    let lines: Vec<String> = feed.answers.by_ref().lines().map_while(Result::ok).collect();
    let answers = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_histories = answers.filter(|answer| answer["id"] == "history");
    let refused = of_histories.map(|mut answer| answer["error"].take()).find(Value::is_object);
    let refused = refused.unwrap();
    assert_eq!(refused["kind"], "closed");
    let message = "the feed was told to end, the history is not read: task";
    assert_eq!(refused["message"], message);
    assert_eq!(feed.end().status.code(), Some(143));
}

#[test]
fn the_end_of_the_input_writes_every_run_before_histories_are_read() {
    for histories in [5, 12] {
        let root = Root::new();
        let Feed { mut child, requests, answers } = with_unread_histories(&root, histories);
        drop(requests);
        wait_for("the manifest", || live_manifest(&root).exists());
        child.stdout = Some(answers.into_inner());
        let output = child.output();
        assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(0), ""));
        let answers = sorted(&output);
        assert_eq!(answers.len(), histories + 3);
        assert!(answers.iter().all(|answer| answer["ok"].is_object()));
    }
}

#[test]
fn a_run_that_waits_for_a_lock_delays_nothing_else() {
    let root = Root::new();
    let lock = hold_lock(root.path(), "task");
    let mut feed = Feed::start(root.path());
    feed.send(&record(1));
    wait_for("the summary", || root.path().join(".runs/task/run-1/manifest.json").exists());
    let other = |op: &str| json!({"id": op, "op": op, "task": "task", "run": "other"});
    assert!(feed.ask(&other("open"))["ok"].is_object());
    assert!(feed.ask(&with(other("set"), json!({"manifest": {}})))["ok"].is_object());
    assert!(feed.ask(&other("flush"))["ok"]["manifest"].is_object());
    assert_eq!(feed.ask(&read())["ok"]["total"], 0);
    let other_task = with(summary(2), json!({"taskId": "b"}));
    assert!(
        feed.ask(&with(record(2), json!({"task": "b", "summary": other_task})))["ok"].is_object()
    );

    fs::remove_file(lock).unwrap();
    let answer = feed.answer();
    assert_eq!((&answer["id"], &answer["ok"]["runs"]), (&1.into(), &1.into()));
    assert_eq!(feed.end().status.code(), Some(0));
}

#[test]
fn a_signal_waits_for_what_is_being_recorded() {
    let root = Root::new();
    let lock = hold_lock(root.path(), "task");
    let mut feed = Feed::start(root.path());
    let of_run = |op: &str| json!({"id": op, "op": op, "task": "task", "run": "live"});
    feed.ask(&of_run("open"));
    feed.ask(&with(of_run("set"), json!({"manifest": {"step": 1}})));
    feed.send(&record(1));
    wait_for("the summary", || root.path().join(".runs/task/run-1/manifest.json").exists());
    kill(&feed.child, Signal::TERM);
    // Runs are closed meanwhile.
    wait_for("the manifest", || root.path().join(".runs/task/cli/live/manifest.json").exists());
    fs::remove_file(lock).unwrap();
    assert_eq!(feed.answer()["ok"]["runs"], 1);
    assert_eq!(feed.child.wait().code(), Some(143));
}

#[test]
fn a_second_signal_ends_the_wait_for_a_lock_and_no_run_is_lost() {
    let root = Root::new();
    hold_lock(root.path(), "task");
    let mut feed = Feed::start(root.path());
    let of_run = |op: &str| json!({"id": op, "op": op, "task": "task", "run": "live"});
    feed.ask(&of_run("open"));
    feed.ask(&with(of_run("set"), json!({"manifest": {"step": 1}})));
    feed.send(&with(record(1), json!({"lock_wait_ms": 3_600_000})));
    wait_for("the summary", || root.path().join(".runs/task/run-1/manifest.json").exists());
    kill(&feed.child, Signal::TERM);
    wait_for("the manifest", || root.path().join(".runs/task/cli/live/manifest.json").exists());
    kill(&feed.child, Signal::INT);
    let output = feed.end();
    assert_eq!(output.status.code(), Some(143));
    let stderr = text(&output.stderr);
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    assert!(stderr.contains("a second signal ended the wait"), "{stderr}");
    assert!(stderr.contains("not everything is on the disk: task/run-1: "), "{stderr}");
}

#[test]
fn a_run_that_stays_unrecorded_is_told_at_the_end_and_one_that_was_put_right_is_not() {
    let root = Root::new();
    let lock = hold_lock(root.path(), "task");
    let mut feed = Feed::start(root.path());
    let impatient = |n| with(record(n), json!({"lock_wait_ms": 0}));
    for n in [1, 2] {
        let answer = feed.ask(&impatient(n));
        let error = &answer["error"];
        assert_eq!(error["kind"], "locked", "{answer}");
        assert_eq!(error["channel"], "history");
        assert_eq!((&error["operation"], &error["code"]), (&"lock".into(), &"locked".into()));
        assert_eq!(error["retryable"], true);
        assert_eq!(error.get("beside"), None);
    }
    fs::remove_file(lock).unwrap();
    assert!(feed.ask(&impatient(1))["ok"].is_object());
    // A refusal changes nothing.
    let refused = feed.ask(&with(impatient(1), json!({"keep_last": 0})));
    assert_eq!(refused["error"]["kind"], "invalid-input");
    let output = feed.end();
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("not everything is on the disk: task/run-2: "), "{stderr}");
}

#[test]
fn an_error_of_the_disk_tells_both_files() {
    let root = Root::new();
    fs::create_dir_all(root.path().join(".runs/task/run-1/manifest.json/x")).unwrap();
    let mut feed = Feed::start(root.path());
    let answer = feed.ask(&record(1));
    let error = &answer["error"];
    assert_eq!((&error["kind"], &error["channel"]), (&"storage".into(), &"summary".into()));
    assert_eq!(error["path"], ".runs/task/run-1/manifest.json");
    assert_eq!(error.get("beside"), None, "{answer}");

    fs::remove_file(history_path(root.path(), "task")).unwrap();
    fs::create_dir_all(history_path(root.path(), "task").join("x")).unwrap();
    let answer = feed.ask(&record(1));
    assert_eq!(answer["error"]["kind"], "storage", "{answer}");
    assert_eq!(answer["error"]["beside"]["channel"], "history", "{answer}");
    let answer = feed.ask(&record(2));
    let error = &answer["error"];
    assert_eq!((&error["kind"], &error["channel"]), (&"history".into(), &"history".into()));
    assert_eq!(error["path"], "out/task/runs.json");
    assert_eq!(feed.ask(&read())["error"]["kind"], "storage");

    fs::remove_dir_all(root.path().join("out")).unwrap();
    fs::remove_dir_all(root.path().join(".runs/task/run-1")).unwrap();
    assert!(feed.ask(&record(1))["ok"].is_object() && feed.ask(&record(2))["ok"].is_object());
    let output = feed.end();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}
