//! `tandem feed`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{
    Guarded, Root, assert_one_line, ignoring, kill, pid, run, send, temp_files, text, wait_for,
    with_default_signals,
};
use crate::talk::{Feed, feed, lines, sorted, talk, with};

fn request(op: &str) -> Value {
    json!({"id": op, "op": op, "task": "task", "run": "run"})
}

fn set(manifest: Value) -> Value {
    with(request("set"), json!({"manifest": manifest}))
}

impl Root {
    fn manifest_text(&self) -> String {
        fs::read_to_string(self.run_dir("run").join("manifest.json")).unwrap()
    }
}

#[test]
fn a_document_reaches_the_disk_as_it_was_written() {
    let root = Root::new();
    let lines = concat!(
        r#"{"id":1,"op":"open","task":"task","run":"run"}"#,
        "\r\n\n  \n",
        r#"{"op":"set","manifest":{"z":1.50,"a":[1e5,"\u00e9 \/"],"m":{}},"id":2,"run":"run","task":"task"}"#,
        "\n",
        r#"{"id":3,"op":"schedule","task":"task","run":"run","manifest":true,"heartbeat":true,"force":true}"#,
    );
    let output = talk(root.path(), lines.as_bytes());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        root.manifest_text(),
        "{\n  \"z\": 1.50,\n  \"a\": [\n    1e5,\n    \"\\u00e9 \\/\"\n  ],\n  \"m\": {}\n}\n"
    );
    assert_eq!(fs::read_to_string(root.run_dir("run").join(".heartbeat")).unwrap().len(), 25);
    assert_eq!(temp_files(&root.run_dir("run")), Vec::<String>::new());
    let answers = sorted(&output);
    assert_eq!(
        answers[0]["ok"],
        json!({"directory": ".runs/task/cli/run", "document": null, "heartbeat": null,
               "heartbeat_age_ms": null, "swept": 0, "set_aside": []})
    );
    let bytes = root.manifest_text().len();
    assert_eq!(answers[1]["ok"], json!({"revision": 1, "bytes": bytes}));
    assert_eq!(
        answers[2]["ok"],
        json!({"manifest": {"reached": "durable", "bytes": bytes},
               "heartbeat": {"reached": "visible", "bytes": 25}, "revision": 1})
    );
}

#[test]
fn requests_take_effect_in_the_order_of_their_lines_without_waiting_for_answers() {
    let root = Root::new();
    let number = |id: u64, request: Value| with(request, json!({"id": id}));
    let requests = [
        request("flush"),
        request("open"),
        set(json!({"step": 1})),
        with(request("merge"), json!({"patch": {"more": true}})),
        request("flush"),
        request("open"),
        request("close"),
        set(json!({"step": 2})),
        request("close"),
        request("stats"),
        request("open"),
        with(request("merge"), json!({"patch": {"more": null, "step": 3}})),
        request("close"),
    ];
    let numbered: Vec<Value> =
        requests.into_iter().enumerate().map(|(id, request)| number(id as u64, request)).collect();
    let output = talk(root.path(), &lines(&numbered));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let answers = sorted(&output);
    let kinds: Vec<&str> =
        answers.iter().map(|answer| answer["error"]["kind"].as_str().unwrap_or("ok")).collect();
    assert_eq!(
        kinds,
        [
            "not-open",
            "ok",
            "ok",
            "ok",
            "ok",
            "already-open",
            "ok",
            "closed",
            "ok",
            "ok",
            "ok",
            "ok",
            "ok"
        ]
    );
    assert_eq!(answers[9]["ok"]["manifest"]["writes"], 1);
    assert_eq!(answers[10]["ok"]["document"], json!({"step": 1, "more": true}));
    assert_eq!(root.manifest_text(), "{\n  \"step\": 3\n}\n");
}

