//! The calls for the summary and for the history are in flight together: each of these tests holds
//! one file's call back until the other's was issued. Code that writes one after the other hangs
//! here.

use tandem_host::testing::DiskOperation::{self, CreateFile, Rename, SyncData, Write};

use crate::record_support::{HISTORY, SUMMARY, at};
use crate::support::{Lab, within};

/// Records a run while `held`'s call waits until `other`'s was issued.
async fn record_holding(operation: DiskOperation, held: &'static str, other: &'static str) {
    within(async {
        let lab = Lab::new().await;
        lab.hold.until(move |call| call.is(operation, held), move |call| call.is(operation, other));
        assert_eq!(lab.record("a", &at(1)).await.runs, 1);
        assert_eq!((lab.count(operation, held), lab.count(operation, other)), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn the_summarys_open_can_wait_for_the_historys() {
    record_holding(CreateFile, SUMMARY, HISTORY).await;
}

#[tokio::test]
async fn the_historys_open_can_wait_for_the_summarys() {
    record_holding(CreateFile, HISTORY, SUMMARY).await;
}

#[tokio::test]
async fn the_summarys_write_can_wait_for_the_historys() {
    record_holding(Write, SUMMARY, HISTORY).await;
}

#[tokio::test]
async fn the_historys_write_can_wait_for_the_summarys() {
    record_holding(Write, HISTORY, SUMMARY).await;
}

#[tokio::test]
async fn the_summarys_sync_can_wait_for_the_historys() {
    record_holding(SyncData, SUMMARY, HISTORY).await;
}

#[tokio::test]
async fn the_historys_sync_can_wait_for_the_summarys() {
    record_holding(SyncData, HISTORY, SUMMARY).await;
}

#[tokio::test]
async fn the_summarys_rename_can_wait_for_the_historys() {
    record_holding(Rename, SUMMARY, HISTORY).await;
}

#[tokio::test]
async fn the_historys_rename_can_wait_for_the_summarys() {
    record_holding(Rename, HISTORY, SUMMARY).await;
}
