use super::*;

fn reached(receipt: Receipt) -> [Option<Reached>; 2] {
    [receipt.manifest, receipt.heartbeat].map(|file| file.map(|file| file.reached))
}

const ABOVE: [&str; 4] =
    ["sync-dir .", "sync-dir .runs", "sync-dir .runs/task", "sync-dir .runs/task/cli"];

/// How many of the directories above the run's were synced.
fn above_synced(calls: &[String]) -> usize {
    calls.iter().filter(|call| ABOVE.contains(&call.as_str())).count()
}

#[test]
fn the_manifest_is_durable_and_the_heartbeat_visible_by_default() {
    let place = Place::new();
    let receipt = place.force(BOTH).expect("flush");
    assert_eq!(reached(receipt), [Some(Reached::Durable), Some(Reached::Visible)]);
    let calls = place.disk.take_calls();
    let synced = index(&calls, &format!("sync-data {MANIFEST_TEMP}"));
    let renamed = index(&calls, &format!("rename {MANIFEST_TEMP}"));
    assert!(index(&calls, &format!("write {MANIFEST_TEMP}")) < synced);
    assert!(synced < renamed && renamed < index(&calls, &format!("sync-dir {DIR}")));
    assert_eq!(count(&calls, "sync-data"), 1);
}

#[test]
fn visible_files_are_replaced_and_nothing_is_synced() {
    let place = Place::with(RunSettings { manifest_durability: Durability::Visible, ..options() });
    let receipt = place.force(BOTH).expect("flush");
    assert_eq!(reached(receipt), [Some(Reached::Visible); 2]);
    let calls = place.disk.take_calls();
    assert_eq!((count(&calls, "sync"), count(&calls, "rename")), (0, 2));
}

#[test]
fn the_directory_is_synced_once_for_both_files_after_both_renames() {
    for held in [MANIFEST_TEMP, HEARTBEAT_TEMP] {
        let place = Place::durable();
        let held = format!("rename {held}");
        place.disk.hold(&held);
        let call = place.call(BOTH, true);
        place.disk.settle();
        let calls = place.disk.take_calls();
        assert_eq!((count(&calls, "rename"), count(&calls, "sync-dir")), (2, 0));
        place.disk.release(&held);
        let receipt = call.take().expect("an outcome").expect("flush");
        assert_eq!(reached(receipt), [Some(Reached::Durable); 2]);
        assert_eq!(count(&place.disk.take_calls(), &format!("sync-dir {DIR}")), 1);
    }
}

#[test]
fn the_directory_is_synced_for_the_one_that_worked_if_the_other_failed() {
    let place = Place::durable();
    place.disk.fail(&format!("rename {MANIFEST_TEMP}"), IO, false);
    place.force(BOTH).expect_err("the manifest failed");
    assert_eq!(count(&place.disk.take_calls(), &format!("sync-dir {DIR}")), 1);
    assert_eq!(place.dirty(), MANIFEST);
}

#[test]
fn the_directory_is_not_synced_for_a_visible_file_alone() {
    let place = Place::new();
    place.disk.fail(&format!("rename {MANIFEST_TEMP}"), IO, false);
    place.force(BOTH).expect_err("the manifest failed");
    assert_eq!(count(&place.disk.take_calls(), "sync-dir"), 0);
}

#[test]
fn the_directories_above_are_synced_at_the_first_durable_flush_only() {
    let place = Place::empty();
    place.force(HEARTBEAT).expect("flush");
    assert_eq!(above_synced(&place.disk.take_calls()), 0);
    place.set(0);
    place.force(MANIFEST).expect("flush");
    assert_eq!(above_synced(&place.disk.take_calls()), 4);
    place.force(BOTH).expect("flush");
    assert_eq!(above_synced(&place.disk.take_calls()), 0);
}

#[test]
fn the_directories_above_are_synced_again_after_the_directory_was_made_anew() {
    let place = Place::written();
    place.disk.lose_dir(".runs/task/cli");
    place.force(HEARTBEAT).expect("flush");
    assert_eq!(above_synced(&place.disk.take_calls()), 0);
    place.force(MANIFEST).expect("flush");
    assert_eq!(above_synced(&place.disk.take_calls()), 4);
    place.force(MANIFEST).expect("flush");
    assert_eq!(above_synced(&place.disk.take_calls()), 0);
}

