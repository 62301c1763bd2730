//! The real component over a store that several hosts share.

mod watched;

use std::collections::BTreeSet;

use futures::future::join_all;
use tandem_documents::{DocumentsDisk, Survives};
use tandem_host::{
    ErrorKind, HistoryOptions, Reached, RecordOptions, RemoveOptions, Request, Run, RunOptions,
    Tandem,
};
use watched::Watched;

const TASK: &str = "0935-nightly";
const RUN: &str = "2026-01-06T00-27-16-820Z-ca34f41d";

async fn host(store: &Watched) -> Tandem {
    let disk = DocumentsDisk::open(store.clone()).await.expect("a store");
    Tandem::builder().disk(disk).build().await.expect("a component")
}

async fn open(host: &Tandem) -> Run {
    host.open_run(RunOptions::new(TASK, RUN)).await.expect("opened")
}

fn manifest() -> String {
    format!(".runs/{TASK}/cli/{RUN}/manifest.json")
}

fn summary(run: &str, at: usize) -> String {
    format!(
        r#"{{"taskId":"{TASK}","runId":"{run}","timestamp":"2026-01-06T00:{:02}:{:02}Z"}}"#,
        at / 60,
        at % 60
    )
}

fn pair() -> Request {
    Request::new().manifest().heartbeat().force()
}