#[test]
fn an_answer_that_waits_for_the_throttle_delays_no_other() {
    let root = Root::new();
    let mut feed = Feed::start(root.path());
    let hour = json!({"interval_ms": 3_600_000});
    feed.ask(&with(request("open"), hour.clone()));
    feed.ask(&set(json!({"step": 1})));
    assert!(feed.ask(&with(request("schedule"), json!({"manifest": true})))["ok"].is_object());
    feed.ask(&set(json!({"step": 2})));
    feed.send(&with(request("schedule"), json!({"id": "waits", "manifest": true})));

    let other = |op: &str| with(request(op), json!({"run": "other"}));
    assert!(feed.ask(&with(other("open"), hour))["ok"].is_object());
    assert!(feed.ask(&with(other("set"), json!({"manifest": {}})))["ok"].is_object());
    assert!(feed.ask(&other("flush"))["ok"]["manifest"].is_object());
    assert_eq!(root.manifest_text(), "{\n  \"step\": 1\n}\n");

    feed.send(&request("flush"));
    let mut answers = [feed.answer(), feed.answer()];
    answers.sort_by_key(|answer| answer["id"].to_string());
    assert_eq!(answers[0]["id"], "flush");
    assert_eq!(answers[1]["id"], "waits");
    assert_eq!(answers[0]["ok"], answers[1]["ok"]);
    assert_eq!(root.manifest_text(), "{\n  \"step\": 2\n}\n");
    assert_eq!(feed.end().status.code(), Some(0));
}

#[test]
fn a_mark_is_answered_at_once_and_written_when_the_throttle_allows() {
    let root = Root::new();
    let mut feed = Feed::start(root.path());
    feed.ask(&with(request("open"), json!({"manifest_interval_ms": 3_600_000})));
    feed.ask(&set(json!({"step": 1})));
    let forced = json!({"manifest": true, "force": true});
    assert_eq!(feed.ask(&with(request("mark"), forced.clone()))["ok"], json!({}));
    wait_for("the first state", || root.run_dir("run").join("manifest.json").exists());
    feed.ask(&set(json!({"step": 2})));
    assert_eq!(feed.ask(&with(request("mark"), json!({"manifest": true})))["ok"], json!({}));
    feed.ask(&request("stats"));
    assert_eq!(root.manifest_text(), "{\n  \"step\": 1\n}\n");
    feed.ask(&with(request("mark"), forced));
    wait_for("the second state", || root.manifest_text() == "{\n  \"step\": 2\n}\n");
    // The file is there before its flush has ended.
    feed.ask(&request("flush"));
    let stats = feed.ask(&request("stats"));
    assert_eq!(stats["ok"]["written_revision"], stats["ok"]["revision"]);
    assert_eq!(feed.end().status.code(), Some(0));
}

#[test]
fn an_interval_of_one_channel_goes_before_that_of_both() {
    let [hour, now] = [3_600_000, 0];
    for (own, channel, other) in [
        (json!({"interval_ms": hour, "heartbeat_interval_ms": now}), "heartbeat", "manifest"),
        (json!({"interval_ms": hour, "manifest_interval_ms": now}), "manifest", "heartbeat"),
        (
            json!({"heartbeat_interval_ms": hour, "manifest_interval_ms": now}),
            "manifest",
            "heartbeat",
        ),
    ] {
        let root = Root::new();
        let mut feed = Feed::start(root.path());
        feed.ask(&with(request("open"), own));
        feed.ask(&set(json!({"step": 1})));
        let both = json!({"manifest": true, "heartbeat": true});
        assert!(feed.ask(&with(request("schedule"), both))["ok"].is_object());
        feed.ask(&set(json!({"step": 2})));
        feed.send(&with(request("schedule"), json!({"id": "waits", other: true})));
        let answer = feed.ask(&with(request("schedule"), json!({channel: true})));
        assert!(answer["ok"][channel].is_object(), "{answer}");
        assert!(answer["ok"][other].is_null(), "{answer}");
        feed.send(&request("flush"));
        feed.answer();
        feed.answer();
        assert_eq!(feed.end().status.code(), Some(0));
    }
}

