//! Calls that belong to no run.

use std::path::Path;

use super::*;
use crate::testing::DiskOperation::{RemoveFile, Stat};
use crate::{Channel, HistoryOptions, Operation, Reached, RecordOptions};

fn record() -> RecordOptions {
    RecordOptions::new()
}

fn history() -> HistoryOptions {
    HistoryOptions::new("task")
}

fn summary(run: &str) -> String {
    format!(r#"{{"taskId":"task","runId":"{run}","timestamp":"2026-01-06T00:27:16.820Z"}}"#)
}

/// Another holder of the task's lock, who never touches it.
fn lock(dir: &Path) -> std::path::PathBuf {
    let path = dir.join(".runs/task.lock");
    std::fs::create_dir_all(dir.join(".runs")).unwrap();
    std::fs::write(&path, "{\"version\":1,\"token\":\"x\",\"lease_ms\":3600000}\n").unwrap();
    path
}

#[tokio::test]
async fn a_run_is_recorded_and_its_history_is_read() {
    let bench = bench().await;
    assert_eq!(bench.tandem.history(history()).await.unwrap(), crate::TaskHistory::default());
    for run in ["a", "b", "a"] {
        let recorded = bench.tandem.record_run(summary(run), record().keep_last(2)).await.unwrap();
        assert_eq!(recorded.summary.reached, Reached::Durable);
        let file = bench.dir.path().join(format!(".runs/task/{run}/manifest.json"));
        assert_eq!(std::fs::metadata(file).unwrap().len(), recorded.summary.bytes);
        let file = bench.dir.path().join("out/task/runs.json");
        assert_eq!(std::fs::metadata(file).unwrap().len(), recorded.history.bytes);
        assert_eq!((recorded.ahead.len(), recorded.swept), (0, 0));
        assert!(recorded.set_aside.is_empty());
    }
    let told = bench.tandem.history(history().limit(1)).await.unwrap();
    assert_eq!((&*told.last_run_at, told.total), ("2026-01-06T00:27:16.820Z", 2));
    let [newest] = &told.runs[..] else { panic!("{told:?}") };
    let newest: serde_json::Value = serde_json::from_str(newest).unwrap();
    assert_eq!(newest["runId"], "b");
}

#[tokio::test]
async fn both_filesystems_keep_the_same_records() {
    let mut trees = Vec::new();
    for is_own in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let builder = Tandem::builder();
        let builder = match is_own {
            true => builder.dir(dir.path()),
            false => builder.wasmtime_filesystem(dir.path()),
        };
        let tandem = builder.build().await.unwrap();
        let runs: Vec<String> = (0..20).map(|n| format!("r{n}")).collect();
        let recordings: Vec<_> =
            runs.iter().map(|run| tandem.record_run(summary(run), record())).collect();
        let mut reached = Vec::new();
        for recorded in join_all(recordings).await {
            let recorded = recorded.unwrap();
            reached.push((recorded.summary, recorded.history.reached, recorded.ahead));
        }
        let mut names: Vec<_> = std::fs::read_dir(dir.path().join(".runs"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        let file = std::fs::read_to_string(dir.path().join(".runs/task/r7/manifest.json")).unwrap();
        let mut told = tandem.history(history()).await.unwrap();
        // They have the same timestamp, so that their order is that of their arrival.
        told.runs.sort();
        trees.push((names, file, reached, told));
    }
    assert_eq!(trees[0], trees[1]);
    assert_eq!(trees[0].3.total, 20);
}

#[tokio::test]
async fn a_record_that_nobody_waits_for_ends_even_if_every_handle_is_gone() {
    let bench = bench().await;
    let renaming = bench.hold.before(|call| call.is(Rename, "runs.json"));
    let released = bench.hold.after(|call| call.is(RemoveFile, "task.lock"));
    drop(bench.tandem.record_run(summary("a"), record()));
    let Bench { tandem, dir, .. } = bench;
    drop(tandem);
    renaming.reached(1).await;
    assert!(!dir.path().join("out/task/runs.json").exists());
    renaming.release();
    released.reached(1).await;
    released.release();
    let text = std::fs::read_to_string(dir.path().join("out/task/runs.json")).unwrap();
    assert!(text.contains("\"runId\": \"a\""), "{text}");
    assert!(dir.path().join(".runs/task/a/manifest.json").exists());
}

#[tokio::test]
async fn shutdown_waits_for_records_and_refuses_later_calls() {
    let bench = bench().await;
    let renaming = bench.hold.before(|call| call.is(Rename, "runs.json"));
    let reading = bench.hold.before(|call| call.operation == Stat && call.path.contains("other"));
    let recording = bench.tandem.record_run(summary("a"), record());
    std::fs::create_dir_all(bench.dir.path().join("out/other")).unwrap();
    let told = bench.tandem.history(HistoryOptions::new("other"));
    renaming.reached(1).await;
    reading.reached(1).await;
    let shutdown = tokio::spawn(bench.tandem.clone().shutdown());
    tokio::task::yield_now().await;
    let late = bench.tandem.record_run(summary("b"), record()).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Closed);
    let late = bench.tandem.history(history()).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Closed);
    renaming.release();
    assert_eq!(recording.await.unwrap().runs, 1);
    assert!(!shutdown.is_finished());
    reading.release();
    assert_eq!(told.await.unwrap().total, 0);
    assert!(shutdown.await.unwrap().is_empty());
    let late = bench.tandem.history(history()).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_record_that_goes_with_its_component_is_answered_and_can_be_made_again() {
    let mortal = mortal().await;
    let renaming = mortal.hold.before(|call| call.is(Rename, "runs.json"));
    // The lock of the old component stays until its lease is over.
    let recording =
        mortal.tandem.record_run(summary("a"), record().lease(Duration::from_millis(200)));
    renaming.reached(1).await;
    mortal.end().await;
    assert_eq!(kind(recording.await), Some(ErrorKind::ComponentFailed));
    let again = mortal.tandem.record_run(summary("a"), record());
    let told = mortal.tandem.history(history());
    nothing_happens(&mortal.hold).await;
    renaming.release();
    assert_eq!(again.await.unwrap().runs, 1);
    // It was read after the rename that was held.
    assert_eq!(told.await.unwrap().total, 1);
    let names = std::fs::read_dir(mortal.dir.path().join("out/task")).unwrap();
    assert_eq!(names.count(), 1);
}

#[tokio::test]
async fn records_that_wait_for_a_lock_keep_out_nobody_else() {
    let bench = bench().await;
    let run = bench.open("a").await;
    run.set("{}").await.unwrap();
    let lock = lock(bench.dir.path());
    let patient = || record().lock_wait(Duration::from_millis(600_000));
    let waiting: Vec<_> =
        (0..1_000).map(|n| bench.tandem.record_run(summary(&format!("r{n}")), patient())).collect();
    run.flush().await.unwrap();
    run.schedule(Request::new().heartbeat().force()).await.unwrap();
    assert_eq!(bench.tandem.history(history()).await.unwrap().total, 0);
    bench.open("b").await.close().await.unwrap();
    let other = summary("a").replace("task\",", "other\",");
    bench.tandem.record_run(other, RecordOptions::new()).await.unwrap();

    std::fs::remove_file(lock).unwrap();
    for recorded in join_all(waiting).await {
        recorded.unwrap();
    }
    assert_eq!(bench.tandem.history(history()).await.unwrap().total, 1_000);
}

#[tokio::test]
async fn a_lock_that_cannot_be_had_is_an_error_of_its_own() {
    let bench = bench().await;
    lock(bench.dir.path());
    let locked = bench
        .tandem
        .record_run(summary("a"), record().lock_wait(Duration::from_millis(0)))
        .await
        .unwrap_err();
    assert_eq!((locked.kind(), locked.code()), (ErrorKind::Locked, Some("locked")));
    assert_eq!(locked.channel(), Some(Channel::History));
    assert_eq!(locked.operation(), Some(Operation::Lock));
    assert!(locked.retryable() && locked.beside().is_none());
    assert!(bench.dir.path().join(".runs/task/a/manifest.json").exists());

    bench.fail.add(Fault::new(ErrorCode::Quota, |call| call.is(Write, "manifest.json")));
    let both = bench
        .tandem
        .record_run(summary("b"), record().lock_wait(Duration::from_millis(0)))
        .await
        .unwrap_err();
    assert_eq!((both.kind(), both.code()), (ErrorKind::Storage, Some("quota")));
    assert_eq!(both.channel(), Some(Channel::Summary));
    let beside = both.beside().unwrap();
    assert_eq!((beside.operation, &*beside.code), (Operation::Lock, "locked"));
    assert_eq!(beside.channel, Some(Channel::History));
}

#[tokio::test]
async fn a_file_that_is_no_history_is_an_error_of_its_own() {
    let bench = bench().await;
    let path = bench.dir.path().join("out/task/runs.json");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "[]").unwrap();
    let error = bench.tandem.history(history()).await.unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::History, Some("out/task/runs.json")));
    let error = bench.tandem.history(history().max_history_bytes(1)).await.unwrap_err();
    assert_eq!((error.kind(), error.channel()), (ErrorKind::TooLarge, Some(Channel::History)));
}

