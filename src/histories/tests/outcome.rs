//! Both writes start before either is waited for, and both outcomes are told.

use super::*;

const SUMMARY_TEMP: &str = ".runs/task/r1/.manifest.json.";
const HISTORY_TEMP: &str = "out/task/.runs.json.";

#[test]
fn both_files_hold_the_summary() {
    let place = Place::new();
    let text = r#"{"z":[1.0,{"n":1e400}],"taskId":"task","timestamp":"2026-01-06T00:00:01Z","runId":"r1","s":"\u00e9 {}"}"#;
    let recorded = place.record(text).expect("recorded");
    let summary = place.disk.file(SUMMARY_FILE).expect("a summary");
    let history = place.disk.file(HISTORY_FILE).expect("a history");
    assert_eq!(
        summary,
        "{\n  \"z\": [\n    1.0,\n    {\n      \"n\": 1e400\n    }\n  ],\n  \"taskId\": \"task\",\n  \
         \"timestamp\": \"2026-01-06T00:00:01Z\",\n  \"runId\": \"r1\",\n  \"s\": \"\\u00e9 {}\"\n}"
    );
    assert_eq!(
        history,
        format!(
            "{{\n  \"taskId\": \"task\",\n  \"lastRunAt\": \"2026-01-06T00:00:01Z\",\n  \"runs\": [\n    {}\n  ]\n}}",
            summary.replace('\n', "\n    ")
        )
    );
    let written = |text: &str| Written { reached: Reached::Durable, bytes: text.len() as u64 };
    assert_eq!(recorded.summary, written(&summary));
    assert_eq!(recorded.history, written(&history));
    assert_eq!((recorded.runs, recorded.ahead.len(), recorded.swept), (1, 0, 0));
    assert_eq!(place.disk.paths(), [SUMMARY_FILE, HISTORY_FILE], "no lock and no temp file");
}

#[test]
fn each_step_of_one_file_can_wait_for_the_other_file() {
    for (held, awaited) in [
        (format!("create-file {SUMMARY_TEMP}"), format!("create-file {HISTORY_TEMP}")),
        (format!("rename {SUMMARY_TEMP}"), format!("rename {HISTORY_TEMP}")),
        (format!("create-file {HISTORY_TEMP}"), format!("rename {SUMMARY_TEMP}")),
        (format!("rename {HISTORY_TEMP}"), format!("rename {SUMMARY_TEMP}")),
        ("open-dir .runs/task/r1".to_owned(), format!("rename {HISTORY_TEMP}")),
        ("open-dir out/task".to_owned(), format!("rename {SUMMARY_TEMP}")),
    ] {
        let place = Place::new();
        place.disk.hold(&held);
        let call = place.start(&summary(1), options());
        place.disk.settle();
        let calls = place.disk.take_calls();
        assert!(calls.iter().any(|call| call.starts_with(&awaited)), "{held}: {calls:?}");
        place.disk.release(&held);
        call.take().expect("an outcome").expect("recorded");
    }
}

/// Fails the summary, the history or both, in both orders of time.
fn outcome(
    summary_fails: bool,
    history_fails: bool,
    summary_is_first: bool,
) -> Result<Recorded, Error> {
    let place = Place::new();
    if summary_fails {
        place.disk.fail(&format!("write {SUMMARY_TEMP}"), Code("quota"), true);
    }
    if history_fails {
        place.disk.fail(&format!("rename {HISTORY_TEMP}"), Code("access"), true);
    }
    let held = if summary_is_first { HISTORY_TEMP } else { SUMMARY_TEMP };
    place.disk.hold(held);
    let call = place.start(&summary(1), options());
    place.disk.settle();
    assert!(call.take().is_none(), "it waits for both");
    place.disk.release(held);
    let paths = place.disk.paths();
    let expected = [(SUMMARY_FILE, summary_fails), (HISTORY_FILE, history_fails)];
    let expected: Vec<_> =
        expected.into_iter().filter(|(_, fails)| !fails).map(|(path, _)| path).collect();
    assert_eq!(paths, expected, "what did not fail is written, and no other file is left");
    call.take().expect("an outcome")
}

