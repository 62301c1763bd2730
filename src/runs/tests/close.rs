use super::*;
use futures::FutureExt;

#[test]
fn close_flushes_what_is_dirty() {
    let place = Place::new();
    assert_eq!(written(&place.close().expect("close")), MANIFEST);
    assert_eq!((place.n(), place.dirty()), (0, NONE));
}

#[test]
fn close_of_a_clean_run_writes_nothing() {
    let place = Place::written();
    assert_eq!(place.close(), Ok(Receipt::NONE));
    let calls = place.disk.take_calls();
    assert_eq!((count(&calls, "write"), count(&calls, "rename")), (0, 0));
}

#[test]
fn close_releases_waiting_requests() {
    let place = Place::written();
    let waiting = place.call(BOTH, false);
    let closing = place.call_close();
    place.disk.settle();
    assert_eq!((ok(&waiting), ok(&closing)), (BOTH, BOTH));
}

#[test]
fn close_waits_for_the_flush_in_flight() {
    let place = Place::new();
    place.disk.hold("write");
    let flush = place.call(MANIFEST, true);
    place.disk.settle();
    let closing = place.call_close();
    place.disk.settle();
    assert!(is_waiting(&closing));
    place.disk.release("write");
    assert_eq!((ok(&flush), ok(&closing)), (MANIFEST, MANIFEST));
}

#[test]
fn close_writes_a_change_made_during_the_flush_in_flight() {
    let place = Place::new();
    place.disk.hold("write");
    let flush = place.call(MANIFEST, true);
    place.disk.settle();
    place.set(1);
    let closing = place.call_close();
    place.disk.settle();
    place.disk.release("write");
    assert_eq!((ok(&flush), ok(&closing), place.n()), (MANIFEST, MANIFEST, 1));
}

#[test]
fn close_tries_again_what_the_flush_in_flight_failed_to_write() {
    let place = Place::new();
    place.disk.hold("write");
    place.disk.fail("write", IO, false);
    let flush = place.call(MANIFEST, true);
    place.disk.settle();
    let closing = place.call_close();
    place.disk.settle();
    place.disk.release("write");
    flush.take().expect("an outcome").expect_err("write failed");
    assert_eq!((ok(&closing), place.n()), (MANIFEST, 0));
}

#[test]
fn close_that_fails_leaves_the_run_open_and_dirty_and_can_be_called_again() {
    let place = Place::new();
    place.disk.fail("write", IO, true);
    let first = failure(Channel::Manifest, Operation::Write, IO);
    let error = Error::Storage { first, beside: None };
    assert_eq!(place.close(), Err(error.clone()));
    assert_eq!(place.close(), Err(error));
    assert_eq!(place.dirty(), MANIFEST);
    assert!(matches!(place.reopen(), Err(Error::AlreadyOpen { .. })));
    place.set(1);
    place.disk.heal();
    assert_eq!(written(&place.close().expect("close")), MANIFEST);
    assert_eq!(place.n(), 1);
}

#[test]
fn close_that_failed_leaves_the_automatic_retry_running() {
    let place = Place::new();
    place.disk.fail("write", IO, false);
    place.close().expect_err("write failed");
    place.disk.advance_ms(301);
    assert_eq!((place.n(), place.dirty()), (0, NONE));
}

#[test]
fn close_stops_the_timers() {
    let place = Place::written();
    let _ = place.call(BOTH, false);
    place.disk.settle();
    place.close().expect("close");
    place.disk.take_calls();
    place.disk.advance_ms(3_600_000);
    assert!(place.disk.take_calls().is_empty());
}

#[test]
fn close_is_ok_again_and_every_other_call_gets_closed() {
    let place = Place::written();
    place.close().expect("close");
    place.disk.take_calls();
    assert_eq!(place.close(), Ok(Receipt::NONE));
    assert!(is_closed(place.run.set("{}")));
    assert!(is_closed(place.run.merge("{}")));
    assert!(is_closed(place.force(BOTH)));
    assert!(is_closed(place.flush()));
    assert!(place.disk.take_calls().is_empty());
    assert_eq!(place.run.stats().flushes, 1);
}

#[test]
fn close_refuses_other_calls_while_it_works() {
    let place = Place::new();
    place.disk.hold("write");
    let closing = place.call_close();
    place.disk.settle();
    assert!(is_closed(place.run.set("{}")));
    assert!(is_closed(place.force(BOTH)));
    let again = place.call_close();
    place.disk.settle();
    assert!(is_waiting(&again));
    place.disk.release("write");
    assert_eq!((ok(&closing), ok(&again)), (MANIFEST, MANIFEST));
}

#[test]
fn close_goes_on_when_its_caller_goes_away() {
    let place = Place::new();
    assert!(place.run.close().now_or_never().is_none());
    place.disk.settle();
    assert_eq!(place.n(), 0);
    assert!(is_closed(place.flush()));
}

#[test]
fn close_sweeps_old_temp_files_only() {
    let place = Place::written();
    let name = |digit: &str| format!("{MANIFEST_TEMP}{}.tandem-tmp", digit.repeat(32));
    place.disk.put(&name("a"), b"", 3_600_001);
    place.disk.put(&name("b"), b"", 3_600_000);
    place.close().expect("close");
    assert_eq!(place.disk.paths(), [HEARTBEAT_FILE, &name("b"), MANIFEST_FILE]);
}

#[test]
fn close_is_ok_when_the_sweep_fails() {
    for fault in ["create-file", "stat", "list", "open-dir"] {
        let place = Place::written();
        place.disk.fail(fault, IO, true);
        place.close().expect(fault);
    }
}

#[test]
fn a_closed_run_can_be_opened_again() {
    let place = Place::written();
    place.close().expect("close");
    let (_, recovery) = place.reopen().expect("open");
    assert_eq!(recovery.document.as_deref(), Some("{\n  \"n\": 0\n}\n"));
}

#[test]
fn a_closed_handle_keeps_its_hands_off_the_place_of_the_next() {
    let place = Place::written();
    place.close().expect("close");
    let next = place.reopen().expect("open");
    drop(place.run);
    let again = open(&place.disk, &place.registry, options());
    assert!(matches!(again, Err(Error::AlreadyOpen { .. })));
    drop(next);
}
