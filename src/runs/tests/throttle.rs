use super::*;
use futures::FutureExt;

#[test]
fn a_change_starts_neither_a_write_nor_a_timer() {
    let place = Place::new();
    place.set(1);
    place.run.merge("{\"m\":1}").expect("merge");
    place.disk.advance_ms(3_600_000);
    assert!(place.disk.take_calls().is_empty());
    assert_eq!(place.dirty(), MANIFEST);
}

#[test]
fn the_first_request_is_written_at_once() {
    let place = Place::new();
    let call = place.call(BOTH, false);
    place.disk.settle();
    assert_eq!(ok(&call), BOTH);
}

#[test]
fn requests_that_wait_share_one_write_and_one_outcome() {
    let place = Place::written();
    let calls = [MANIFEST, HEARTBEAT, NONE, BOTH].map(|flags| place.call(flags, false));
    place.disk.advance_ms(4_999);
    assert!(calls.iter().all(is_waiting));
    assert!(place.disk.take_calls().is_empty());
    place.disk.advance_ms(1);
    assert!(calls.iter().all(|call| ok(call) == BOTH));
    assert_eq!(count(&place.disk.take_calls(), "rename"), 2);
}

#[test]
fn the_interval_counts_from_the_end_of_the_flush() {
    let place = Place::new();
    place.disk.hold("write");
    let first = place.call(MANIFEST, false);
    place.disk.advance_ms(2_000);
    place.disk.release("write");
    assert_eq!(ok(&first), MANIFEST);
    let second = place.call(MANIFEST, false);
    place.disk.advance_ms(4_999);
    assert!(is_waiting(&second));
    place.disk.advance_ms(1);
    assert_eq!(ok(&second), MANIFEST);
}

#[test]
fn a_forced_request_releases_a_waiting_one_of_the_same_tick() {
    let place = Place::written();
    let waiting = place.call(MANIFEST, false);
    let forced = place.call(NONE, true);
    place.disk.settle();
    assert_eq!((ok(&waiting), ok(&forced)), (MANIFEST, MANIFEST));
}

#[test]
fn a_forced_request_releases_one_that_has_waited() {
    let place = Place::written();
    let waiting = place.call(MANIFEST, false);
    place.disk.advance_ms(1_000);
    assert_eq!(written(&place.force(HEARTBEAT).expect("flush")), BOTH);
    assert_eq!(ok(&waiting), BOTH);
}

#[test]
fn a_throttled_call_right_after_a_forced_one_shares_its_flush() {
    let place = Place::written();
    // The flush's task is ready before the throttled call comes.
    assert!(place.run.schedule(MANIFEST, true).now_or_never().is_none());
    let throttled = place.call(HEARTBEAT, false);
    place.disk.settle();
    assert_eq!(ok(&throttled), BOTH);
}

#[test]
fn several_forced_requests_during_one_flush_cost_one_more() {
    let place = Place::new();
    place.disk.hold("write");
    let first = place.call(MANIFEST, true);
    place.disk.settle();
    let during = [MANIFEST, NONE, MANIFEST, HEARTBEAT].map(|flags| place.call(flags, true));
    place.disk.settle();
    assert_eq!(count(&place.disk.take_calls(), "create-file"), 1);
    place.disk.release("write");
    assert_eq!(ok(&first), MANIFEST);
    assert!(during.iter().all(|call| ok(call) == BOTH));
    assert_eq!(count(&place.disk.take_calls(), "create-file"), 2);
}

#[test]
fn a_forced_request_shares_the_flush_in_flight_if_nothing_is_dirty_by_then() {
    let place = Place::new();
    place.disk.hold("write");
    let first = place.call(MANIFEST, true);
    place.disk.settle();
    let second = place.call(NONE, true);
    place.disk.settle();
    place.disk.release("write");
    assert_eq!((ok(&first), ok(&second)), (MANIFEST, MANIFEST));
    assert_eq!(count(&place.disk.take_calls(), "create-file"), 1);
}

#[test]
fn a_call_without_flags_is_ok_at_once_when_nothing_is_dirty() {
    let place = Place::written();
    for force in [false, true] {
        let call = place.call(NONE, force);
        place.disk.settle();
        assert_eq!(ok(&call), NONE);
    }
    assert!(place.disk.take_calls().is_empty());
}

#[test]
fn a_caller_that_goes_away_loses_nothing_for_the_others() {
    let place = Place::written();
    place.set(1);
    assert!(place.run.schedule(MANIFEST, false).now_or_never().is_none());
    let other = place.call(HEARTBEAT, false);
    place.disk.advance_ms(5_000);
    assert_eq!(ok(&other), BOTH);
    assert_eq!(place.n(), 1);
}

#[test]
fn a_forced_caller_that_goes_away_is_served_all_the_same() {
    let place = Place::written();
    place.set(1);
    assert!(place.run.schedule(MANIFEST, true).now_or_never().is_none());
    place.disk.settle();
    assert_eq!(place.n(), 1);
}

#[test]
fn a_wall_clock_that_jumps_changes_no_timing() {
    for wall_ms in [0, 1_000, 4_000_000_000_000, u64::MAX] {
        let place = Place::written();
        let call = place.call(HEARTBEAT, false);
        place.disk.settle();
        place.disk.wall_ms.set(wall_ms);
        place.disk.advance_ms(4_999);
        assert!(is_waiting(&call), "{wall_ms}");
        place.disk.advance_ms(1);
        assert_eq!(ok(&call), HEARTBEAT);
        assert_eq!(place.heartbeat().expect("a heartbeat").len(), 25);
    }
}