#[test]
fn the_summarys_error_comes_first_and_the_historys_beside_it() {
    let of_summary = failure(Channel::Summary, Operation::Write, SUMMARY_FILE, Code("quota"));
    let of_history = failure(Channel::History, Operation::Rename, HISTORY_FILE, Code("access"));
    for summary_is_first in [true, false] {
        assert!(outcome(false, false, summary_is_first).is_ok());
        assert_eq!(
            outcome(true, false, summary_is_first),
            Err(Error::Storage { first: of_summary.clone(), beside: None })
        );
        assert_eq!(outcome(false, true, summary_is_first), Err(Error::History(of_history.clone())));
        assert_eq!(
            outcome(true, true, summary_is_first),
            Err(Error::Storage { first: of_summary.clone(), beside: Some(of_history.clone()) })
        );
    }
}

#[test]
fn every_step_that_fails_is_told_and_leaves_no_file() {
    let steps = [
        ("open-dir .runs/task/r1", Channel::Summary, Operation::Open, ".runs/task/r1"),
        ("create-dir .runs/task/r1", Channel::Summary, Operation::CreateDirectory, ".runs/task/r1"),
        ("create-file .runs/task/r1/.m", Channel::Summary, Operation::Open, SUMMARY_FILE),
        ("write .runs/task/r1/.m", Channel::Summary, Operation::Write, SUMMARY_FILE),
        ("sync-data .runs/task/r1/.m", Channel::Summary, Operation::Sync, SUMMARY_FILE),
        ("rename .runs/task/r1/.m", Channel::Summary, Operation::Rename, SUMMARY_FILE),
        ("sync-dir .runs/task/r1", Channel::Summary, Operation::SyncDirectory, SUMMARY_FILE),
        ("open-dir out/task", Channel::History, Operation::Open, "out/task"),
        ("create-dir out/task", Channel::History, Operation::CreateDirectory, "out/task"),
        ("create-file .runs/task.lock", Channel::History, Operation::Lock, LOCK_FILE),
        ("write .runs/task.lock", Channel::History, Operation::Lock, LOCK_FILE),
        ("read .runs/task.lock", Channel::History, Operation::Lock, LOCK_FILE),
        ("list out/task", Channel::History, Operation::List, HISTORY_FILE),
        ("stat out/task/runs.json", Channel::History, Operation::Stat, HISTORY_FILE),
        ("stat out/task/state.json", Channel::History, Operation::Stat, "out/task/state.json"),
        ("create-file out/task/.r", Channel::History, Operation::Open, HISTORY_FILE),
        ("write out/task/.r", Channel::History, Operation::Write, HISTORY_FILE),
        ("sync-data out/task/.r", Channel::History, Operation::Sync, HISTORY_FILE),
        ("rename out/task/.r", Channel::History, Operation::Rename, HISTORY_FILE),
        ("sync-dir out/task", Channel::History, Operation::SyncDirectory, HISTORY_FILE),
    ];
    for (step, channel, operation, path) in steps {
        for code in ["insufficient-space", "access", "io", "quota", "read-only"] {
            let place = Place::new();
            place.disk.fail(step, Code(code), false);
            let told = failure(channel, operation, path, Code(code));
            let expected = match channel {
                Channel::Summary => Error::Storage { first: told, beside: None },
                _ => Error::History(told),
            };
            assert_eq!(place.record(&summary(1)), Err(expected), "{step}");
            let paths = place.disk.paths();
            let is_stray = |path: &String| path.contains("tandem-tmp");
            assert!(!paths.iter().any(is_stray), "{step}: {paths:?}");
            place.disk.advance_ms(20_000);
            place.disk.heal();
            let call = place.start(&summary(1), options());
            place.disk.advance_ms(20_000);
            call.take().expect("an outcome").expect("recorded");
            assert_eq!(place.disk.paths(), [SUMMARY_FILE, HISTORY_FILE], "{step}");
        }
    }
}

#[test]
fn a_caller_that_goes_away_breaks_nothing_off() {
    let place = Place::new();
    {
        let histories = place.histories.clone();
        let summary = summary(1);
        let mut call = Box::pin(async move { histories.record_run(&summary, options()).await });
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_pending());
    }
    place.disk.settle();
    assert_eq!(place.disk.paths(), [SUMMARY_FILE, HISTORY_FILE]);
}