#[test]
fn a_directory_whose_sync_failed_is_made_dirty_before_it_is_synced_again() {
    for dir in [".", ".runs", ".runs/task", ".runs/task/cli", DIR] {
        let place = Place::new();
        place.disk.fail(&format!("sync-dir {dir}$"), IO, false);
        place.force(MANIFEST).expect_err("a directory was not synced");
        let calls = place.disk.take_calls();
        let failed = index(&calls, &format!("sync-dir {dir}"));
        let came = index(&calls, &format!("create-file {dir}/.probe."));
        let went = index(&calls, &format!("remove {dir}/.probe."));
        assert!(failed < came && came < went, "{calls:?}");
        place.flush().expect("flush");
        assert_eq!(above_synced(&place.disk.take_calls()), 4);
    }
}

#[test]
fn a_directory_that_cannot_be_synced_is_left_alone() {
    let place = Place::new();
    place.disk.fail("sync-dir", Code::UNSUPPORTED, true);
    place.force(MANIFEST).expect("flush");
    assert!(!place.disk.take_calls().iter().any(|call| call.contains(".probe.")));
}

#[test]
fn directories_above_that_could_not_be_synced_are_synced_by_the_next_flush() {
    for (fault, operation) in [
        ("sync-dir .runs/task$", Operation::SyncDirectory),
        ("open-dir .runs/task$", Operation::Open),
    ] {
        let place = Place::new();
        place.disk.fail(fault, IO, false);
        let first = failure(Channel::Manifest, operation, IO);
        assert_eq!(place.force(MANIFEST), Err(Error::Storage { first, beside: None }));
        place.disk.take_calls();
        place.flush().expect("flush");
        assert_eq!(above_synced(&place.disk.take_calls()), 4);
    }
}

#[test]
fn after_a_failed_directory_sync_both_durable_files_are_written_anew() {
    let place = Place::durable();
    place.force(BOTH).expect("write");
    place.disk.take_calls();
    place.disk.fail(&format!("sync-dir {DIR}"), IO, false);
    let told = |channel| failure(channel, Operation::SyncDirectory, IO);
    let (first, beside) = (told(Channel::Manifest), Some(told(Channel::Heartbeat)));
    assert_eq!(place.force(BOTH), Err(Error::Storage { first, beside }));
    assert_eq!(place.dirty(), BOTH);

    let before = place.disk.take_calls();
    let receipt = place.flush().expect("flush");
    assert_eq!(reached(receipt), [Some(Reached::Durable); 2]);
    let after = place.disk.take_calls();
    for step in ["create-file", "write", "sync-data", "rename"] {
        assert_eq!(count(&after, step), 2, "{step}");
    }
    let is_new = |call: &String| !call.starts_with("create-file") || !before.contains(call);
    assert!(after.iter().all(is_new), "a temp file was used twice");
}

#[test]
fn a_failed_directory_sync_fails_no_visible_file() {
    let place = Place::new();
    place.disk.fail(&format!("sync-dir {DIR}"), IO, false);
    let first = failure(Channel::Manifest, Operation::SyncDirectory, IO);
    assert_eq!(place.force(BOTH), Err(Error::Storage { first, beside: None }));
    assert_eq!(place.dirty(), MANIFEST);
}

#[test]
fn where_a_directory_cannot_be_synced_the_receipt_says_data_synced() {
    for code in [Code::UNSUPPORTED, Code::INVALID] {
        let place = Place::new();
        place.disk.fail("sync-dir", code, true);
        for _ in 0..2 {
            let receipt = place.force(BOTH).expect("flush");
            assert_eq!(reached(receipt), [Some(Reached::DataSynced), Some(Reached::Visible)]);
        }
        assert_eq!(place.dirty(), NONE);
    }
}

#[test]
fn a_directory_above_that_cannot_be_synced_is_told_by_every_receipt() {
    let place = Place::new();
    place.disk.fail("sync-dir .$", Code::UNSUPPORTED, true);
    for _ in 0..2 {
        let receipt = place.force(MANIFEST).expect("flush");
        assert_eq!(reached(receipt), [Some(Reached::DataSynced), None]);
    }
}
