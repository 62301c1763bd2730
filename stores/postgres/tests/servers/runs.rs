//! Runs of Tandem, kept in a server by several hosts.

use futures::executor::block_on;
use tandem_documents::DocumentsDisk;
use tandem_host::{ErrorKind, Request, RunOptions, Tandem};
use tandem_postgres::PostgresDocuments;

use crate::stores::Stores as _;
use tandem_tests::servers;

async fn host(store: &PostgresDocuments) -> Tandem {
    let disk = DocumentsDisk::open(store.clone()).await.unwrap();
    Tandem::builder().disk(disk).build().await.unwrap()
}

#[test]
fn a_run_goes_on_at_another_host_and_its_first_owner_finds_out() {
    let server = servers!().shared();
    let store = server.store("runs");
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
    let manifest = "select convert_from(body, 'UTF8') from runs.documents
        where head like '%2026-01-06T00-27-16%' and head not like '%heartbeat' and body is not null";
    let manifest = server.sql(manifest);
    assert!(manifest.contains("succeeded"), "{manifest}");
}