#[test]
fn directories_are_synced_once_for_what_is_new_in_them() {
    let place = Place::new();
    let syncs = |disk: &Memory| {
        let mut calls = disk.take_calls();
        calls.retain(|call| call.starts_with("sync-"));
        calls.iter_mut().for_each(|call| {
            if let Some((head, _)) = call.split_once(".json.") {
                *call = head.to_owned();
            }
        });
        calls.sort();
        calls
    };
    place.record(&summary(1)).expect("recorded");
    assert_eq!(
        syncs(&place.disk),
        [
            "sync-data .runs/task/r1/.manifest",
            "sync-data out/task/.runs",
            "sync-dir .",
            "sync-dir .",
            "sync-dir .runs",
            "sync-dir .runs/task",
            "sync-dir .runs/task/r1",
            "sync-dir out",
            "sync-dir out/task",
        ]
    );
    place.record(&summary(2)).expect("recorded");
    assert_eq!(
        syncs(&place.disk),
        [
            "sync-data .runs/task/r2/.manifest",
            "sync-data out/task/.runs",
            "sync-dir .runs/task",
            "sync-dir .runs/task/r2",
            "sync-dir out/task",
        ]
    );
    place.disk.lose_dir(".runs");
    place.disk.lose_dir("out");
    place.record(&summary(3)).expect("recorded");
    assert_eq!(syncs(&place.disk).len(), 9, "new directories are synced again");
    let visible = RecordSettings {
        summary_durability: Durability::Visible,
        history_durability: Durability::Visible,
        ..options()
    };
    let recorded = place.record_with(&summary(4), visible).expect("recorded");
    assert_eq!(recorded.summary.reached, Reached::Visible);
    assert_eq!(recorded.history.reached, Reached::Visible);
    assert_eq!(syncs(&place.disk).len(), 0);
}

#[test]
fn a_directory_that_cannot_be_synced_is_no_error() {
    let place = Place::new();
    place.disk.fail("sync-dir", Code::UNSUPPORTED, true);
    for n in [1, 2] {
        let recorded = place.record(&summary(n)).expect("recorded");
        assert_eq!(recorded.summary.reached, Reached::DataSynced);
        assert_eq!(recorded.history.reached, Reached::DataSynced);
    }
}

/// Removes what was recorded, has one attempt that does not get so far as to sync it, and tells
/// which directories the next one syncs.
fn synced_after(attempt: fn(&Place)) -> Vec<String> {
    let place = Place::new();
    place.record(&summary(1)).expect("recorded");
    place.disk.lose_dir("out");
    place.disk.lose_dir(".runs");
    attempt(&place);
    place.disk.heal();
    place.disk.take_calls();
    let recorded = place.record(&summary(2)).expect("recorded");
    assert_eq!(recorded.history.reached, Reached::Durable);
    let mut calls = place.disk.take_calls();
    calls.retain(|call| call.starts_with("sync-dir"));
    calls.sort();
    calls
}

#[test]
fn directories_that_were_made_anew_and_not_synced_are_synced_by_the_next_one() {
    let all = [
        "sync-dir .",
        "sync-dir .",
        "sync-dir .runs",
        "sync-dir .runs/task",
        "sync-dir .runs/task/r2",
        "sync-dir out",
        "sync-dir out/task",
    ];
    let synced = synced_after(|place| {
        place.disk.fail("sync-dir", IO, true);
        place.record(&summary(2)).expect_err("not synced");
    });
    assert_eq!(synced, all);
    let synced = synced_after(|place| {
        place.disk.fail("create-file", Code("access"), true);
        place.record(&summary(2)).expect_err("not created");
    });
    assert_eq!(synced, all);
}

#[test]
fn of_one_run_recorded_twice_the_later_one_stays_in_both_files() {
    let place = Place::new();
    let version = |n: u32| summary(1).replacen('{', &format!("{{\"version\":{n},"), 1);
    place.disk.hold("rename .runs/task/r1");
    let first = place.start(&version(0), options());
    place.disk.settle();
    let calls = place.disk.take_calls();
    let rename = calls.iter().find(|call| call.starts_with("rename .runs/task/r1")).expect("it");
    // Only the first one's rename is slow.
    place.disk.hold(rename);
    place.disk.release("rename .runs/task/r1");
    let mut calls: Vec<_> = (1..5).map(|n| place.start(&version(n), options())).collect();
    calls.push(first);
    place.disk.settle();
    place.disk.release(rename);
    for call in calls {
        call.take().expect("an outcome").expect("recorded");
    }
    assert!(place.disk.file(SUMMARY_FILE).expect("a summary").contains("\"version\": 4"));
    assert!(place.disk.file(HISTORY_FILE).expect("a history").contains("\"version\": 4"));
    place.record(&version(9)).expect("the turn has ended");
}
