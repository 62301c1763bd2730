//! What callers get wrong when a run is recorded: they are refused before anything touches the
//! disk.

use futures::FutureExt;
use std::time::Duration;
use tandem_host::{Channel, Error, ErrorKind, HistoryOptions, RecordOptions};

use crate::record_support::{HISTORY_PATH, at, options, recorded_in, summary, summary_path};
use crate::support::{Bench, Files, Lab, names_in, on_every_host, within};

on_every_host!(
    task_ids_that_break_a_rule_are_refused,
    run_ids_that_break_a_rule_are_refused,
    unusual_ids_that_break_no_rule_are_kept_as_they_are,
    a_summary_that_is_no_json_object_is_refused,
    a_summary_without_its_three_members_is_refused,
    a_summary_of_another_task_is_refused,
    a_timestamp_of_any_other_form_is_refused,
    a_summary_whose_file_would_be_above_the_limit_is_refused,
    nesting_deeper_than_125_is_refused_whatever_the_depth,
    options_that_break_a_rule_are_refused,
);

#[track_caller]
fn assert_refused(error: &Error, kind: ErrorKind) {
    assert_eq!(error.kind(), kind, "{error:?}");
    assert_eq!((error.operation(), error.code(), error.beside()), (None, None, None), "{error:?}");
    assert!(!error.retryable() && !error.message().is_empty(), "{error:?}");
}

/// Nothing stands in the directory.
#[track_caller]
fn assert_untouched(bench: &Bench) {
    assert_eq!(names_in(bench.dir.path()), [""; 0]);
}

async fn refused(bench: &Bench, options: RecordOptions, summary: &str, kind: ErrorKind) -> Error {
    let error = bench.tandem.record_run(summary, options).await.expect_err(summary);
    assert_refused(&error, kind);
    error
}

/// Ids and what a message says of them.
fn bad_ids() -> Vec<(String, String)> {
    let mut ids: Vec<(String, String)> = [
        ("", "empty"),
        (".", "dot"),
        ("..", "dot"),
        (".a", "dot"),
        ("a.", "dot"),
        ("a ", "space"),
        (" a", "space"),
        ("\u{a0}a", "space"),
        ("a\u{3000}", "space"),
        ("cli", "layout"),
        ("MCP", "layout"),
        ("local-mcp", "layout"),
        ("a.lock", "layout"),
        ("a.LOCK", "layout"),
        ("nul", "device"),
        ("Com1.txt", "device"),
        ("LPT9", "device"),
        ("CONIN$", "device"),
    ]
    .map(|(id, rule)| (id.to_owned(), rule.to_owned()))
    .into();
    for c in "<>:\"|?*/\\\0\u{1}\n\u{1f}\u{7f}\u{80}\u{9f}\u{202e}\u{2066}\u{feff}".chars() {
        ids.push((format!("a{c}b"), format!("{c:?}")));
    }
    ids.push(("x".repeat(129), "128 bytes".into()));
    ids.push(("é".repeat(65), "128 bytes".into()));
    ids
}

async fn task_ids_that_break_a_rule_are_refused(files: Files) {
    let bench = files.bench().await;
    for (id, rule) in bad_ids() {
        let text = serde_json::json!({"taskId": id, "runId": "a", "timestamp": at(1)}).to_string();
        let error =
            refused(&bench, RecordOptions::new().task_id(&id), &text, ErrorKind::InvalidId).await;
        let message = error.message();
        assert!(message.contains("task") && message.contains(&rule), "{message}");
        assert!(message.contains(&format!("{id:?}")), "{message}");
        let error = bench.tandem.history(HistoryOptions::new(&id)).await.expect_err(&id);
        assert_refused(&error, ErrorKind::InvalidId);
    }
    assert_untouched(&bench);
}

async fn run_ids_that_break_a_rule_are_refused(files: Files) {
    let bench = files.bench().await;
    for (id, rule) in bad_ids() {
        let error = refused(&bench, options(), &summary(&id, &at(1)), ErrorKind::InvalidId).await;
        let message = error.message();
        assert!(message.contains("run") && message.contains(&rule), "{message}");
        assert!(message.contains(&format!("{id:?}")), "{message}");
    }
    // What counts is the id, not how it is written.
    let escaped = summary("ok", &at(1)).replace("ok", "\\u002e\\u002e");
    refused(&bench, options(), &escaped, ErrorKind::InvalidId).await;
    assert_untouched(&bench);
}

