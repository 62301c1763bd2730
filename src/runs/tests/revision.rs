use super::*;

#[test]
fn each_change_adds_one_and_tells_the_size_of_the_file() {
    let place = Place::empty();
    assert_eq!(place.run.set("{}"), Ok(Revised { revision: 1, bytes: 3 }));
    place.run.set("[]").expect_err("no object");
    place.run.merge("{").expect_err("no JSON");
    assert_eq!(place.run.merge("{\"n\":1}"), Ok(Revised { revision: 2, bytes: 13 }));
    let stats = place.run.stats();
    assert_eq!((stats.revision, stats.written_revision), (2, None));
}

#[test]
fn a_receipt_tells_the_revision_that_was_written() {
    let place = Place::empty();
    assert_eq!(place.force(HEARTBEAT).expect("flush").revision, None);
    place.set(1);
    place.set(2);
    place.disk.hold("write");
    let call = place.call(MANIFEST, true);
    place.disk.settle();
    place.set(3);
    place.disk.release("write");
    assert_eq!(call.take().expect("an outcome").expect("flush").revision, Some(2));
    let stats = place.run.stats();
    assert_eq!((stats.revision, stats.written_revision, stats.manifest.dirty), (3, Some(2), true));
}

#[test]
fn the_revision_that_is_on_the_disk_is_told_when_the_heartbeat_failed() {
    let place = Place::new();
    place.disk.fail(&format!("write {HEARTBEAT_TEMP}"), IO, false);
    place.force(BOTH).expect_err("the heartbeat failed");
    assert_eq!(place.run.stats().written_revision, Some(1));
}

#[test]
fn what_open_found_is_revision_0() {
    let place = Place::written();
    place.close().expect("closed");
    let (run, _) = place.reopen().expect("open");
    assert_eq!((run.stats().revision, run.stats().written_revision), (0, None));
    assert_eq!(run.merge("{}").map(|revised| revised.revision), Ok(1));
}
