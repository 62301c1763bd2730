use super::*;

#[test]
fn a_mark_waits_for_nothing_and_is_written_when_the_throttle_allows() {
    let place = Place::written();
    place.set(1);
    place.run.mark(MANIFEST, false).expect("asked");
    place.disk.advance_ms(4_999);
    assert_eq!(place.n(), 0);
    place.disk.advance_ms(1);
    assert_eq!((place.n(), place.dirty()), (1, NONE));
    let stats = place.run.stats();
    assert_eq!((stats.requests, stats.flushes, stats.automatic_retries), (2, 2, 0));
}

#[test]
fn a_forced_mark_is_written_at_once() {
    let place = Place::written();
    place.set(1);
    place.run.mark(NONE, true).expect("asked");
    place.disk.settle();
    assert_eq!(place.n(), 1);
}

#[test]
fn a_forced_mark_during_a_flush_is_written_right_after_it() {
    let place = Place::written();
    place.set(1);
    place.disk.hold("write");
    place.run.mark(MANIFEST, true).expect("asked");
    place.disk.settle();
    place.set(2);
    place.run.mark(MANIFEST, true).expect("asked");
    place.disk.release("write");
    place.disk.settle();
    assert_eq!((place.n(), place.dirty()), (2, NONE));
}

#[test]
fn a_forced_mark_during_a_flush_that_fails_is_not_left_to_the_back_off() {
    let place = Place::written();
    place.set(1);
    place.disk.fail("write", IO, false);
    place.disk.hold("write");
    let first = place.call(MANIFEST, true);
    place.disk.settle();
    place.run.mark(NONE, true).expect("asked");
    place.disk.release("write");
    place.disk.settle();
    first.take().expect("an outcome").expect_err("write failed");
    assert_eq!((place.n(), place.dirty()), (1, NONE));
}

#[test]
fn marks_take_no_memory_until_a_flush_covers_them() {
    let place = Place::written();
    place.set(1);
    place.disk.hold("write");
    for force in [true, false] {
        place.run.mark(MANIFEST, force).expect("asked");
        place.disk.settle();
        for _ in 0..10_000 {
            place.run.mark(BOTH, force).expect("asked");
            place.run.mark(NONE, force).expect("asked");
        }
        assert_eq!(place.run.0.state.borrow().schedule.waiting_len(), 0);
    }
    place.disk.release("write");
    place.disk.settle();
    assert_eq!((place.n(), place.dirty()), (1, NONE));
    let stats = place.run.stats();
    assert_eq!((stats.requests, stats.automatic_retries), (40_003, 0));
    assert_eq!(stats.coalesced, stats.requests - stats.flushes);
}

#[test]
fn the_failure_of_a_mark_shows_in_stats_and_in_the_next_call_that_waits() {
    let place = Place::written();
    place.set(1);
    place.disk.fail("write", IO, true);
    place.run.mark(MANIFEST, true).expect("asked");
    place.disk.settle();
    let first = failure(Channel::Manifest, Operation::Write, IO);
    let error = Error::Storage { first, beside: None };
    assert_eq!(place.run.stats().last_error, Some(error.clone().into()));
    assert_eq!(place.flush(), Err(error));
}

#[test]
fn a_mark_of_a_manifest_without_a_document_is_refused() {
    let place = Place::empty();
    let error = place.run.mark(BOTH, false).expect_err("no document");
    assert_eq!(error.to_string(), "manifest is scheduled but no document was set");
    assert_eq!(place.dirty(), NONE);
}

#[test]
fn a_mark_of_a_closed_run_is_closed() {
    let place = Place::new();
    place.close().expect("closed");
    assert!(is_closed(place.run.mark(HEARTBEAT, false)));
}