async fn unusual_ids_that_break_no_rule_are_kept_as_they_are(files: Files) {
    let bench = files.bench().await;
    let long = "x".repeat(128);
    for id in
        ["a b", "größe", "日本", "con1", "COM10", "clip", "a.lockfile", "-", "'$(x)`;&", &long]
    {
        let text = serde_json::json!({"taskId": id, "runId": id, "timestamp": at(1)}).to_string();
        bench.tandem.record_run(text, RecordOptions::new().task_id(id)).await.expect(id);
        assert_eq!(names_in(&bench.path(&format!(".runs/{id}/{id}"))), ["manifest.json"]);
        assert_eq!(recorded_in(&bench.path(&format!("out/{id}/runs.json"))), [id]);
        let history = bench.tandem.history(HistoryOptions::new(id)).await.unwrap();
        assert_eq!(history.total, 1);
    }
    // Escapes of an id are the id.
    let escaped =
        r#"{"taskId":"t\u0061sk","runId":"\u0061","timestamp":"2026-01-06T00:00:01\u005a"}"#;
    bench.tandem.record_run(escaped, options()).await.unwrap();
    assert_eq!(bench.recorded(), ["a"]);
    assert!(bench.path(&summary_path("a")).exists());
    bench.record("a", &at(2)).await;
    assert_eq!(bench.recorded(), ["a"]);
}

async fn a_summary_that_is_no_json_object_is_refused(files: Files) {
    let bench = files.bench().await;
    let good = summary("a", &at(1));
    for text in ["", " ", "{", "}", "nul", "null", "true", "1", "\"{}\"", "[]", "{}"] {
        let error = refused(&bench, options(), text, ErrorKind::InvalidInput).await;
        assert_eq!(error.channel(), Some(Channel::Summary), "{text}");
    }
    for text in [
        format!("[{good}]"),
        format!("{good} {good}"),
        format!("{good}x"),
        format!("\u{feff}\u{feff}{good}"),
        format!("{good}\0"),
        good[..good.len() - 1].to_owned(),
        good.replace('}', ",}"),
        good.replace('}', ",\"n\":NaN}"),
        good.replace('}', ",\"n\":01}"),
        good.replace('}', ",\"s\":\"\n\"}"),
        good.replace('}', ",\"s\":\"\\x\"}"),
        good.replace('"', "'"),
    ] {
        let error = refused(&bench, options(), &text, ErrorKind::InvalidInput).await;
        assert_eq!(error.channel(), Some(Channel::Summary), "{text}");
    }
    assert_untouched(&bench);
}

async fn a_summary_without_its_three_members_is_refused(files: Files) {
    let bench = files.bench().await;
    let members = [("taskId", "task".into()), ("runId", "a".into()), ("timestamp", at(1))];
    let text = |members: &[(&str, String)]| {
        let members: Vec<_> =
            members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    };
    let quoted = members.clone().map(|(name, value)| (name, format!("\"{value}\"")));
    for (number, (name, _)) in members.iter().enumerate() {
        let mut bad = Vec::new();
        let mut missing = quoted.to_vec();
        missing.remove(number);
        bad.push(text(&missing));
        let mut doubled = quoted.to_vec();
        doubled.push(quoted[number].clone());
        bad.push(text(&doubled));
        // However it is written.
        bad.push(text(&doubled).replacen(
            name,
            &format!("\\u{:04x}{}", name.as_bytes()[0], &name[1..]),
            1,
        ));
        for value in ["null", "1", "true", "[]", "{}", "[\"a\"]"] {
            let mut other = quoted.to_vec();
            other[number].1 = value.to_owned();
            bad.push(text(&other));
        }
        // Deeper inside it is another member.
        let mut inside = missing.clone();
        inside.push(("inside", text(&quoted[number..=number])));
        bad.push(text(&inside));
        for text in bad {
            let error = refused(&bench, options(), &text, ErrorKind::InvalidInput).await;
            assert_eq!(error.channel(), Some(Channel::Summary), "{text}");
            assert!(error.message().contains(name), "{error}");
        }
    }
    assert_untouched(&bench);
}

async fn a_summary_of_another_task_is_refused(files: Files) {
    let bench = files.bench().await;
    for task in ["other", "Task", "task ", "", "task/x"] {
        let text = serde_json::json!({"taskId": task, "runId": "a", "timestamp": at(1)});
        let options = options().task_id("task");
        let error = refused(&bench, options, &text.to_string(), ErrorKind::InvalidInput).await;
        assert!(error.message().contains(&format!("{task:?}")), "{error}");
        assert!(error.message().contains("\"task\""), "{error}");
    }
    assert_untouched(&bench);
}

