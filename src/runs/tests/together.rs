//! Both in flight: each of these waits for ever when one channel waits for the other.

use super::*;

/// Holds `operation` of one channel: the other's is issued, and its file replaced, meanwhile.
fn both_start(operation: &str) {
    for (held, other, other_file) in [
        (MANIFEST_TEMP, HEARTBEAT_TEMP, HEARTBEAT_FILE),
        (HEARTBEAT_TEMP, MANIFEST_TEMP, MANIFEST_FILE),
    ] {
        let place = Place::durable();
        let held = format!("{operation} {held}");
        place.disk.hold(&held);
        let call = place.call(BOTH, true);
        place.disk.settle();
        let calls = place.disk.take_calls();
        assert_eq!(count(&calls, &held), 1);
        assert_eq!(count(&calls, &format!("{operation} {other}")), 1, "{operation} is not issued");
        assert!(place.disk.file(other_file).is_some());
        assert!(is_waiting(&call), "the flush waits for both to settle");
        place.disk.release(&held);
        assert_eq!(ok(&call), BOTH);
    }
}

#[test]
fn both_channels_start_to_create_before_either_is_waited_for() {
    both_start("create-file");
}

#[test]
fn both_channels_start_to_write_before_either_is_waited_for() {
    both_start("write");
}

#[test]
fn both_channels_start_to_sync_before_either_is_waited_for() {
    both_start("sync-data");
}

#[test]
fn both_channels_start_to_rename_before_either_is_waited_for() {
    both_start("rename");
}

#[test]
fn the_directory_and_those_above_it_are_synced_side_by_side() {
    let place = Place::new();
    place.disk.hold("sync-dir");
    let call = place.call(MANIFEST, true);
    place.disk.settle();
    assert_eq!(count(&place.disk.take_calls(), "sync-dir"), 5);
    place.disk.release("sync-dir");
    assert_eq!(ok(&call), MANIFEST);
}

#[test]
fn a_flush_of_one_run_waits_for_no_other_run() {
    let place = Place::new();
    place.disk.hold(DIR);
    let held = place.call(BOTH, true);
    let other = RunSettings::with_defaults("task", "other");
    let (other, _) = open(&place.disk, &place.registry, other).expect("open");
    place.disk.run(async move { other.schedule(HEARTBEAT, true).await }).expect("flush");
    assert!(is_waiting(&held));
}
