//! What is merged into what.

use super::super::history::ENTRIES_MAX;
use super::*;
use crate::error::Another;

fn entry(id: &str, second: u32) -> String {
    format!(r#"{{"runId":"{id}","timestamp":"2026-01-06T00:00:{second:02}Z"}}"#)
}

fn file(entries: &[String]) -> String {
    format!(r#"{{"taskId":"task","lastRunAt":"x","runs":[{}]}}"#, entries.join(","))
}

fn with_history(text: &str) -> Place {
    let place = Place::new();
    place.disk.put(HISTORY_FILE, text.as_bytes(), 0);
    place
}

fn last_run_at(place: &Place) -> String {
    let text = place.disk.file(HISTORY_FILE).expect("a history");
    let history: Value = serde_json::from_str(&text).expect("a history");
    history["lastRunAt"].as_str().expect("lastRunAt").to_owned()
}

#[test]
fn runs_are_ordered_by_timestamp_whenever_they_come() {
    let place = Place::new();
    for n in [5, 1, 9, 3, 7] {
        place.record(&summary(n)).expect("recorded");
    }
    assert_eq!(place.runs(), ["r1", "r3", "r5", "r7", "r9"]);
    assert_eq!(last_run_at(&place), "2026-01-06T00:00:09Z");
}

#[test]
fn equal_timestamps_stay_in_the_order_they_came() {
    let place = Place::new();
    let same = |id: &str| summary(1).replace("r1", id);
    for id in ["c", "a", "b"] {
        place.record(&same(id)).expect("recorded");
    }
    assert_eq!(place.runs(), ["c", "a", "b"]);
    place.record(&same("c")).expect("recorded");
    assert_eq!(place.runs(), ["c", "a", "b"], "what did not change keeps its place");
}

#[test]
fn a_run_that_is_recorded_again_is_replaced_and_last_run_at_may_move_back() {
    let place = Place::new();
    for n in [1, 2, 3] {
        place.record(&summary(n)).expect("recorded");
    }
    let again = r#"{"taskId":"task","runId":"r3","timestamp":"2026-01-06T00:00:00Z","again":1}"#;
    let recorded = place.record(again).expect("recorded");
    assert_eq!(recorded.runs, 3);
    assert_eq!(place.runs(), ["r3", "r1", "r2"]);
    assert_eq!(last_run_at(&place), "2026-01-06T00:00:02Z");
    assert!(place.disk.file(HISTORY_FILE).expect("a history").contains("\"again\": 1"));
}

#[test]
fn the_text_of_other_entries_is_kept() {
    let odd = r#"{"runId":"o","timestamp":"2026-01-06T00:00:00Z","n":[1.0,1e400,-0],  "s":"\u00e9\/", "n":2}"#;
    let place = with_history(&format!(r#"{{"v":1.0,"taskId":"task","runs":[{odd}],"w":{{}}}}"#));
    place.record(&summary(1)).expect("recorded");
    let text = place.disk.file(HISTORY_FILE).expect("a history");
    assert!(text.contains(&format!("\n    {odd},\n    {{\n")), "{text}");
    assert!(text.starts_with("{\n  \"taskId\": \"task\",\n  \"lastRunAt\": "), "{text}");
    assert!(text.ends_with("\n  ],\n  \"v\": 1.0,\n  \"w\": {}\n}"), "{text}");
}

#[test]
fn entries_without_id_or_timestamp_are_kept_and_come_first() {
    let place = with_history(&file(&[
        entry("b", 2),
        r#"{"note":1}"#.into(),
        "null".into(),
        r#"{"runId":"x"}"#.into(),
        r#"{"timestamp":"2026-01-06T00:00:59Z"}"#.into(),
        r#"{"runId":"","timestamp":"2026"}"#.into(),
        r#"{"runId":7,"timestamp":"2026"}"#.into(),
        "[]".into(),
        entry("a", 1),
    ]));
    place.record(&summary(3)).expect("recorded");
    let expected = ["-", "-", "x", "-", "", "-", "-", "a", "b", "r3"];
    assert_eq!(place.runs(), expected);
    place.record(&summary(3)).expect("recorded");
    assert_eq!(place.runs(), expected);
}

#[test]
fn unsorted_and_doubled_entries_are_put_right_and_the_last_wins() {
    let last = r#"{"runId":"a","timestamp":"2026-01-06T00:00:04Z","last":true}"#;
    let escaped = r#"{"runId":"\u0061","timestamp":"2026-01-06T00:00:01Z"}"#;
    let place = with_history(&file(&[
        entry("c", 3),
        escaped.into(),
        entry("b", 2),
        entry("a", 9),
        last.into(),
    ]));
    let recorded = place.record(&summary(5)).expect("recorded");
    assert_eq!(recorded.runs, 4);
    assert_eq!(place.runs(), ["b", "c", "a", "r5"]);
    assert!(place.disk.file(HISTORY_FILE).expect("a history").contains("last"));
}

#[test]
fn an_id_that_is_no_unicode_is_no_other_id() {
    let id = |id: &str| format!(r#"{{"runId":{id},"timestamp":"2026-01-06T00:00:00Z"}}"#);
    let ids = [r#""\ud800""#, r#""\ud801""#, r#""\"\\ud800\"""#, r#""\ufffd""#];
    let place = with_history(&file(&ids.map(id)));
    let recorded = place.record(&summary(1)).expect("recorded");
    assert_eq!(recorded.runs, 5);
}

#[test]
fn an_empty_history_has_an_empty_last_run_at() {
    let place = with_history(&file(&[]));
    assert_eq!(place.history(None), Ok(no_history()));
    let place = with_history(&file(&["{}".into()]));
    let history = place.history(None).expect("a history");
    assert_eq!((history.last_run_at.as_str(), history.total), ("", 1));
}

/// The summary of a run that was completed at a time.
fn summary_at(id: &str, timestamp: &str) -> String {
    format!(r#"{{"taskId":"task","runId":"{id}","timestamp":"{timestamp}"}}"#)
}

#[test]
fn runs_are_ordered_by_the_time_that_a_timestamp_names() {
    let place = Place::new();
    for (id, second) in
        [("d", "33.70"), ("b", "33.05"), ("a", "33"), ("e", "34"), ("c", "33.5"), ("f", "34.000")]
    {
        let timestamp = format!("2026-11-21T05:04:{second}Z");
        place.record(&summary_at(id, &timestamp)).expect("recorded");
    }
    assert_eq!(place.runs(), ["a", "b", "c", "d", "e", "f"], "equal times in the order they came");
    place.record(&summary_at("e", "2026-11-21T05:04:34.0Z")).expect("recorded");
    assert_eq!(place.runs(), ["a", "b", "c", "d", "e", "f"], "the same time keeps its place");
    assert_eq!(place.history(None).expect("a history").last_run_at, "2026-11-21T05:04:34.000Z");
}

#[test]
fn timestamps_of_another_form_come_before_times_by_their_bytes() {
    let entry = |id: &str, timestamp: &str| summary_at(id, timestamp);
    let place = with_history(&file(&[
        entry("time", "1999-01-01T00:00:00Z"),
        entry("z", "yesterday"),
        entry("a", "2026-01-06"),
        entry("b", "2026-01-06T00:00:00+01:00"),
        r#"{"runId":"none"}"#.into(),
    ]));
    place.record(&summary_at("new", "2000-01-01T00:00:00Z")).expect("recorded");
    assert_eq!(place.runs(), ["none", "a", "b", "z", "time", "new"]);
}

#[test]
fn a_run_just_recorded_is_kept_among_entries_whose_clock_was_ahead() {
    let place = Place::new();
    let keep = |keep_last| RecordSettings { keep_last: Some(keep_last), ..options() };
    for n in 1..=3 {
        place
            .record(&summary_at(&format!("ahead-{n}"), &format!("2031-01-0{n}T00:00:00Z")))
            .expect("recorded");
    }
    let recorded = place.record_with(&summary(1), keep(3)).expect("recorded");
    assert_eq!(recorded.ahead, ["ahead-3", "ahead-2"]);
    assert_eq!((place.runs(), recorded.runs), (ids(&["r1", "ahead-2", "ahead-3"]), 3));
    let recorded = place.record_with(&summary(2), keep(3)).expect("recorded");
    assert_eq!(recorded.ahead, ["ahead-3", "ahead-2"]);
    assert_eq!(place.runs(), ["r2", "ahead-2", "ahead-3"], "the oldest of the others goes");
    let recorded = place.record_with(&summary(2), keep(3)).expect("recorded");
    assert_eq!(recorded.ahead, [""; 0], "nothing was dropped");
    let recorded = place.record_with(&summary(3), keep(1)).expect("recorded");
    assert_eq!((place.runs(), recorded.ahead), (ids(&["r3"]), ids(&[])));
}

#[test]
fn equals_of_the_run_just_recorded_are_not_ahead_of_it() {
    let place = Place::new();
    for id in ["old", "a", "b", "c"] {
        let time = if id == "old" { "2020-01-01T00:00:00Z" } else { "2026-01-01T00:00:00Z" };
        place.record(&summary_at(id, time)).expect("recorded");
    }
    let keep = |keep_last| RecordSettings { keep_last: Some(keep_last), ..options() };
    let again = summary_at("a", "2026-01-01T00:00:00.0Z");
    let recorded = place.record_with(&again, keep(3)).expect("recorded");
    assert_eq!((place.runs(), recorded.ahead), (ids(&["a", "b", "c"]), ids(&[])));
}

#[test]
fn at_most_ten_entries_ahead_are_named() {
    let place = Place::new();
    for n in 100..120 {
        place.record(&summary(n)).expect("recorded");
    }
    let few = RecordSettings { keep_last: Some(15), ..options() };
    let recorded = place.record_with(&summary(1), few).expect("recorded");
    let latest: Vec<String> = (110..120).rev().map(|n| format!("r{n}")).collect();
    assert_eq!((recorded.ahead, recorded.runs), (latest, 15));
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|&id| id.to_owned()).collect()
}

#[test]
fn only_the_last_runs_are_kept_if_asked_for() {
    let place = Place::new();
    let keep = |keep_last| RecordSettings { keep_last: Some(keep_last), ..options() };
    for n in 1..=5 {
        let recorded = place.record_with(&summary(n), keep(3)).expect("recorded");
        assert_eq!((recorded.runs, recorded.ahead), (n.min(3), Vec::<String>::new()));
    }
    assert_eq!(place.runs(), ["r3", "r4", "r5"]);
    place.record_with(&summary(9), keep(1)).expect("recorded");
    assert_eq!(place.runs(), ["r9"]);
    let none = RecordOptions { keep_last: Some(0), ..NO_OPTIONS };
    let error = RecordSettings::new(none, &Limits::default()).expect_err("refused");
    assert_eq!(error.to_string(), "keep_last is below 1: 0");
}

#[test]
fn a_history_of_the_older_format_is_a_start_and_stays() {
    let legacy = file(&[entry("old", 0)]);
    let place = Place::new();
    place.disk.put("out/task/state.json", legacy.as_bytes(), 0);
    assert_eq!(place.history(None).expect("a history").total, 1);
    place.record(&summary(1)).expect("recorded");
    assert_eq!(place.runs(), ["old", "r1"]);
    assert_eq!(place.disk.file("out/task/state.json"), Some(legacy));
    place.record(&summary(2)).expect("recorded");
    assert_eq!(place.runs(), ["old", "r1", "r2"]);
}

#[test]
fn any_other_state_is_ignored() {
    let others = [
        file(&[entry("old", 0)]).replace("\"task\"", "\"other\""),
        r#"{"taskId":"task","runs":{}}"#.into(),
        r#"{"taskId":"task"}"#.into(),
        "[]".into(),
        "{".into(),
        String::new(),
    ];
    for other in others {
        let place = Place::new();
        place.disk.put("out/task/state.json", other.as_bytes(), 0);
        assert_eq!(place.history(None), Ok(no_history()), "{other}");
        let recorded = place.record(&summary(1)).expect("recorded");
        assert_eq!((place.runs(), recorded.set_aside), (vec!["r1".to_owned()], vec![]), "{other}");
        assert_eq!(place.disk.file("out/task/state.json"), Some(other));
    }
}

#[test]
fn a_state_that_cannot_be_read_is_an_error_and_loses_nothing() {
    let place = Place::new();
    place.disk.put("out/task/state.json", file(&[entry("old", 0)]).as_bytes(), 0);
    place.disk.fail("read out/task/state.json", IO, true);
    let told = failure(Channel::History, Operation::Read, "out/task/state.json", IO);
    assert_eq!(place.record(&summary(1)), Err(Error::History(told)));
    assert_eq!(place.disk.file(HISTORY_FILE), None);
}

#[test]
fn a_corrupt_history_is_set_aside_and_the_work_goes_on() {
    let good = file(&[entry("a", 1)]);
    let corrupt: &[&[u8]] = &[
        b"",
        b"null",
        b"[]",
        b"{}",
        &good.as_bytes()[..good.len() / 2],
        b"\xff\xfe\x00\x01",
        b"\xef\xbb\xbf\xef\xbb\xbf{\"taskId\":\"task\",\"runs\":[]}",
        b"{\"taskId\":\"task\",\"runs\":[]}\xef\xbb\xbf",
        br#"{"taskId":"other","runs":[]}"#,
        br#"{"taskId":7,"runs":[]}"#,
        br#"{"runs":[]}"#,
        br#"{"taskId":"task"}"#,
        br#"{"taskId":"task","runs":"[]"}"#,
        br#"{"taskId":"task","runs":[]} x"#,
    ];
    for &content in corrupt {
        let place = Place::new();
        place.disk.put(HISTORY_FILE, content, 0);
        // It is no start right after one was set aside.
        place.disk.put("out/task/state.json", good.as_bytes(), 0);
        let text = String::from_utf8_lossy(content);
        let error = place.history(None).expect_err("corrupt");
        assert_eq!(error, Error::Corrupt { path: HISTORY_FILE.to_owned() }, "{text}");
        let recorded = place.record(&summary(1)).expect("recorded");
        assert_eq!(place.runs(), ["r1"], "{text}");
        let [aside] = &recorded.set_aside[..] else { panic!("{text}: {recorded:?}") };
        let digits = aside.strip_prefix("out/task/runs.json.corrupt-").expect("its name");
        assert!(digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{aside}");
        assert_eq!(place.disk.bytes(aside).as_deref(), Some(content));
        assert_eq!(place.record(&summary(2)).expect("recorded").set_aside.len(), 0);
    }
}

fn file_of(task_id: &str) -> String {
    file(&[entry("a", 1)]).replace("\"task\"", &format!("\"{task_id}\""))
}

/// A history of the task `of` stands in this task's place, and is left there.
fn is_refused(place: &Place, of: &str) {
    let text = place.disk.file(HISTORY_FILE);
    let another = Another { of: of.into(), task_id: "task".into(), path: HISTORY_FILE.to_owned() };
    assert_eq!(place.history(None), Err(Error::OfAnother(another.clone())), "{of}");
    assert_eq!(place.record(&summary(1)), Err(Error::UnrecordedOfAnother(another)), "{of}");
    assert_eq!(place.disk.paths(), [SUMMARY_FILE, HISTORY_FILE], "{of}");
    assert_eq!(place.disk.file(HISTORY_FILE), text, "{of}");
}

#[test]
fn a_history_of_a_task_whose_id_is_equal_but_for_case_is_left_alone() {
    for of in ["Task", "TASK", "tasK"] {
        is_refused(&with_history(&file_of(of)), of);
    }
}

#[test]
fn a_history_of_another_task_is_left_alone_where_the_directory_is_no_directory_of_that_name() {
    let of = |of: &str| with_history(&file_of(of));
    let linked = of("other");
    linked.disk.put_link("out/task");
    is_refused(&linked, "other");
    let folded = of("taſk");
    folded.disk.hide("out/task");
    is_refused(&folded, "taſk");
    let odd = of("a/b");
    odd.disk.put_link("out/task");
    assert_eq!(odd.record(&summary(1)).expect("recorded").set_aside.len(), 1);
    let own = of("task");
    own.disk.put_link("out/task");
    assert_eq!(own.record(&summary(1)).expect("recorded").runs, 2);
}

#[test]
fn whose_directory_it_is_must_be_known_before_a_history_is_set_aside() {
    for (call, operation, path) in [
        ("open-dir out$", Operation::Open, "out"),
        ("list out$", Operation::List, "out"),
        ("stat out/task$", Operation::Stat, "out/task"),
    ] {
        let place = with_history(&file_of("other"));
        place.disk.fail(call, IO, true);
        let told = failure(Channel::History, operation, path, IO);
        // The directory above may be opened for another reason.
        let error = place.history(None).expect_err(call);
        assert_eq!(error, told.into());
        assert!(place.record(&summary(1)).is_err());
        assert!(place.disk.file(HISTORY_FILE).is_some_and(|text| text.contains("other")));
    }
}

#[test]
fn a_byte_order_mark_before_a_history_is_read_and_not_kept() {
    let marked = format!("\u{feff}{}", file(&[entry("a", 1)]));
    let place = with_history(&marked);
    assert_eq!(place.history(None).expect("a history").total, 1);
    let recorded = place.record(&summary(2)).expect("recorded");
    assert_eq!((recorded.runs, recorded.set_aside.len()), (2, 0));
    assert!(place.disk.file(HISTORY_FILE).is_some_and(|text| text.starts_with('{')));
    let place = Place::new();
    place.disk.put("out/task/state.json", marked.as_bytes(), 0);
    assert_eq!(place.record(&summary(2)).expect("recorded").runs, 2);
}

#[test]
fn a_corrupt_history_that_cannot_be_set_aside_stays() {
    let place = with_history("{");
    place.disk.fail("create-file out/task/.runs.json.corrupt", Code("quota"), true);
    let told = failure(Channel::History, Operation::Open, HISTORY_FILE, Code("quota"));
    assert_eq!(place.record(&summary(1)), Err(Error::History(told)));
    assert_eq!(place.disk.file(HISTORY_FILE).as_deref(), Some("{"));
}

#[test]
fn a_directory_in_the_place_of_a_file_is_an_error_of_that_file() {
    let place = Place::new();
    place.disk.put("out/task/x", b"", 0);
    place.disk.put_dir(HISTORY_FILE);
    let told = failure(Channel::History, Operation::Read, HISTORY_FILE, Code::IS_DIRECTORY);
    assert_eq!(place.record(&summary(1)), Err(Error::History(told.clone())));
    assert_eq!(place.history(None), Err(told.into()));
    let place = Place::new();
    place.disk.put(".runs/task/r1/x", b"", 0);
    place.disk.put_dir(SUMMARY_FILE);
    let first = failure(Channel::Summary, Operation::Rename, SUMMARY_FILE, Code::IS_DIRECTORY);
    assert_eq!(place.record(&summary(1)), Err(Error::Storage { first, beside: None }));
    assert_eq!(place.runs(), ["r1"]);
}

#[test]
fn a_symbolic_link_is_replaced() {
    let place = Place::new();
    place.disk.put("out/task/x", b"", 0);
    place.disk.put_link(HISTORY_FILE);
    place.record(&summary(1)).expect("recorded");
    assert!(!place.disk.is_link(HISTORY_FILE));
    assert_eq!(place.runs(), ["r1"]);
}

#[test]
fn a_history_above_the_limit_is_left_alone() {
    let text = file(&[entry("a", 1)]);
    let place = with_history(&text);
    let limit = text.len() as u64 - 1;
    let mut options = options();
    options.max_history_bytes = limit;
    let told = failure(Channel::History, Operation::Read, HISTORY_FILE, Code::FILE_TOO_LARGE);
    assert_eq!(place.record_with(&summary(1), options.clone()), Err(Error::History(told)));
    let histories = place.histories.clone();
    let bytes = text.len() as u64;
    let small =
        HistorySettings { max_history_bytes: limit, ..HistorySettings::with_defaults("task") };
    let error = place.disk.run(async move { histories.history(small).await });
    let message =
        format!("history on the disk takes {bytes} bytes, above max_history_bytes: {limit}");
    assert_eq!(error.expect_err("too large").to_string(), message);
    options.max_history_bytes = bytes;
    let told = failure(Channel::History, Operation::Write, HISTORY_FILE, Code::FILE_TOO_LARGE);
    assert_eq!(place.record_with(&summary(1), options), Err(Error::History(told)));
    assert_eq!(place.disk.file(HISTORY_FILE), Some(text));
}

#[test]
fn a_history_may_have_all_of_its_limit_and_no_byte_more() {
    let place = Place::new();
    place.record(&summary(1)).expect("recorded");
    let bytes = place.disk.file(HISTORY_FILE).expect("a history").len() as u64;
    for (limit, is_recorded) in [(bytes, true), (bytes - 1, false)] {
        let place = Place::new();
        let options = RecordSettings { max_history_bytes: limit, ..options() };
        assert_eq!(place.record_with(&summary(1), options).is_ok(), is_recorded);
        assert_eq!(place.disk.file(HISTORY_FILE).is_some(), is_recorded);
    }
}

#[test]
fn the_newest_runs_are_told_first() {
    let place = Place::new();
    assert_eq!(place.history(None), Ok(no_history()), "no history is an empty one");
    for n in 1..=4 {
        place.record(&summary(n)).expect("recorded");
    }
    let id = |text: &String| {
        let run: Value = serde_json::from_str(text).expect("an entry");
        run["runId"].as_str().expect("an id").to_owned()
    };
    for (limit, expected) in [
        (None, &["r4", "r3", "r2", "r1"][..]),
        (Some(2), &["r4", "r3"]),
        (Some(0), &[]),
        (Some(9), &["r4", "r3", "r2", "r1"]),
    ] {
        let history = place.history(limit).expect("a history");
        assert_eq!(history.runs.iter().map(id).collect::<Vec<_>>(), expected);
        assert_eq!((history.total, history.last_run_at.as_str()), (4, "2026-01-06T00:00:04Z"));
    }
}

#[test]
fn to_read_changes_nothing() {
    let place = with_history(&file(&[entry("b", 2), entry("a", 1)]));
    place.disk.take_calls();
    assert_eq!(place.history(None).expect("a history").total, 2);
    for call in place.disk.take_calls() {
        let is_read = ["open-dir ", "stat ", "read "].iter().any(|read| call.starts_with(read));
        assert!(is_read, "{call}");
    }
}

#[test]
fn abandoned_files_are_swept_where_something_is_written() {
    let place = Place::new();
    place.record(&summary(1)).expect("recorded");
    let temp = |directory: &str, target: &str| {
        format!("{directory}/.{target}.{}.tandem-tmp", "0123456789abcdef".repeat(2))
    };
    let old = [temp("out/task", "other"), temp(".runs/task/r1", "manifest.json")];
    let young = [temp("out/task", "young"), temp(".runs/task/r1", "young")];
    old.iter().for_each(|path| place.disk.put(path, b"", 4_000_000));
    young.iter().for_each(|path| place.disk.put(path, b"", 3_000_000));
    let recorded = place.record(&summary(1)).expect("recorded");
    assert_eq!(recorded.swept, 2);
    let mut expected = [&young[1][..], SUMMARY_FILE, HISTORY_FILE, &young[0]];
    expected.sort_unstable();
    assert_eq!(place.disk.paths(), expected);
}

#[test]
fn a_history_of_too_many_entries_is_left_alone() {
    let text = format!(r#"{{"taskId":"task","runs":[{}1]}}"#, "1,".repeat(ENTRIES_MAX));
    let place = with_history(&text);
    let told = failure(Channel::History, Operation::Read, HISTORY_FILE, Code::FILE_TOO_LARGE);
    assert_eq!(place.record(&summary(1)), Err(Error::History(told.clone())));
    assert_eq!(place.history(None), Err(told.into()));
    assert_eq!(place.disk.file(HISTORY_FILE), Some(text));
}

#[test]
fn a_history_does_not_grow_beyond_what_is_read() {
    let text = format!(r#"{{"taskId":"task","runs":[{}1]}}"#, "1,".repeat(ENTRIES_MAX - 1));
    let place = with_history(&text);
    let told = failure(Channel::History, Operation::Write, HISTORY_FILE, Code::FILE_TOO_LARGE);
    assert_eq!(place.record(&summary(1)), Err(Error::History(told)));
    assert_eq!(place.disk.file(HISTORY_FILE), Some(text));
    let few = RecordSettings { keep_last: Some(5), ..options() };
    assert_eq!(place.record_with(&summary(1), few).expect("recorded").runs, 5);
}

#[test]
fn a_history_with_too_many_unknown_members_is_left_alone() {
    let others = |n: usize| {
        let others: String = (0..n).map(|n| format!("\"x{n}\":0,")).collect();
        format!(r#"{{{others}"taskId":"task","runs":[]}}"#)
    };
    with_history(&others(1_000)).record(&summary(1)).expect("recorded");
    let place = with_history(&others(1_001));
    let told = failure(Channel::History, Operation::Read, HISTORY_FILE, Code::FILE_TOO_LARGE);
    assert_eq!(place.record(&summary(1)), Err(Error::History(told)));
}

#[test]
fn a_torn_history_is_set_aside_however_much_it_holds() {
    let others: String = (0..=1_000).map(|n| format!("\"x{n}\":0,")).collect();
    let entries = "1,".repeat(ENTRIES_MAX + 1);
    for torn in [format!("{{{others}"), format!(r#"{{"taskId":"task","runs":[{entries}"#)] {
        let recorded = with_history(&torn).record(&summary(1)).expect("recorded");
        assert_eq!((recorded.runs, recorded.set_aside.len()), (1, 1));
    }
}

#[test]
fn ids_that_are_no_unicode_are_not_taken_for_one() {
    let odd = |id: &str| format!(r#"{{"runId":"{id}","timestamp":"2026-01-06T00:00:00Z"}}"#);
    let place = with_history(&file(&[odd("\\ud800"), odd("\\ud801")]));
    assert_eq!(place.record(&summary(1)).expect("recorded").runs, 3);
}

#[test]
fn a_copy_is_durable_before_and_gone_unless_the_history_was_replaced() {
    let place = with_history("{");
    place.record(&summary(1)).expect("recorded");
    let calls = place.disk.take_calls();
    let at = |call: &str| calls.iter().position(|c| c.starts_with(call)).expect(call);
    assert!(at("rename out/task/.runs.json.corrupt") < at("sync-dir out/task"));
    let replaced = calls.iter().position(|call| call.ends_with(".tandem-tmp out/task/runs.json"));
    assert!(Some(at("sync-dir out/task")) < replaced, "{calls:?}");

    for step in ["write", "sync-data", "rename"] {
        let place = with_history("{");
        // The copy's own name goes on with a `c`.
        for first in "0123456789abdef".chars() {
            place.disk.fail(&format!("{step} out/task/.runs.json.{first}"), IO, true);
        }
        place.disk.take_calls();
        place.record(&summary(1)).expect_err(step);
        let calls = place.disk.take_calls();
        assert!(calls.iter().any(|call| call.starts_with("rename out/task/.runs.json.corrupt")));
        place.disk.fail("create-file out/task/.runs.json.corrupt", IO, false);
        place.record(&summary(1)).expect_err(step);
        let mut small = options();
        small.max_history_bytes = 20;
        place.record_with(&summary(1), small).expect_err("too large");
        assert_eq!(place.disk.paths(), [SUMMARY_FILE, HISTORY_FILE], "{step}");
    }
}