async fn a_timestamp_of_any_other_form_is_refused(files: Files) {
    let bench = files.bench().await;
    for timestamp in [
        "",
        "Z",
        "now",
        "1767659236",
        "2026-01-06",
        "2026-01-06T00:27:16",
        "2026-01-06T00:27Z",
        "2026-01-06T00:27:16+00:00",
        "2026-01-06T00:27:16-00:00Z",
        "2026-01-06T00:27:16.820+01:00",
        "2026-01-06t00:27:16Z",
        "2026-01-06T00:27:16z",
        "2026-01-06 00:27:16Z",
        "2026-01-06T00:27:16.Z",
        "2026-01-06T00:27:16,8Z",
        "2026-01-06T00:27:16.8 Z",
        "2026-01-06T00:27:16.8.1Z",
        " 2026-01-06T00:27:16Z",
        "2026-01-06T00:27:16Z ",
        "2026-01-06T00:27:16Z\n",
        "2026-01-06T00:27:16ZZ",
        "+2026-01-06T00:27:16Z",
        "-026-01-06T00:27:16Z",
        "12026-01-06T00:27:16Z",
        "20260106T002716Z",
        "2026-1-06T00:27:16Z",
        "2026-W01-2T00:27:16Z",
        "2026-13-06T00:27:16Z",
        "2026-00-06T00:27:16Z",
        "2026-01-32T00:27:16Z",
        "2026-01-00T00:27:16Z",
        "2026-02-29T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-06T24:00:00Z",
        "2026-01-06T00:60:00Z",
        "2026-01-06T00:00:60Z",
        "2026-01-06T0a:00:00Z",
        "２026-01-06T00:27:16Z",
    ] {
        let text = summary("a", timestamp);
        let error = refused(&bench, options(), &text, ErrorKind::InvalidInput).await;
        assert_eq!(error.channel(), Some(Channel::Summary));
        assert!(error.message().contains("timestamp"), "{error}");
        assert!(error.message().contains(&format!("{timestamp:?}")), "{error}");
    }
    assert_untouched(&bench);
}

mod refused_by_the_library {
    use super::*;

    crate::support::on_every_filesystem!(
        a_summary_above_the_limit_is_refused_before_the_component_sees_it,
    );
}

async fn a_summary_above_the_limit_is_refused_before_the_component_sees_it(files: Files) {
    let bench = files.bench_with(|starter| starter.limits(|of| of.max_document_bytes(1_000))).await;
    // It is no JSON either: its size is what counts. An answer without a wait: nobody had a turn.
    let long = "x".repeat(1_001);
    let error = bench.tandem.record_run(long, options()).now_or_never().unwrap().unwrap_err();
    assert_refused(&error, ErrorKind::TooLarge);
    assert_eq!(error.channel(), Some(Channel::Summary));
    assert!(error.message().contains("1001") && error.message().contains("1000"), "{error}");
    let small = options().max_summary_bytes(20);
    let error = refused(&bench, small, &summary("a", &at(1)), ErrorKind::TooLarge).await;
    assert!(error.message().contains("20"), "{error}");
    // The component's limits are the most.
    let text = summary("a", &at(1));
    refused(&bench, options().max_summary_bytes(1_001), &text, ErrorKind::InvalidInput).await;
    let above = u64::MAX;
    refused(&bench, options().max_history_bytes(above), &text, ErrorKind::InvalidInput).await;
    let reading = bench.tandem.history(HistoryOptions::new("task").max_history_bytes(above));
    assert_refused(&reading.await.unwrap_err(), ErrorKind::InvalidInput);
    assert_untouched(&bench);
}

async fn a_summary_whose_file_would_be_above_the_limit_is_refused(files: Files) {
    let bench = files.bench().await;
    let options = || options().max_summary_bytes(1_000);
    let bare = summary("a", &at(1));
    // `{`, three members with `\n  `, and `: ` each, `\n}`: 13 bytes more than without spaces.
    let filled = |bytes: usize| {
        let fill = bytes - (bare.len() + 13) - ",\n  \"f\": \"\"".len();
        bare.replacen('{', &format!("{{\"f\":\"{}\",", "x".repeat(fill)), 1)
    };
    let error = refused(&bench, options(), &filled(1_001), ErrorKind::TooLarge).await;
    assert_eq!(error.channel(), Some(Channel::Summary));
    let nested = format!("{{\"n\":{}1{},", "[".repeat(100), "]".repeat(100));
    let deep = bare.replacen('{', &nested, 1);
    refused(&bench, options(), &deep, ErrorKind::TooLarge).await;
    assert_untouched(&bench);
    let recorded = bench.tandem.record_run(filled(1_000), options()).await.unwrap();
    assert_eq!(recorded.summary.bytes, 1_000);
}

