//! Runs of Tandem, kept in a cluster by several hosts.

use futures::executor::block_on;
use futures::future::join_all;
use tandem_documents::DocumentsDisk;
use tandem_etcd::{EtcdDocuments, Options};
use tandem_host::{ErrorKind, HistoryOptions, RecordOptions, Request, RunOptions, Tandem};
use tandem_tests::clusters;

use crate::stores::{Stores as _, body, opened};

async fn host(store: &EtcdDocuments) -> Tandem {
    let disk = DocumentsDisk::open(store.clone()).await.unwrap();
    Tandem::builder().disk(disk).build().await.unwrap()
}

#[test]
fn a_run_goes_on_at_another_host_and_its_first_owner_finds_out() {
    let store = clusters!().shared().store("runs");
    block_on(async {
        let (one, two) = (host(&store).await, host(&store).await);
        let options = RunOptions::new("nightly", "2026-01-06T00-27-16");
        let run = one.open_run(options.clone()).await.unwrap();
        run.set(r#"{"status": "in_progress"}"#).await.unwrap();
        run.flush().await.unwrap();

        let taken = two.open_run(options).await.unwrap();
        taken.set(r#"{"status": "succeeded"}"#).await.unwrap();
        taken.close().await.unwrap();
        run.set(r#"{"status": "failed"}"#).await.unwrap();
        let error = run.schedule(Request::new().manifest().force()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    });
    let manifest = body(&store, ".runs/nightly/cli/2026-01-06T00-27-16/manifest.json").unwrap();
    let manifest = String::from_utf8_lossy(&manifest).into_owned();
    assert!(manifest.contains("succeeded"), "{manifest}");
}

fn summary(run: usize) -> String {
    let at = format!("2026-01-06T00:31:{run:02}Z");
    format!(r#"{{"taskId": "nightly", "runId": "run-{run}", "timestamp": "{at}"}}"#)
}

#[test]
fn runs_that_two_hosts_record_at_once_are_all_kept() {
    let store = clusters!().shared().store("records");
    block_on(async {
        let (one, two) = (host(&store).await, host(&store).await);
        let recording = (0..16).map(|run| {
            let host = if run % 2 == 0 { &one } else { &two };
            host.record_run(summary(run), RecordOptions::new())
        });
        for recorded in join_all(recording).await {
            recorded.unwrap();
        }
        let history = two.history(HistoryOptions::new("nightly")).await.unwrap();
        assert_eq!(history.total, 16);
    });
}

#[test]
fn a_flush_is_two_requests_and_a_record_at_most_ten() {
    let cluster = clusters!().start(1, &[]);
    let store = opened(Options::new(cluster.url("tandem")).connections(2));
    let count = || cluster.requests("Txn") + cluster.requests("Range");
    block_on(async {
        let host = host(&store).await;
        let run = host.open_run(RunOptions::new("nightly", "run-0")).await.unwrap();
        // Over a new connection it is asked once of which cluster its server is: there are two, so
        // that is in one of the three at most.
        let (mut flushes, mut records) = ([0; 3], [0; 3]);
        for flush in &mut flushes {
            let before = count();
            run.set(r#"{"status": "in_progress"}"#).await.unwrap();
            run.schedule(Request::new().manifest().heartbeat().force()).await.unwrap();
            *flush = count() - before;
        }
        flushes.sort_unstable();
        assert_eq!(flushes[..2], [2, 2], "{flushes:?}");
        host.record_run(summary(0), RecordOptions::new()).await.unwrap();
        for (run, record) in (1..).zip(&mut records) {
            let before = count();
            host.record_run(summary(run), RecordOptions::new()).await.unwrap();
            *record = count() - before;
        }
        eprintln!("a record is one of these numbers of requests: {records:?}");
        records.sort_unstable();
        assert!(records[1] <= 10, "{records:?}");
    });
}
