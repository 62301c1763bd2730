//! The merge against a simple model.

use proptest::prelude::*;
use serde_json::json;

use super::super::history::History;
use super::super::summary::Summary;
use super::*;

/// A run as the model knows it: id, time in half seconds, and which recording it is of.
type Run = (u8, u8, usize);

/// One of the texts of a time: digits that are zero add nothing.
fn timestamp((_, time, version): Run) -> String {
    let fraction = match (time % 2, version % 3) {
        (0, 0) => "",
        (0, 1) => ".0",
        (0, _) => ".000",
        (_, 0) => ".5",
        (_, 1) => ".50",
        (_, _) => ".5000000000",
    };
    format!("2026-01-06T00:00:{:02}{fraction}Z", time / 2)
}

fn summary_of(run: Run) -> Summary {
    let (id, _, version) = run;
    let text = json!({
        "taskId": "task",
        "runId": format!("r{id}"),
        "timestamp": timestamp(run),
        "version": version,
    });
    Summary::parse(&text.to_string(), Some("task"), 1 << 20, &Documents::new(u64::MAX))
        .expect("a summary")
}

/// What is in a history's file.
fn content(text: &str) -> Vec<Run> {
    let history: Value = serde_json::from_str(text).expect("JSON");
    let number = |text: &Value, from: usize| -> f64 {
        let text = text.as_str().expect("a string");
        text[from..].trim_end_matches('Z').parse().expect("a number")
    };
    let runs = history["runs"].as_array().expect("runs").iter();
    runs.map(|run| {
        let version = run["version"].as_u64().expect("a version") as usize;
        let time = 2.0 * number(&run["timestamp"], 17);
        (number(&run["runId"], 1) as u8, time as u8, version)
    })
    .collect()
}

/// Merges each run into the file that the one before left. Tells what is ahead of each one, too.
fn merged(runs: &[Run], keep_last: Option<u32>) -> (Vec<Run>, Vec<Vec<String>>) {
    let mut ahead = Vec::new();
    let mut text = r#"{"taskId":"task","runs":[]}"#.to_owned();
    for &run in runs {
        let summary = summary_of(run);
        let mut history = History::parse(&text, "task").expect("a history");
        ahead.push(history.merge(&summary, "task", keep_last, u64::MAX).expect("it fits"));
        let next = history.render("task");
        let last = history.last_run_at().to_owned();
        assert!(next.contains(&format!("\"lastRunAt\": \"{last}\"")));
        text = next;
    }
    (content(&text), ahead)
}

/// A map by id, then a stable sort by time; of too many the oldest others go.
fn model(runs: &[Run], keep_last: Option<u32>) -> (Vec<Run>, Vec<Vec<String>>) {
    let mut model: Vec<Run> = Vec::new();
    let mut ahead = Vec::new();
    for &run in runs {
        match model.iter_mut().find(|old| old.0 == run.0 && old.1 == run.1) {
            Some(old) => *old = run,
            None => {
                model.retain(|old| old.0 != run.0);
                model.push(run);
            }
        }
        model.sort_by_key(|run| run.1);
        let before = model.len();
        while keep_last.is_some_and(|keep| model.len() > keep as usize) {
            let oldest = usize::from(model[0].0 == run.0);
            model.remove(oldest);
        }
        let is_next = model.len() < before && model[0].0 == run.0;
        let later = model.iter().rev().filter(|other| is_next && other.1 > run.1);
        ahead.push(later.map(|other| format!("r{}", other.0)).collect());
    }
    (model, ahead)
}

fn runs(times: std::ops::Range<u8>) -> impl Strategy<Value = Vec<Run>> {
    prop::collection::vec((0u8..12, times), 0..40).prop_map(|runs| {
        runs.into_iter().enumerate().map(|(at, (id, time))| (id, time, at)).collect()
    })
}

proptest! {
    #[test]
    fn a_merge_is_a_map_by_id_and_a_stable_sort_by_time(
        runs in runs(0..10),
        keep in prop::option::of(1u32..9),
    ) {
        prop_assert_eq!(merged(&runs, keep), model(&runs, keep));
    }

    #[test]
    fn any_order_of_arrivals_gives_the_same_history(
        (runs, shuffled) in prop::collection::btree_set(0u8..60, 0..40)
            .prop_map(|times| times.into_iter().map(|t| (t, t, t as usize)).collect::<Vec<Run>>())
            .prop_flat_map(|runs| (Just(runs.clone()), Just(runs).prop_shuffle())),
    ) {
        prop_assert_eq!(merged(&shuffled, None).0, runs);
    }

    #[test]
    fn one_write_for_all_is_one_write_each(runs in runs(0..10), keep in prop::option::of(1u32..9)) {
        let summaries: Vec<_> = runs.iter().copied().map(summary_of).collect();
        let mut history = History::default();
        for summary in &summaries {
            history.merge(summary, "task", keep, u64::MAX).expect("it fits");
        }
        prop_assert_eq!(content(&history.render("task")), merged(&runs, keep).0);
    }

    #[test]
    fn a_file_of_any_order_is_put_right(runs in runs(0..10)) {
        let entries: Vec<String> =
            runs.iter().map(|&run| summary_of(run).text.into_string()).collect();
        let text = format!(r#"{{"taskId":"task","runs":[{}]}}"#, entries.join(","));
        let history = History::parse(&text, "task").expect("a history");
        let mut expected: Vec<Run> = Vec::new();
        for &run in &runs {
            expected.retain(|old| old.0 != run.0);
            expected.push(run);
        }
        expected.sort_by_key(|run| run.1);
        prop_assert_eq!(content(&history.render("task")), expected);
    }

    #[test]
    fn no_bytes_are_too_strange_to_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let _ = History::parse(text, "task");
        }
    }

    #[test]
    fn a_file_that_was_cut_or_changed_is_a_history_or_none(
        runs in runs(0..10),
        cut in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let entries: Vec<String> = runs.iter().map(|&run| summary_of(run).text.into_string()).collect();
        let text = format!(r#"{{"taskId":"task","runs":[{}]}}"#, entries.join(","));
        let at = cut.index(text.len());
        prop_assert!(History::parse(&text[..at], "task").is_err());
        let mut changed = text.into_bytes();
        changed[at] = byte;
        if let Ok(text) = std::str::from_utf8(&changed)
            && let Ok(history) = History::parse(text, "task")
        {
            let rendered = history.render("task");
            prop_assert!(History::parse(&rendered, "task").is_ok());
        }
    }
}