#[test]
fn requests_that_wait_for_the_throttle_never_keep_a_flush_from_being_read() {
    let root = Root::new();
    let mut feed = Feed::start(root.path());
    feed.ask(&with(request("open"), json!({"interval_ms": 3_600_000})));
    feed.ask(&set(json!({})));
    feed.ask(&request("flush"));
    let waiting = 6_000;
    for id in 0..waiting {
        feed.send(&with(request("schedule"), json!({"id": id, "manifest": true})));
    }
    feed.send(&request("flush"));
    for _ in 0..=waiting {
        assert!(feed.answer()["ok"]["manifest"].is_object());
    }
    let stats = feed.ask(&request("stats"));
    assert_eq!(stats["ok"]["manifest"]["writes"], 2);
    assert_eq!(stats["ok"]["coalesced"], waiting);

    // Far above every limit some are written early, and all are answered.
    let many = 40_000;
    let mut requests: Vec<Value> = (0..many)
        .map(|id| with(request("schedule"), json!({"id": id, "manifest": true})))
        .collect();
    requests.push(request("flush"));
    let Feed { child, requests: mut to, answers: mut from } = feed;
    let writer = thread::spawn(move || {
        to.write_all(&lines(&requests)).unwrap();
        to
    });
    for _ in 0..=many {
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        assert!(line.contains("\"ok\""), "{line}");
    }
    let requests = writer.join().unwrap();
    assert_eq!(Feed { child, requests, answers: from }.end().status.code(), Some(0));
}

#[test]
fn the_end_of_the_input_closes_every_run() {
    let root = Root::new();
    let output = talk(
        root.path(),
        &lines(&[
            request("open"),
            set(json!({"step": 1})),
            with(request("open"), json!({"run": "untouched"})),
        ]),
    );
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
    assert_eq!(root.manifest_text(), "{\n  \"step\": 1\n}\n");
    assert_eq!(talk(root.path(), b"").status.code(), Some(0));
}

#[test]
fn an_input_that_cannot_be_read_is_no_clean_end() {
    let root = tempfile::tempdir().unwrap();
    let directory = std::fs::File::open(root.path()).unwrap();
    let mut command = feed(root.path());
    let command = command.stdin(directory).stdout(Stdio::piped()).stderr(Stdio::piped());
    assert_one_line(&Guarded::spawn(command).output(), 1);
}

#[test]
fn a_signal_counts_as_the_end_of_the_input() {
    with_default_signals();
    let everywhere = [
        libc::SIGTERM,
        libc::SIGINT,
        libc::SIGHUP,
        libc::SIGQUIT,
        libc::SIGALRM,
        libc::SIGVTALRM,
        libc::SIGPROF,
        libc::SIGXCPU,
        libc::SIGUSR1,
        libc::SIGUSR2,
        // What somebody sends is no fault.
        libc::SIGABRT,
        libc::SIGSYS,
        libc::SIGTRAP,
    ];
    #[cfg(target_os = "linux")]
    let linux = [libc::SIGIO, libc::SIGPWR, libc::SIGSTKFLT, libc::SIGRTMIN(), libc::SIGRTMAX()];
    #[cfg(not(target_os = "linux"))]
    let linux = [];
    for signal in everywhere.into_iter().chain(linux) {
        let root = Root::new();
        let mut feed = Feed::start(root.path());
        feed.ask(&request("open"));
        feed.ask(&set(json!({"step": 1})));
        // A schedule that waits is answered, too.
        feed.ask(&with(request("schedule"), json!({"heartbeat": true})));
        feed.send(&with(request("schedule"), json!({"manifest": true})));
        // What ends no program ends no feed.
        for harmless in [libc::SIGCONT, libc::SIGWINCH, libc::SIGURG] {
            send(pid(&feed.child), harmless);
        }
        feed.ask(&request("stats"));
        send(pid(&feed.child), signal);
        assert!(feed.answer()["ok"]["manifest"].is_object(), "{signal}");
        assert_eq!(feed.child.wait().code(), Some(128 + signal));
        assert_eq!(root.manifest_text(), "{\n  \"step\": 1\n}\n");
    }
}

