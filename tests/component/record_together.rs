//! Many runs of one task that are completed at the same time: all are kept.

use std::collections::BTreeSet;
use std::time::Duration;

use tandem_host::testing::DiskOperation::{CreateFile, Rename};
use tandem_host::{HistoryOptions, Reached};
use tempfile::TempDir;

use crate::record_support::{
    HISTORY, HISTORY_PATH, LOCK, PATIENCE_MS, at, files_in, options, record, recorded_in, summary,
    summary_path,
};
use crate::support::{Files, Lab, on_every_host, within};

on_every_host!(
    simultaneous_completions_are_all_kept_in_order,
    completions_of_many_tasks_do_not_wait_for_each_other,
    two_components_on_one_directory_keep_all_runs,
    two_components_that_take_turns_keep_all_runs,
    a_run_that_is_recorded_twice_at_once_is_there_once,
    a_tandem_that_is_dropped_records_what_it_was_given,
);

fn run_id(number: usize) -> String {
    format!("run-{number:03}")
}

async fn simultaneous_completions_are_all_kept_in_order(files: Files) {
    for count in [8, 16, 32, 256] {
        let bench = files.bench().await;
        // The last one is the first one to come.
        let recording: Vec<_> = (0..count)
            .rev()
            .map(|number| record(&bench.tandem, &run_id(number), &at(number)))
            .collect();
        for pending in recording {
            let recorded = pending.await.unwrap();
            assert!(recorded.runs <= count as u32 && recorded.ahead.is_empty());
        }
        let expected: Vec<_> = (0..count).map(run_id).collect();
        assert_eq!(bench.recorded(), expected);
        let mut paths: Vec<_> = expected.iter().map(|run| summary_path(run)).collect();
        paths.push(HISTORY_PATH.to_owned());
        assert_eq!(bench.files(), paths);
    }
}

#[tokio::test]
async fn runs_that_wait_for_one_history_share_one_write() {
    within(async {
        for count in [8, 16, 32, 256] {
            let lab = Lab::new().await;
            let gate = lab.hold.before(|call| call.is(Rename, HISTORY));
            let first = record(&lab.tandem, "first", &at(0));
            gate.reached(1).await;
            let others: Vec<_> = (0..count)
                .map(|number| record(&lab.tandem, &run_id(number), &at(1 + number)))
                .collect();
            lab.settle(1).await;
            gate.release();
            assert_eq!(first.await.unwrap().runs, 1);
            let mut receipts = Vec::new();
            for pending in others {
                receipts.push(pending.await.unwrap());
            }
            assert_eq!(lab.count(Rename, HISTORY), 2, "{count} runs");
            assert_eq!(lab.count(CreateFile, LOCK), 2, "{count} runs");
            for recorded in &receipts {
                assert_eq!(recorded.runs as usize, 1 + count);
                assert_eq!(recorded.history, receipts[0].history);
                assert_eq!(recorded.history.reached, Reached::Durable);
            }
            let mut expected = vec!["first".to_owned()];
            expected.extend((0..count).map(run_id));
            assert_eq!(lab.recorded(), expected);
        }
    })
    .await;
}

