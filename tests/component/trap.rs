//! A component that traps: what its callers learn, and what comes after. The variant of the
//! component that is run here traps on a document that holds `provoke-trap`.

use std::time::Duration;

use tandem_host::disk::OsDisk;
use tandem_host::testing::DiskExt;
use tandem_host::testing::{Call, DiskOperation, Hold, Moment, Record};
use tandem_host::{Builder, ErrorKind, Request, RunOptions, Tandem};

use crate::variant::{TRAP, trapping};

fn builder() -> Builder {
    Tandem::builder().component(std::fs::read(trapping(false)).unwrap())
}

/// What a component is given to do what it should not do: far more than it takes to start one.
const CHANCE: Duration = Duration::from_millis(300);

fn is_manifest_rename(call: &Call) -> bool {
    call.is(DiskOperation::Rename, "manifest.json")
}

#[tokio::test]
async fn every_pending_call_of_every_run_gets_the_typed_error_and_the_next_open_works() {
    let dir = tempfile::tempdir().unwrap();
    let hold = Hold::new();
    let disk = OsDisk::open(dir.path()).unwrap().layered(hold.clone());
    let tandem = builder().disk(disk).build().await.unwrap();
    let mut runs = Vec::new();
    for n in 0..8 {
        let run = tandem.open_run(RunOptions::new("task", format!("run-{n}"))).await.unwrap();
        run.set("{}").await.unwrap();
        runs.push(run);
    }
    let gate = hold.before(is_manifest_rename);
    // Some wait for their flush, some for the throttle behind it.
    let flushes: Vec<_> = runs.iter().map(|run| run.flush()).collect();
    gate.reached(8).await;
    let beat = Request::new().heartbeat();
    let throttled: Vec<_> = runs.iter().map(|run| run.schedule(beat)).collect();

    let trapped = runs[0].set(TRAP).await.unwrap_err();
    assert_eq!(trapped.kind(), ErrorKind::ComponentFailed);
    assert!(std::error::Error::source(&trapped).is_some(), "the cause is kept");
    for pending in flushes.into_iter().chain(throttled) {
        assert_eq!(pending.await.unwrap_err().kind(), ErrorKind::ComponentFailed);
    }
    gate.release();
    let run = tandem.open_run(RunOptions::new("task", "next")).await.unwrap();
    run.set("{}").await.unwrap();
    assert!(run.flush().await.unwrap().manifest.is_some());
}

#[tokio::test]
async fn no_operation_of_the_old_store_lands_after_the_new_one_has_begun() {
    let dir = tempfile::tempdir().unwrap();
    let (hold, record) = (Hold::new(), Record::new());
    let disk = OsDisk::open(dir.path()).unwrap().layered(hold.clone()).layered(record.clone());
    let tandem = builder().disk(disk).build().await.unwrap();
    let run = tandem.open_run(RunOptions::new("task", "run")).await.unwrap();
    run.set(r#"{"old": true}"#).await.unwrap();
    let gate = hold.before(is_manifest_rename);
    let flush = run.flush();
    gate.reached(1).await;
    assert!(run.set(TRAP).await.is_err());
    assert_eq!(flush.await.unwrap_err().kind(), ErrorKind::ComponentFailed);

    let before = record.events().len();
    let reopened = run.set(r#"{"new": true}"#);
    let written = run.schedule(Request::new().manifest().force());
    // Whatever the new store asks for first.
    let early = hold.before(|_| true);
    tokio::select! {
        () = early.reached(1) => panic!("the new store does not wait for the held rename"),
        () = tokio::time::sleep(CHANCE) => {}
    }
    assert_eq!(record.events().len(), before, "the new store waits for the held rename");
    early.release();
    gate.release();
    reopened.await.unwrap();
    written.await.unwrap();

    let events = record.events();
    assert!(is_manifest_rename(&events[before].call), "{:?}", events[before]);
    assert_eq!(events[before].moment, Moment::Ended(Ok(())));
    let path = dir.path().join(".runs/task/cli/run/manifest.json");
    assert_eq!(std::fs::read_to_string(path).unwrap(), "{\n  \"new\": true\n}\n");
}