#[test]
fn a_signal_that_is_ignored_at_the_start_stays_ignored() {
    with_default_signals();
    let signals = [Signal::INT, Signal::HUP, Signal::TERM];
    for ignored in signals {
        let root = Root::new();
        let mut feed = Feed::spawn(ignoring(&mut feed(root.path()), ignored));
        feed.ask(&request("open"));
        kill(&feed.child, ignored);
        feed.ask(&set(json!({"status": "cancelled"})));
        assert_eq!(feed.end().status.code(), Some(0));
        assert_eq!(root.manifest_text(), "{\n  \"status\": \"cancelled\"\n}\n");
    }

    // The others end it.
    let root = Root::new();
    let mut command = feed(root.path());
    let mut feed = Feed::spawn(ignoring(ignoring(&mut command, Signal::INT), Signal::HUP));
    feed.ask(&request("open"));
    feed.ask(&set(json!({})));
    kill(&feed.child, Signal::INT);
    feed.ask(&request("stats"));
    kill(&feed.child, Signal::TERM);
    assert_eq!(feed.child.wait().code(), Some(128 + Signal::TERM.as_raw()));
    assert_eq!(root.manifest_text(), "{}\n");

    // Nothing but the end of the input ends it.
    let root = Root::new();
    let mut command = crate::talk::feed(root.path());
    for signal in signals {
        ignoring(&mut command, signal);
    }
    let mut feed = Feed::spawn(&mut command);
    signals.iter().for_each(|&signal| kill(&feed.child, signal));
    assert!(feed.ask(&request("open"))["ok"].is_object());
    assert_eq!(feed.end().status.code(), Some(0));
}

#[test]
fn a_byte_order_mark_before_the_first_line_is_skipped() {
    let mark = "\u{feff}";
    let number = |id: u64| with(request("open"), json!({"id": id, "run": format!("run-{id}")}));
    for begin in ["\u{feff}", "\u{feff}\n", "\u{feff}\r\n"] {
        let root = Root::new();
        let input = format!("{begin}{}\n{}\r\n", number(1), number(2));
        let output = talk(root.path(), input.as_bytes());
        let answers = sorted(&output);
        assert_eq!(answers.len(), 2, "{begin:?}");
        assert!(answers.iter().all(|answer| answer["ok"].is_object()), "{answers:?}");
    }

    // As `cat` of two such files has it. The others are not harmed.
    let root = Root::new();
    let input = format!("{mark}{}\n{mark}{}\n{}\n", number(1), number(2), number(3));
    let answers = sorted(&talk(root.path(), input.as_bytes()));
    let ids: Vec<&Value> = answers.iter().map(|answer| &answer["id"]).collect();
    assert_eq!(ids, [&json!(null), &json!(1), &json!(3)]);
    assert_eq!(answers[0]["error"]["kind"], "invalid-input");
    let message = "the line is no request: it begins with a byte order mark";
    assert_eq!(answers[0]["error"]["message"], message);
    // One is a mark, two are none.
    let answers = sorted(&talk(root.path(), format!("{mark}{mark}{}\n", number(1)).as_bytes()));
    assert_eq!(answers[0]["error"]["message"], message);
}

#[test]
fn an_input_in_utf_16_is_named() {
    let root = Root::new();
    let line: Vec<u8> =
        format!("\u{feff}{}", request("open")).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let answers = sorted(&talk(root.path(), &line));
    assert_eq!(
        answers[0]["error"]["message"],
        "the line is no request: it begins with the byte order mark of UTF-16, not UTF-8"
    );
}

#[test]
fn a_signal_ends_it_even_if_nobody_reads_the_answers() {
    let root = Root::new();
    let mut feed = Feed::start(root.path());
    feed.ask(&request("open"));
    feed.ask(&set(json!({"padding": "x".repeat(100_000)})));
    feed.ask(&request("flush"));
    let Feed { mut child, requests: mut to, answers } = feed;
    // More answers than a pipe holds, and more requests than the feed takes.
    let writer = thread::spawn(move || {
        for _ in 0..20_000 {
            if writeln!(to, "{}", request("stats")).is_err() {
                break;
            }
        }
    });
    wait_for("a blocked answer", || {
        rustix::io::ioctl_fionread(answers.get_ref()).unwrap() > 60_000
    });
    kill(&child, Signal::TERM);
    assert_eq!(child.wait().code(), Some(143));
    drop(answers);
    writer.join().unwrap();
}