#[tokio::test]
async fn limits_are_checked_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let builder = Tandem::builder().dir(dir.path()).max_document_bytes(100);
    let tandem = builder.max_history_bytes(1_000).build().await.unwrap();
    for (options, text, kind, message) in [
        (
            record().max_summary_bytes(101),
            summary("a"),
            ErrorKind::InvalidInput,
            "max_summary_bytes is above that of the whole component, 100: 101",
        ),
        (
            record().max_history_bytes(1_001),
            summary("a"),
            ErrorKind::InvalidInput,
            "max_history_bytes is above that of the whole component, 1000: 1001",
        ),
        (
            record(),
            " ".repeat(101),
            ErrorKind::TooLarge,
            "summary takes 101 bytes, above max_summary_bytes: 100",
        ),
        (
            record().max_summary_bytes(10),
            " ".repeat(11),
            ErrorKind::TooLarge,
            "summary takes 11 bytes, above max_summary_bytes: 10",
        ),
    ] {
        let error = tandem.record_run(text, options).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (kind, message));
        let is_large = kind == ErrorKind::TooLarge;
        assert_eq!(error.channel(), is_large.then_some(Channel::Summary));
    }
    let error = tandem.history(history().max_history_bytes(1_001)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none());
    for builder in
        [Tandem::builder().max_history_bytes(0), Tandem::builder().max_history_bytes(1 << 30)]
    {
        let error = builder.dir(dir.path()).build().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn a_large_history_passes_as_a_whole() {
    let bench = bench().await;
    let path = bench.dir.path().join("out/task/runs.json");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut text = String::from("{\"taskId\":\"task\",\"lastRunAt\":\"\",\"runs\":[");
    for n in 0..200_000 {
        text.push_str(&format!("{{\"runId\":\"r{n}\",\"timestamp\":\"2026-01-06T00:00:00Z\"}},"));
    }
    text.pop();
    text.push_str("]}");
    std::fs::write(&path, text).unwrap();
    let recorded = bench.tandem.record_run(summary("a"), record()).await.unwrap();
    assert_eq!(recorded.runs, 200_001);
    let told = bench.tandem.history(history()).await.unwrap();
    assert_eq!((told.total, told.runs.len()), (200_001, 200_001));
    assert!(told.runs[1].contains("r199999"));
}

#[test]
fn options_are_read_from_json() {
    let options: RecordOptions =
        serde_json::from_str(r#"{"task_id":"t","keep_last":3,"history_durability":"visible"}"#)
            .unwrap();
    let expected =
        RecordOptions::new().task_id("t").keep_last(3).history_durability(Durability::Visible);
    assert_eq!(options, expected);
    let options: HistoryOptions = serde_json::from_str(r#"{"task_id":"t","limit":3}"#).unwrap();
    assert_eq!(options, HistoryOptions::new("t").limit(3));
    assert!(serde_json::from_str::<RecordOptions>(r#"{"task":"t"}"#).is_err());
}
