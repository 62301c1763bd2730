//! What a recorded run survives: what is synced, when, and what the receipt says of it.

use std::fs;

use tandem_host::disk::ErrorCode;
use tandem_host::testing::DiskOperation::{CreateFile, SyncData, SyncDir};
use tandem_host::testing::{Call, Fault};
use tandem_host::{Durability, Reached};

use crate::record_support::{HISTORY, HISTORY_PATH, LOCK, SUMMARY, at, options, summary};
use crate::support::{Lab, World, on_both_worlds, within};

on_both_worlds!(
    both_files_are_durable_by_default_and_nothing_is_synced_twice,
    a_directory_that_is_gone_and_made_again_is_synced_with_those_above,
    a_visible_file_is_not_synced,
    where_a_directory_cannot_be_synced_the_receipt_says_so,
);

/// The directories that were synced, in no order.
fn synced(lab: &Lab) -> Vec<String> {
    let calls = lab.record.started();
    let syncs = calls.into_iter().filter(|call| call.operation == SyncDir);
    let mut paths: Vec<_> = syncs.map(|call| call.path).collect();
    paths.sort();
    paths
}

async fn both_files_are_durable_by_default_and_nothing_is_synced_twice(world: World) {
    let lab = world.lab().await;
    let recorded = lab.record("a", &at(1)).await;
    let reached = [recorded.summary.reached, recorded.history.reached];
    assert_eq!(reached, [Reached::Durable; 2]);
    assert_eq!((lab.count(SyncData, SUMMARY), lab.count(SyncData, HISTORY)), (1, 1));
    assert_eq!(lab.count(SyncData, LOCK), 0, "a lock need not survive a power loss");
    // New directories are entries of those above them.
    let all = [".", ".", ".runs", ".runs/task", ".runs/task/a", "out", "out/task"];
    assert_eq!(synced(&lab), all);

    // Of those above, only the one with the new entry.
    lab.record.take();
    lab.record("b", &at(2)).await;
    assert_eq!(synced(&lab), [".runs/task", ".runs/task/b", "out/task"]);
    assert_eq!(lab.record.count(|call| call.operation == SyncData), 2);
}

async fn a_directory_that_is_gone_and_made_again_is_synced_with_those_above(world: World) {
    let lab = world.lab().await;
    lab.record("a", &at(1)).await;
    fs::remove_dir_all(lab.path("out")).unwrap();
    fs::remove_dir_all(lab.path(".runs")).unwrap();
    lab.record.take();
    lab.record("a", &at(1)).await;
    let expected = [".", ".", ".runs", ".runs/task", ".runs/task/a", "out", "out/task"];
    assert_eq!(synced(&lab), expected);
}

async fn a_visible_file_is_not_synced(world: World) {
    let (visible, durable) = (Durability::Visible, Durability::Durable);
    for (first, second) in [(visible, visible), (visible, durable), (durable, visible)] {
        let lab = world.lab().await;
        let options = options().summary_durability(first).history_durability(second);
        let recorded = lab.tandem.record_run(summary("a", &at(1)), options).await.unwrap();
        for (durability, name, reached, root) in [
            (first, SUMMARY, recorded.summary.reached, ".runs"),
            (second, HISTORY, recorded.history.reached, "out"),
        ] {
            let is_durable = durability == durable;
            assert_eq!(reached == Reached::Durable, is_durable);
            assert_eq!(reached == Reached::Visible, !is_durable);
            assert_eq!(lab.count(SyncData, name), usize::from(is_durable));
            let syncs = synced(&lab).iter().filter(|path| path.starts_with(root)).count();
            assert_eq!(syncs > 0, is_durable, "{root}");
        }
        assert_eq!(lab.count(CreateFile, LOCK), 1);
    }
}

async fn where_a_directory_cannot_be_synced_the_receipt_says_so(world: World) {
    for code in [ErrorCode::Unsupported, ErrorCode::Invalid] {
        let lab = world.lab().await;
        lab.fail.add(Fault::new(code, |call| call.operation == SyncDir).sticky());
        let recorded = lab.record("a", &at(1)).await;
        assert_eq!(recorded.summary.reached, Reached::DataSynced);
        assert_eq!(recorded.history.reached, Reached::DataSynced);
        assert_eq!((lab.count(SyncData, SUMMARY), lab.count(SyncData, HISTORY)), (1, 1));
        // It is tried anew: the next one may stand elsewhere.
        lab.fail.clear();
        assert_eq!(lab.record("a", &at(1)).await.summary.reached, Reached::Durable);
    }
}

#[tokio::test]
async fn a_history_that_is_set_aside_is_durable_before_the_new_one_is_in_its_place() {
    within(async {
        let lab = Lab::new().await;
        lab.place(HISTORY_PATH, "corrupt");
        let is_aside = |call: &Call| call.target().starts_with("runs.json.corrupt-");
        let gate = lab.hold.before(move |call| call.operation == SyncData && is_aside(call));
        let recording = lab.tandem.record_run(summary("a", &at(1)), options());
        gate.reached(1).await;
        lab.settle(1).await;
        assert_eq!(lab.text(HISTORY_PATH), "corrupt");
        gate.release();
        let recorded = recording.await.unwrap();
        assert_eq!(lab.text(&recorded.set_aside[0]), "corrupt");
        assert_eq!(lab.recorded(), ["a"]);
    })
    .await;
}
