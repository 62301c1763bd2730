//! Both channels' calls are in flight together: each of these tests holds one channel's call back
//! until the other channel's was issued. Code that does one after the other hangs here.

use tandem_host::Durability;
use tandem_host::testing::DiskOperation::{self, CreateFile, Rename, SyncData, SyncDir, Write};
use tandem_host::testing::Moment;

use crate::support::{ALL, Lab, directory, options, turn, within};

const MANIFEST: &str = "manifest.json";
const HEARTBEAT: &str = ".heartbeat";

/// Flushes while `held`'s call waits until `other`'s was issued.
async fn flush_holding(operation: DiskOperation, held: &'static str, other: &'static str) {
    within(async {
        let lab = Lab::new().await;
        let options = options("a").heartbeat_durability(Durability::Durable);
        let run = lab.tandem.open_run(options).await.unwrap();
        run.set("{}").await.unwrap();
        lab.hold.until(move |call| call.is(operation, held), move |call| call.is(operation, other));
        let receipt = run.schedule(ALL).await.unwrap();
        assert!(receipt.manifest.is_some() && receipt.heartbeat.is_some());
        assert_eq!((lab.count(operation, held), lab.count(operation, other)), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn the_manifests_open_can_wait_for_the_heartbeats() {
    flush_holding(CreateFile, MANIFEST, HEARTBEAT).await;
}

#[tokio::test]
async fn the_heartbeats_open_can_wait_for_the_manifests() {
    flush_holding(CreateFile, HEARTBEAT, MANIFEST).await;
}

#[tokio::test]
async fn the_manifests_write_can_wait_for_the_heartbeats() {
    flush_holding(Write, MANIFEST, HEARTBEAT).await;
}

#[tokio::test]
async fn the_heartbeats_write_can_wait_for_the_manifests() {
    flush_holding(Write, HEARTBEAT, MANIFEST).await;
}

#[tokio::test]
async fn the_manifests_sync_can_wait_for_the_heartbeats() {
    flush_holding(SyncData, MANIFEST, HEARTBEAT).await;
}

#[tokio::test]
async fn the_heartbeats_sync_can_wait_for_the_manifests() {
    flush_holding(SyncData, HEARTBEAT, MANIFEST).await;
}

#[tokio::test]
async fn the_manifests_rename_can_wait_for_the_heartbeats() {
    flush_holding(Rename, MANIFEST, HEARTBEAT).await;
}

#[tokio::test]
async fn the_heartbeats_rename_can_wait_for_the_manifests() {
    flush_holding(Rename, HEARTBEAT, MANIFEST).await;
}

/// A flush of two durable channels, of which `late`'s rename ends last.
async fn sync_after(late: &'static str, early: &'static str) {
    within(async {
        let lab = Lab::new().await;
        let options = options("a").heartbeat_durability(Durability::Durable);
        let run = lab.tandem.open_run(options).await.unwrap();
        run.set("{}").await.unwrap();
        let late_gate = lab.hold.before(move |call| call.is(Rename, late));
        let early_gate = lab.hold.after(move |call| call.is(Rename, early));
        let flush = run.schedule(ALL);
        late_gate.reached(1).await;
        early_gate.reached(1).await;
        early_gate.release();
        turn(&run).await;
        late_gate.release();
        flush.await.unwrap();

        let events = lab.record.events();
        let place = |found: &dyn Fn(usize) -> bool| {
            let places: Vec<_> = (0..events.len()).filter(|&at| found(at)).collect();
            assert_eq!(places.len(), 1, "{events:#?}");
            places[0]
        };
        let renamed = |name| {
            place(&|at| {
                let event = &events[at];
                event.call.is(Rename, name) && event.moment == Moment::Ended(Ok(()))
            })
        };
        let synced = place(&|at| {
            let event = &events[at];
            let is_run_dir = event.call.path == directory("a");
            event.call.operation == SyncDir && is_run_dir && event.moment == Moment::Started
        });
        assert!(renamed(early) < renamed(late) && renamed(late) < synced, "{events:#?}");
    })
    .await;
}

#[tokio::test]
async fn the_directory_is_synced_once_after_both_renames_the_heartbeats_last() {
    sync_after(HEARTBEAT, MANIFEST).await;
}

#[tokio::test]
async fn the_directory_is_synced_once_after_both_renames_the_manifests_last() {
    sync_after(MANIFEST, HEARTBEAT).await;
}
