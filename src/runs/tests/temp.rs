use std::collections::BTreeSet;

use crate::storage::temp::PROBE;

use super::*;

/// The names of the files that were created since the last look.
fn created(place: &Place) -> Vec<String> {
    let calls = place.disk.take_calls();
    calls.iter().filter_map(|call| call.strip_prefix("create-file ")).map(str::to_owned).collect()
}

#[test]
fn temp_names_are_never_used_twice() {
    let place = Place::new();
    let mut names = BTreeSet::new();
    for step in ["", "create-file", "write", "sync-data", "rename", "sync-dir"] {
        if !step.is_empty() {
            place.disk.fail(step, IO, true);
        }
        for _ in 0..3 {
            let _ = place.force(BOTH);
            // What makes a directory dirty again is never renamed, and has one name.
            for name in created(&place).into_iter().filter(|name| !name.ends_with(PROBE)) {
                assert!(names.insert(name.clone()), "{name}");
            }
        }
        place.disk.heal();
    }
    assert_eq!(names.len(), 36);
}

#[test]
fn temp_files_stand_beside_their_target() {
    let place = Place::new();
    place.force(BOTH).expect("flush");
    let names = created(&place);
    assert!(names[0].starts_with(MANIFEST_TEMP) && names[1].starts_with(HEARTBEAT_TEMP));
    assert!(names.iter().all(|name| name.ends_with(".tandem-tmp")));
}

#[test]
fn a_temp_file_that_stands_there_already_is_not_touched() {
    let place = Place::new();
    place.disk.fail("create-file", Code::EXIST, true);
    place.force(BOTH).expect_err("the name is taken");
    let calls = place.disk.take_calls();
    assert_eq!((count(&calls, "write"), count(&calls, "remove")), (0, 0));
}

#[test]
fn the_first_error_is_told_when_the_temp_file_cannot_be_removed() {
    let place = Place::new();
    place.disk.fail("write", IO, false);
    place.disk.fail("remove", Code("access"), false);
    let first = failure(Channel::Manifest, Operation::Write, IO);
    assert_eq!(place.force(MANIFEST), Err(Error::Storage { first, beside: None }));
    assert_eq!(place.temp_files(), 1);
}

#[test]
fn a_file_is_never_seen_empty_or_torn() {
    let place = Place::written();
    place.set(1);
    place.disk.wall_ms.set(0);
    for step in ["create-file", "write", "sync-data", "rename"] {
        place.disk.hold(step);
        let call = place.call(BOTH, true);
        place.disk.settle();
        assert!([0, 1].contains(&place.n()));
        assert_eq!(place.heartbeat().expect("a heartbeat").len(), 25);
        place.disk.release(step);
        assert_eq!(ok(&call), BOTH);
    }
}