#[tokio::test]
async fn of_runs_that_share_a_write_each_one_has_its_own_options() {
    within(async {
        let lab = Lab::new().await;
        let gate = lab.hold.before(|call| call.is(Rename, HISTORY));
        let first = record(&lab.tandem, "c", &at(3));
        gate.reached(1).await;
        let alone = lab.tandem.record_run(summary("a", &at(1)), options().keep_last(1));
        let kept = lab.tandem.record_run(summary("b", &at(2)), options());
        lab.settle(1).await;
        gate.release();
        first.await.unwrap();
        alone.await.unwrap();
        kept.await.unwrap();
        assert_eq!(lab.recorded(), ["a", "b"], "as if one were recorded after the other");
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_goes_away_loses_nothing() {
    within(async {
        let lab = Lab::new().await;
        let gate = lab.hold.before(|call| call.is(Rename, HISTORY));
        let first = record(&lab.tandem, "first", &at(0));
        gate.reached(1).await;
        let mut others: Vec<_> =
            (0..32).map(|number| record(&lab.tandem, &run_id(number), &at(1 + number))).collect();
        lab.settle(1).await;
        // Its own call is the one in flight.
        drop(first);
        let mut stay = false;
        others.retain(|_| {
            stay = !stay;
            stay
        });
        gate.release();
        for pending in others {
            assert_eq!(pending.await.unwrap().runs, 33);
        }
        assert_eq!(lab.recorded().len(), 33);
        assert_eq!(lab.files().len(), 34);
    })
    .await;
}

#[tokio::test]
async fn a_shutdown_waits_for_runs_that_are_being_recorded() {
    within(async {
        let lab = Lab::new().await;
        let gate = lab.hold.before(|call| call.is(Rename, HISTORY));
        let first = record(&lab.tandem, "first", &at(0));
        gate.reached(1).await;
        drop(record(&lab.tandem, "second", &at(1)));
        let shutdown = tokio::spawn(lab.tandem.clone().shutdown());
        // The driver has heard of it when it refuses calls.
        while lab.tandem.history(HistoryOptions::new("nobody")).await.is_ok() {}
        gate.release();
        assert_eq!(shutdown.await.unwrap(), []);
        assert_eq!(first.await.unwrap().runs, 1);
        assert_eq!(lab.recorded(), ["first", "second"]);
    })
    .await;
}

async fn completions_of_many_tasks_do_not_wait_for_each_other(files: Files) {
    let bench = files.bench().await;
    let recording: Vec<_> = (0..64)
        .map(|number| {
            let task = format!("task-{}", number % 16);
            let text =
                summary(&run_id(number), &at(number)).replace("\"task\"", &format!("{task:?}"));
            bench.tandem.record_run(text, tandem_host::RecordOptions::new())
        })
        .collect();
    for pending in recording {
        pending.await.unwrap();
    }
    for task in 0..16 {
        let expected: Vec<_> = (0..4).map(|round| run_id(task + 16 * round)).collect();
        let path = bench.path(&format!("out/task-{task}/runs.json"));
        assert_eq!(recorded_in(&path), expected);
    }
}

/// The files of these runs and of their history, and nothing else.
#[track_caller]
fn assert_all_kept(dir: &TempDir, runs: &BTreeSet<String>) {
    let kept: BTreeSet<_> = recorded_in(&dir.path().join(HISTORY_PATH)).into_iter().collect();
    assert_eq!(kept, *runs);
    let mut expected: Vec<_> = runs.iter().map(|run| summary_path(run)).collect();
    expected.push(HISTORY_PATH.to_owned());
    assert_eq!(files_in(dir.path()), expected);
}

async fn two_components_on_one_directory_keep_all_runs(files: Files) {
    let dir = TempDir::new().unwrap();
    let one = files.builder(dir.path()).build().await.unwrap();
    let two = files.builder(dir.path()).build().await.unwrap();
    let mut recording = Vec::new();
    let mut runs = BTreeSet::new();
    for number in 0..100 {
        let tandem = if number % 2 == 0 { &one } else { &two };
        recording.push(record(tandem, &run_id(number), &at(number)));
        runs.insert(run_id(number));
    }
    for pending in recording {
        pending.await.unwrap();
    }
    assert_all_kept(&dir, &runs);
    assert_eq!(one.history(HistoryOptions::new("task")).await.unwrap().total, 100);
}

async fn two_components_that_take_turns_keep_all_runs(files: Files) {
    let dir = TempDir::new().unwrap();
    let record_some = |name: &'static str| {
        let builder = files.builder(dir.path());
        async move {
            let tandem = builder.build().await.unwrap();
            for number in 0..8 {
                let run = format!("{name}-{number}");
                // One at a time, so that the lock goes to and fro.
                let options = options().lock_wait(Duration::from_millis(PATIENCE_MS));
                tandem.record_run(summary(&run, &at(number)), options).await.unwrap();
            }
        }
    };
    futures::future::join(record_some("one"), record_some("two")).await;
    let names = ["one", "two"].into_iter();
    let runs =
        names.flat_map(|name| (0..8).map(move |number| format!("{name}-{number}"))).collect();
    assert_all_kept(&dir, &runs);
}

async fn a_run_that_is_recorded_twice_at_once_is_there_once(files: Files) {
    let bench = files.bench().await;
    let recording: Vec<_> = (0..32).map(|number| record(&bench.tandem, "a", &at(number))).collect();
    for pending in recording {
        assert_eq!(pending.await.unwrap().runs, 1);
    }
    assert_eq!(bench.recorded(), ["a"]);
    let text = bench.text(&summary_path("a"));
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["runId"], "a");
}

async fn a_tandem_that_is_dropped_records_what_it_was_given(files: Files) {
    let dir = TempDir::new().unwrap();
    let one = files.builder(dir.path()).build().await.unwrap();
    let recording: Vec<_> =
        (0..8).map(|number| record(&one, &run_id(number), &at(number))).collect();
    drop(one);
    for pending in recording {
        pending.await.unwrap();
    }
    assert_all_kept(&dir, &(0..8).map(run_id).collect());
}