#[test]
fn a_line_that_is_no_request_is_answered_with_a_null_id() {
    let root = Root::new();
    let mut input = b"nonsense\n[1]\n7\n{\"id\":1\n\xff\xfe\n{\"op\":\"flush\"}\n".to_vec();
    let bad_lines = 7;
    input.extend(b"{\"id\":1,\"op\":\"set\",\"manifest\":{\"x\":\"");
    input.resize(input.len() + 20 * 1024 * 1024, b'x');
    input.extend(b"\"}}\n");
    input.extend(lines(&[request("open")]));
    let output = talk(root.path(), &input);
    assert_eq!(output.status.code(), Some(0));
    let answers = sorted(&output);
    assert_eq!(answers.len(), bad_lines + 1);
    assert_eq!(answers.iter().filter(|answer| answer["id"].is_null()).count(), bad_lines);
    for answer in answers.iter().filter(|answer| answer["id"].is_null()) {
        let kind = answer["error"]["kind"].as_str().unwrap();
        assert!(matches!(kind, "invalid-input" | "too-large"), "{answer}");
    }
    assert!(answers.iter().any(|answer| answer["id"] == "open" && answer["ok"].is_object()));
}

#[test]
fn a_refusal_names_the_field_and_the_rule_and_changes_nothing() {
    let root = Root::new();
    let mut feed = Feed::start(root.path());
    feed.ask(&request("open"));
    for (request, kind, word) in [
        (with(request("open"), json!({"run": ".."})), "invalid-id", ".."),
        (with(request("open"), json!({"task": "a/b"})), "invalid-id", "a/b"),
        (with(request("open"), json!({"task": "cli"})), "invalid-id", "cli"),
        (with(request("open"), json!({"run": "x", "interval": 5})), "invalid-input", "interval"),
        (request("opne"), "invalid-input", "opne"),
        (set(json!([])), "invalid-input", "manifest"),
        (with(request("merge"), json!({"patch": "x"})), "invalid-input", "patch"),
        (with(request("schedule"), json!({"force": 1})), "invalid-input", "force"),
        (with(request("schedule"), json!({"manifest": true})), "invalid-input", "document"),
        (with(request("flush"), json!({"run": "other"})), "not-open", "other"),
        (request("open"), "already-open", "task/run"),
        (set(json!({"x": "x".repeat(16 * 1024 * 1024)})), "too-large", "above"),
    ] {
        let answer = feed.ask(&request);
        let error = &answer["error"];
        assert_eq!(error["kind"], kind, "{answer}");
        assert!(error["message"].as_str().unwrap().contains(word), "{answer}");
        assert_eq!(error["retryable"], false);
        assert!(error["operation"].is_null() && error["code"].is_null());
    }
    let output = feed.end();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!root.run_dir("run").join("manifest.json").exists());
}

#[test]
fn an_error_of_the_disk_keeps_every_field_and_the_second_failure() {
    let root = Root::new();
    fs::create_dir_all(root.run_dir("run").join("manifest.json/in-the-way")).unwrap();
    let mut feed = Feed::start(root.path());
    assert!(feed.ask(&request("open"))["ok"].is_object());
    feed.ask(&set(json!({})));
    let both = json!({"manifest": true, "heartbeat": true, "force": true});
    let answer = feed.ask(&with(request("schedule"), both.clone()));
    let error = &answer["error"];
    assert_eq!(error["kind"], "storage", "{answer}");
    assert_eq!(error["channel"], "manifest");
    assert_eq!(error["operation"], "rename");
    assert_eq!(error["path"], ".runs/task/cli/run/manifest.json");
    assert!(error["code"].is_string() && error["retryable"].is_boolean());
    assert_eq!(error.get("beside"), None);

    fs::remove_file(root.run_dir("run").join(".heartbeat")).unwrap();
    fs::create_dir_all(root.run_dir("run").join(".heartbeat/in-the-way")).unwrap();
    let answer = feed.ask(&with(request("schedule"), both));
    assert_eq!(answer["error"]["channel"], "manifest");
    assert_eq!(answer["error"]["beside"]["channel"], "heartbeat");
    let stats = feed.ask(&request("stats"));
    assert_eq!(stats["ok"]["last_error"], answer["error"]);

    // A close that fails leaves the run open.
    assert_eq!(feed.ask(&request("close"))["error"]["kind"], "storage");
    assert!(feed.ask(&set(json!({"kept": true})))["ok"].is_object());
    let output = feed.end();
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("task/run") && stderr.contains("manifest.json"), "{stderr}");
}