async fn nesting_deeper_than_125_is_refused_whatever_the_depth(files: Files) {
    let bench = files.bench().await;
    let nested = |depth: usize, is_closed: bool| {
        let close = if is_closed { "]".repeat(depth - 1) } else { String::new() };
        let value = format!("{}1{close}", "[".repeat(depth - 1));
        summary("a", &at(1)).replacen('{', &format!("{{\"n\":{value},"), 1)
    };
    for depth in [126, 127, 128, 129, 10_000, 100_000] {
        for is_closed in [true, false] {
            refused(&bench, options(), &nested(depth, is_closed), ErrorKind::InvalidInput).await;
        }
    }
    assert_untouched(&bench);
    // What was accepted is accepted again from the history.
    bench.tandem.record_run(nested(125, true), options()).await.unwrap();
    let recorded = bench.record("b", &at(2)).await;
    assert_eq!((recorded.runs, recorded.set_aside.len()), (2, 0));
    assert_eq!(bench.text(HISTORY_PATH).matches('[').count(), 125);
    assert_eq!(bench.history().await.unwrap().total, 2);
}

const ROOTS: [&str; 12] =
    ["", ".", "..", "../a", "a/../b", "a/..", "/abs", "a//b", "a/", "./a", "a\\b", "a\0b"];
const NAMES: [&str; 11] = ["", ".", "..", "a/b", "../a", "/a", "a\\b", "a\0", "a.", "a ", "nul"];

async fn options_that_break_a_rule_are_refused(files: Files) {
    let bench = files.bench().await;
    let mut bad = vec![
        ("keep_last", options().keep_last(0)),
        ("lease_ms", options().lease(Duration::from_millis(0))),
        ("lease_ms", options().lease(Duration::from_millis(9))),
        ("lease_ms", options().lease(Duration::from_millis(3_600_001))),
        ("lease_ms", options().lease(Duration::from_millis(u64::MAX))),
        // It would be read as a history of the older format.
        ("history_name", options().history_name("state.json")),
        ("history_name", options().history_name("State.JSON")),
    ];
    for root in ROOTS {
        bad.push(("runs_root", options().runs_root(root)));
        bad.push(("history_root", options().history_root(root)));
    }
    for name in NAMES {
        bad.push(("summary_name", options().summary_name(name)));
        bad.push(("history_name", options().history_name(name)));
    }
    for (option, options) in bad {
        let text = summary("a", &at(1));
        let error = refused(&bench, options, &text, ErrorKind::InvalidInput).await;
        assert!(error.message().contains(option), "{error}");
    }
    let task = || HistoryOptions::new("task");
    let roots = ROOTS.map(|root| task().history_root(root));
    for options in roots.into_iter().chain(NAMES.map(|name| task().history_name(name))) {
        let error = bench.tandem.history(options).await.unwrap_err();
        assert_refused(&error, ErrorKind::InvalidInput);
    }
    assert_untouched(&bench);
    // The ends of a range are in it.
    let text = summary("a", &at(1));
    for options in [
        options().lease(Duration::from_millis(10)),
        options().lease(Duration::from_millis(3_600_000)).keep_last(u32::MAX),
    ] {
        let options = options
            .lock_wait(Duration::from_millis(u64::MAX))
            .sweep_after(Duration::from_millis(u64::MAX));
        bench.tandem.record_run(text.as_str(), options).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_refused_makes_no_call_of_the_disk() {
    within(async {
        let lab = Lab::new().await;
        let good = summary("a", &at(1));
        lab.tandem.record_run(good.as_str(), options().task_id("..")).await.unwrap_err();
        lab.tandem.record_run(good.as_str(), options().task_id("other")).await.unwrap_err();
        lab.tandem.record_run(summary("..", &at(1)), options()).await.unwrap_err();
        lab.tandem.record_run(summary("a", "today"), options()).await.unwrap_err();
        lab.tandem.record_run("{", options()).await.unwrap_err();
        lab.tandem.record_run("x".repeat(20_000_000), options()).await.unwrap_err();
        lab.tandem.record_run(good.as_str(), options().keep_last(0)).await.unwrap_err();
        lab.tandem.record_run(good.as_str(), options().runs_root("..")).await.unwrap_err();
        lab.tandem.record_run(good, options().history_name("state.json")).await.unwrap_err();
        lab.tandem.history(HistoryOptions::new("..")).await.unwrap_err();
        assert_eq!(lab.record.started(), []);
    })
    .await;
}