#[tokio::test]
async fn the_unchanged_component_keeps_runs_as_documents() {
    let store = Watched::new(Survives::Machine);
    let host = host(&store).await;
    let run = open(&host).await;
    run.set(r#"{"status":"in_progress"}"#).await.expect("set");
    let receipt = run.schedule(pair()).await.expect("flushed");
    let reached = receipt.manifest.map(|written| written.reached);
    assert_eq!(reached, Some(Reached::Durable));
    assert_eq!(store.text(&manifest()).as_deref(), Some("{\n  \"status\": \"in_progress\"\n}\n"));
    run.close().await.expect("closed");

    let recorded = host.record_run(summary(RUN, 0), RecordOptions::new()).await.expect("recorded");
    assert_eq!(recorded.runs, 1);
    let history = host.history(HistoryOptions::new(TASK)).await.expect("a history");
    assert_eq!(history.total, 1);

    let keys: Vec<String> = store.store.documents().into_keys().collect();
    let run = format!(".runs/{TASK}/cli/{RUN}");
    let expected = [
        format!("{run}/.heartbeat"),
        format!("{run}/manifest.json"),
        format!(".runs/{TASK}/{RUN}/manifest.json"),
        format!("out/{TASK}/runs.json"),
    ];
    assert_eq!(keys.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(expected));
}

#[tokio::test]
async fn a_flush_is_two_requests_and_a_record_at_most_ten() {
    let store = Watched::new(Survives::Machine);
    let host = host(&store).await;
    let run = open(&host).await;
    for turn in 0..5 {
        store.requests();
        run.set(format!(r#"{{"turn":{turn}}}"#)).await.expect("set");
        run.schedule(pair()).await.expect("flushed");
        let requests = store.requests();
        assert_eq!(requests.values().sum::<usize>(), 2, "{requests:?}");
    }
    for turn in 0..5 {
        store.requests();
        let run = format!("run-{turn}");
        host.record_run(summary(&run, turn), RecordOptions::new()).await.expect("recorded");
        let requests = store.requests();
        let most = if turn == 0 { 16 } else { 10 };
        assert!(requests.values().sum::<usize>() <= most, "turn {turn}: {requests:?}");
    }
}

#[tokio::test]
async fn runs_that_hosts_record_at_once_are_all_kept() {
    let store = Watched::new(Survives::Machine);
    let hosts = join_all((0..4).map(|_| host(&store))).await;
    let records = (0..64).map(|at| {
        let run = format!("run-{at}");
        let host = &hosts[at % 4];
        async move { host.record_run(summary(&run, at), RecordOptions::new()).await }
    });
    for recorded in join_all(records).await {
        recorded.expect("recorded");
    }
    let history = hosts[0].history(HistoryOptions::new(TASK)).await.expect("a history");
    assert_eq!(history.total, 64);
}

#[tokio::test]
async fn two_owners_of_one_run_find_out() {
    let store = Watched::new(Survives::Machine);
    let (one, two) = (host(&store).await, host(&store).await);
    let (first, second) = (open(&one).await, open(&two).await);
    first.set(r#"{"by":"first"}"#).await.expect("set");
    first.schedule(Request::new().manifest().force()).await.expect("flushed");
    second.set(r#"{"by":"second"}"#).await.expect("set");
    let error = second.schedule(Request::new().manifest().force()).await.expect_err("an owner");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(store.text(&manifest()).is_some_and(|text| text.contains("first")));
}

#[tokio::test]
async fn a_receipt_of_one_machine_says_no_more_than_data_synced() {
    let store = Watched::new(Survives::PowerLoss);
    let host = host(&store).await;
    let run = open(&host).await;
    run.set("{}").await.expect("set");
    let receipt = run.schedule(pair()).await.expect("flushed");
    let reached = |written: Option<tandem_host::Written>| written.map(|written| written.reached);
    assert_eq!(reached(receipt.manifest), Some(Reached::DataSynced));
    assert_eq!(reached(receipt.heartbeat), Some(Reached::Visible));
}

#[tokio::test]
async fn what_could_not_be_written_is_written_when_the_store_is_back() {
    let store = Watched::new(Survives::Machine);
    let host = host(&store).await;
    let run = open(&host).await;
    run.set(r#"{"turn":1}"#).await.expect("set");
    run.schedule(pair()).await.expect("flushed");
    store.is_away(true);
    run.set(r#"{"turn":2}"#).await.expect("set");
    let error = run.schedule(pair()).await.expect_err("the store is away");
    assert_eq!((error.kind(), error.retryable()), (ErrorKind::Storage, true), "{error}");
    store.is_away(false);
    run.flush().await.expect("flushed");
    assert!(store.text(&manifest()).is_some_and(|text| text.contains('2')));
}

#[tokio::test]
async fn a_corrupt_manifest_is_set_aside() {
    let store = Watched::new(Survives::Machine);
    let host = host(&store).await;
    let run = open(&host).await;
    run.set("{}").await.expect("set");
    run.close().await.expect("closed");
    corrupt(&store, &manifest()).await;
    let run = open(&host).await;
    let set_aside = run.recovered().set_aside.clone();
    assert_eq!(set_aside.len(), 1, "{set_aside:?}");
    assert_eq!(store.text(&set_aside[0]).as_deref(), Some("{\"half"));
    run.set(r#"{"turn":2}"#).await.expect("set");
    run.flush().await.expect("flushed");
}

#[tokio::test]
async fn runs_are_removed_and_nothing_of_them_stays() {
    let store = Watched::new(Survives::Machine);
    let host = host(&store).await;
    let run = open(&host).await;
    run.set("{}").await.expect("set");
    run.schedule(pair()).await.expect("flushed");
    run.close().await.expect("closed");
    host.record_run(summary(RUN, 0), RecordOptions::new()).await.expect("recorded");
    let options = RemoveOptions::new(TASK).from_history(true);
    let removed = host.remove_runs([RUN], options).await.expect("removed");
    assert_eq!(removed.runs, [RUN], "{removed:?}");
    let keys: Vec<String> = store.store.documents().into_keys().collect();
    assert_eq!(keys, [format!("out/{TASK}/runs.json")]);
}

/// Leaves half a document.
async fn corrupt(store: &Watched, key: &str) {
    use tandem_documents::{Documents, Expect, Level};
    let found = store.get(key).await.expect("an answer").expect("a document");
    let half = Some(b"{\"half".as_slice().into());
    let expect = Expect::Is(found.version);
    store.replace(key, half, expect, Level::Durable).await.expect("an answer").expect("written");
}
