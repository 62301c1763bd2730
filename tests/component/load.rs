//! Many runs, many calls, and a reader that never rests.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use futures::future::join_all;
use serde_json::Value;
use tandem_host::Durability;

use crate::either::Run;
use crate::support::{ALL, Bench, Files, HEARTBEAT, MANIFEST, on_every_filesystem, options};

on_every_filesystem!(
    one_component_keeps_ten_thousand_runs_open,
    a_thousand_runs_flush_at_once,
    fifty_thousand_calls_at_once_are_all_answered,
    a_reader_during_thousands_of_flushes_sees_only_whole_files,
);

async fn open_visible(bench: &Bench, name: String) -> Run {
    let options = options(&name).manifest_durability(Durability::Visible);
    bench.tandem.open_run(options).await.unwrap()
}

async fn open_all(bench: &Bench, count: usize) -> Vec<Run> {
    join_all((0..count).map(|n| open_visible(bench, format!("run-{n}")))).await
}

async fn one_component_keeps_ten_thousand_runs_open(files: Files) {
    let bench = files.bench().await;
    let runs = open_all(&bench, 10_000).await;
    let last = runs.len() - 1;
    for n in [0, last / 2, last] {
        runs[n].set(format!(r#"{{"n":{n}}}"#)).await.unwrap();
        runs[n].schedule(ALL).await.unwrap();
        assert_eq!(bench.manifest(&format!("run-{n}")), format!("{{\n  \"n\": {n}\n}}\n"));
    }
    let stats = join_all(runs.iter().map(Run::stats)).await;
    assert_eq!(stats.into_iter().filter(|stats| stats.as_ref().unwrap().flushes == 1).count(), 3);
    let closed = bench.tandem.clone().shutdown().await;
    assert_eq!(closed.len(), 10_000);
    assert!(closed.iter().all(|run| run.outcome.is_ok()));
}

async fn a_thousand_runs_flush_at_once(files: Files) {
    let bench = files.bench().await;
    let runs = open_all(&bench, 1_000).await;
    for (n, run) in runs.iter().enumerate() {
        drop(run.set(format!(r#"{{"n":{n}}}"#)));
    }
    for outcome in join_all(runs.iter().map(|run| run.schedule(ALL))).await {
        let receipt = outcome.unwrap();
        assert!(receipt.manifest.is_some() && receipt.heartbeat.is_some());
    }
    for n in 0..1_000 {
        let name = format!("run-{n}");
        assert_eq!(bench.manifest(&name), format!("{{\n  \"n\": {n}\n}}\n"));
        assert_eq!(bench.names(&name), [".heartbeat", "manifest.json"]);
    }
}

async fn fifty_thousand_calls_at_once_are_all_answered(files: Files) {
    let bench = files.bench().await;
    let runs = open_all(&bench, 10).await;
    let (mut changes, mut schedules) = (Vec::new(), Vec::new());
    for n in 0..50_000 {
        let run = &runs[n % runs.len()];
        match n / runs.len() % 5 {
            0 | 1 => changes.push(run.set(format!(r#"{{"n":{n}}}"#))),
            2 => schedules.push(run.schedule(HEARTBEAT)),
            3 => schedules.push(run.schedule(MANIFEST)),
            _ => schedules.push(run.schedule(ALL)),
        }
    }
    assert_eq!(changes.len() + schedules.len(), 50_000);
    for outcome in join_all(changes).await {
        outcome.unwrap();
    }
    // The throttle holds an hour: this lets the last ones go.
    let releasing = async {
        loop {
            for outcome in join_all(runs.iter().map(Run::flush)).await {
                outcome.unwrap();
            }
        }
    };
    tokio::select! {
        outcomes = join_all(schedules) => assert!(outcomes.iter().all(Result::is_ok)),
        () = releasing => {}
    }
    // The last document of each run.
    for n in 0..runs.len() {
        let last = 50_000 - 4 * runs.len() + n;
        let manifest = bench.manifest(&format!("run-{n}"));
        assert_eq!(manifest, format!("{{\n  \"n\": {last}\n}}\n"));
    }
}

/// Reads both files until told to stop, and returns how often it saw a new manifest.
fn read_for_ever(dir: &Path, is_over: &AtomicBool) -> u64 {
    let (mut newest, mut changes) = (0, 0);
    while !is_over.load(Ordering::Relaxed) {
        let manifest = fs::read_to_string(dir.join("manifest.json")).unwrap();
        let manifest: Value = serde_json::from_str(&manifest).expect("a whole manifest");
        let n = manifest["n"].as_u64().expect("a whole manifest");
        let length = manifest["text"].as_str().expect("a whole manifest").len();
        assert_eq!(length as u64, n % 7 * 500);
        assert!(n >= newest, "an older manifest came back");
        changes += u64::from(n > newest);
        newest = n;
        let heartbeat = fs::read_to_string(dir.join(".heartbeat")).unwrap();
        assert_eq!(heartbeat.len(), 25, "{heartbeat:?}");
        humantime::parse_rfc3339(heartbeat.trim_end()).expect("a whole heartbeat");
    }
    changes
}

async fn a_reader_during_thousands_of_flushes_sees_only_whole_files(files: Files) {
    let bench = files.bench().await;
    let run = open_visible(&bench, "a".to_owned()).await;
    let set = |n: usize| {
        let text = "x".repeat(n % 7 * 500);
        drop(run.set(format!(r#"{{"n":{n},"text":"{text}"}}"#)));
        run.schedule(ALL)
    };
    set(0).await.unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let (dir, stop) = (bench.run_dir("a"), is_over.clone());
    let reader = thread::spawn(move || read_for_ever(&dir, &stop));
    // Ten thousand, and enough to tell where each costs several times as much.
    let flushes = if matches!(files, Files::InPlace) { 10_000 } else { 2_000 };
    for n in 1..=flushes {
        set(n).await.unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    let changes = reader.join().expect("the reader saw whole files only");
    assert!(changes > 100, "it has seen {changes} manifests, too few to tell");
    assert_eq!(run.stats().await.unwrap().flushes, flushes as u64 + 1);
}