#[test]
fn what_failed_and_was_put_right_leaves_exit_code_0() {
    let root = Root::new();
    let in_the_way = root.run_dir("run").join("manifest.json/in-the-way");
    fs::create_dir_all(&in_the_way).unwrap();
    let mut feed = Feed::start(root.path());
    feed.ask(&request("open"));
    feed.ask(&set(json!({"step": 1})));
    assert_eq!(feed.ask(&request("flush"))["error"]["kind"], "storage");
    fs::remove_dir_all(in_the_way.parent().unwrap()).unwrap();
    let output = feed.end();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(root.manifest_text(), "{\n  \"step\": 1\n}\n");
}

#[test]
fn a_reader_that_went_away_loses_nothing() {
    let root = Root::new();
    let (answers, mut to_nobody) = std::io::pipe().unwrap();
    let mut command = feed(root.path());
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Guarded::spawn(command.stdout(to_nobody.try_clone().unwrap()));
    let mut requests = child.stdin.take().unwrap();
    writeln!(requests, "{}", request("open")).unwrap();
    BufReader::new(&answers).read_line(&mut String::new()).unwrap();
    drop(answers);
    // A program that another test is about to start may have its end for a moment longer.
    wait_for("nobody to read", || to_nobody.write_all(b"\n").is_err());
    for step in 1..=100 {
        writeln!(requests, "{}", set(json!({"step": step}))).unwrap();
    }
    drop(requests);
    let output = child.output();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr).lines().count(), 1);
    assert_eq!(root.manifest_text(), "{\n  \"step\": 100\n}\n");
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure_that_loses_no_document() {
    let root = Root::new();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut child =
        Guarded::spawn(feed(root.path()).stdin(Stdio::piped()).stdout(full).stderr(Stdio::piped()));
    let all = lines(&[request("open"), set(json!({"step": 1}))]);
    child.stdin.take().unwrap().write_all(&all).unwrap();
    let output = child.output();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot write answers"));
    assert_eq!(root.manifest_text(), "{\n  \"step\": 1\n}\n");
}

#[test]
fn what_was_flushed_survives_a_kill_and_is_recovered() {
    let root = Root::new();
    let mut first = Feed::start(root.path());
    first.ask(&request("open"));
    let document = json!({"deep": {"list": [1, 2.5, "a  b"]}});
    first.ask(&set(document.clone()));
    first.ask(&with(request("schedule"), json!({"manifest": true, "heartbeat": true})));
    kill(&first.child, Signal::KILL);
    assert_eq!(first.child.wait().signal(), Some(9));

    let mut second = Feed::start(root.path());
    let answer = second.ask(&request("open"));
    assert_eq!(answer["ok"]["document"], document);
    assert_eq!(answer["ok"]["heartbeat"].as_str().unwrap().len(), 24);
    assert!(answer["ok"]["heartbeat_age_ms"].is_u64());
    assert_eq!(second.end().status.code(), Some(0));
}

#[test]
fn ten_thousand_runs_can_be_open() {
    let root = Root::new();
    let runs = 10_000;
    let visible = json!({"manifest": "visible", "heartbeat": "visible"});
    let mut requests = Vec::new();
    for run in 0..runs {
        let name = json!({"run": format!("run-{run}"), "id": run});
        requests.push(with(with(request("open"), json!({"durability": visible})), name.clone()));
        requests.push(with(set(json!({"run": run})), name));
    }
    let output = talk(root.path(), &lines(&requests));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let answers = sorted(&output);
    assert_eq!(answers.len(), requests.len());
    assert!(answers.iter().all(|answer| answer["ok"].is_object()));
    for run in 0..runs {
        let path = root.path().join(format!(".runs/task/cli/run-{run}/manifest.json"));
        assert_eq!(fs::read_to_string(path).unwrap(), format!("{{\n  \"run\": {run}\n}}\n"));
    }
}

#[test]
fn a_root_that_is_missing_or_a_file_is_one_line_and_exit_code_1() {
    let root = Root::new();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    for bad in [root.path().join("missing"), file] {
        let stderr = assert_one_line(&run(&mut feed(&bad)), 1);
        assert!(stderr.contains("the root") && stderr.contains(bad.to_str().unwrap()));
    }
}
