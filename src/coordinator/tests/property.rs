//! The merge against a simple model.

use proptest::prelude::*;
use serde_json::json;

use super::super::history::History;
use super::super::summary::Summary;
use super::*;

/// A run as the model knows it: id, timestamp, and which recording it is of.
type Run = (u8, u8, usize);

fn summary_of((id, second, version): Run) -> Summary {
    let text = json!({
        "taskId": "task",
        "runId": format!("r{id}"),
        "timestamp": format!("2026-01-06T00:00:{second:02}Z"),
        "version": version,
    });
    Summary::parse(&text.to_string(), "task", 1 << 20).expect("a summary")
}

/// What is in a history's file.
fn content(text: &str) -> Vec<Run> {
    let history: Value = serde_json::from_str(text).expect("JSON");
    let number = |text: &Value, from: usize| {
        let text = text.as_str().expect("a string");
        text[from..].trim_end_matches('Z').parse().expect("a number")
    };
    let runs = history["runs"].as_array().expect("runs").iter();
    runs.map(|run| {
        let version = run["version"].as_u64().expect("a version") as usize;
        (number(&run["runId"], 1), number(&run["timestamp"], 17), version)
    })
    .collect()
}

/// Merges each run into the file that the one before left.
fn merged(runs: &[Run], keep_last: Option<u32>) -> Vec<Run> {
    let mut text = r#"{"taskId":"task","runs":[]}"#.to_owned();
    for &run in runs {
        let summary = summary_of(run);
        let mut history = History::parse(&text, "task").expect("a history");
        history.merge(&summary, keep_last, u64::MAX).expect("it fits");
        let next = history.render("task");
        let last = history.last_run_at().to_owned();
        assert!(next.contains(&format!("\"lastRunAt\": \"{last}\"")));
        text = next;
    }
    content(&text)
}

/// A map by id, then a stable sort by time.
fn model(runs: &[Run]) -> Vec<Run> {
    let mut model: Vec<Run> = Vec::new();
    for &run in runs {
        match model.iter_mut().find(|old| old.0 == run.0 && old.1 == run.1) {
            Some(old) => *old = run,
            None => {
                model.retain(|old| old.0 != run.0);
                model.push(run);
            }
        }
        model.sort_by_key(|run| run.1);
    }
    model
}

fn runs(seconds: std::ops::Range<u8>) -> impl Strategy<Value = Vec<Run>> {
    prop::collection::vec((0u8..12, seconds), 0..40).prop_map(|runs| {
        runs.into_iter().enumerate().map(|(at, (id, second))| (id, second, at)).collect()
    })
}

proptest! {
    #[test]
    fn a_merge_is_a_map_by_id_and_a_stable_sort_by_time(runs in runs(0..10)) {
        prop_assert_eq!(merged(&runs, None), model(&runs));
    }

    #[test]
    fn any_order_of_arrivals_gives_the_same_history(
        (runs, shuffled) in prop::collection::btree_set(0u8..60, 0..40)
            .prop_map(|seconds| seconds.into_iter().map(|s| (s, s, 0)).collect::<Vec<Run>>())
            .prop_flat_map(|runs| (Just(runs.clone()), Just(runs).prop_shuffle())),
        keep in prop::option::of(1u32..20),
    ) {
        let mut expected = runs;
        let excess = keep.map_or(0, |keep| expected.len().saturating_sub(keep as usize));
        expected.drain(..excess);
        prop_assert_eq!(merged(&shuffled, keep), expected);
    }

    #[test]
    fn one_write_for_all_is_one_write_each(runs in runs(0..10), keep in prop::option::of(1u32..9)) {
        let summaries: Vec<_> = runs.iter().copied().map(summary_of).collect();
        let mut history = History::default();
        for summary in &summaries {
            history.merge(summary, keep, u64::MAX).expect("it fits");
        }
        prop_assert_eq!(content(&history.render("task")), merged(&runs, keep));
    }

    #[test]
    fn a_file_of_any_order_is_put_right(runs in runs(0..10)) {
        let entries: Vec<String> =
            runs.iter().map(|&run| summary_of(run).text).collect();
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
        let entries: Vec<String> = runs.iter().map(|&run| summary_of(run).text).collect();
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
