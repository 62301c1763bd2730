use super::*;

/// When the next retry comes, in ms from now.
fn retried_after(place: &Place) -> u64 {
    let start = place.disk.now_ms();
    place.disk.take_calls();
    while place.disk.now_ms() - start < 60_000 {
        place.disk.advance_ms(1);
        if count(&place.disk.take_calls(), "create-file") > 0 {
            return place.disk.now_ms() - start;
        }
    }
    panic!("no retry comes");
}

#[test]
fn a_failed_channel_is_retried_without_a_caller() {
    let place = Place::new();
    place.disk.fail(&format!("write {HEARTBEAT_TEMP}"), IO, false);
    place.force(BOTH).expect_err("the heartbeat failed");
    assert_eq!(place.dirty(), HEARTBEAT);
    place.disk.take_calls();
    place.disk.advance_ms(301);
    assert_eq!(place.dirty(), NONE);
    assert_eq!(count(&place.disk.take_calls(), "create-file"), 1);
    assert_eq!(place.run.stats().automatic_retries, 1);
}

#[test]
fn the_back_off_is_250_ms_doubling_to_30_s_with_20_percent_jitter() {
    let place = Place::empty();
    place.disk.fail("write", IO, true);
    place.force(HEARTBEAT).expect_err("write failed");
    for base in [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        let waited = retried_after(&place);
        assert!((base * 8 / 10..=base * 12 / 10 + 1).contains(&waited), "{base}: {waited}");
    }
}

#[test]
fn a_forced_call_tries_everything_at_once_and_success_resets() {
    let place = Place::new();
    place.disk.fail("write", IO, true);
    for _ in 0..6 {
        place.force(BOTH).expect_err("write failed");
    }
    place.disk.heal();
    assert_eq!(written(&place.flush().expect("flush")), BOTH);
    place.disk.advance_ms(5_000);
    place.disk.fail("write", IO, false);
    place.force(HEARTBEAT).expect_err("write failed");
    assert!(retried_after(&place) <= 301);
}

#[test]
fn a_barrier_fails_while_something_stays_unwritten() {
    let place = Place::new();
    place.disk.fail(&format!("write {HEARTBEAT_TEMP}"), IO, true);
    place.force(BOTH).expect_err("the heartbeat failed");
    for _ in 0..3 {
        let first = failure(Channel::Heartbeat, Operation::Write, IO);
        assert_eq!(place.flush(), Err(Error::Storage { first, beside: None }));
    }
    place.disk.heal();
    assert_eq!(written(&place.flush().expect("flush")), HEARTBEAT);
    assert_eq!(written(&place.flush().expect("flush")), NONE);
}

#[test]
fn one_flush_tries_each_channel_once() {
    let place = Place::new();
    place.disk.fail("write", IO, true);
    place.force(BOTH).expect_err("write failed");
    assert_eq!(count(&place.disk.take_calls(), "create-file"), 2);
}

#[test]
fn a_request_that_named_a_channel_left_out_waits_for_it_and_is_told_of_both() {
    let place = Place::empty();
    place.disk.fail(&format!("write {HEARTBEAT_TEMP}"), IO, false);
    place.force(HEARTBEAT).expect_err("the heartbeat failed");
    place.set(0);
    let manifest = place.call(MANIFEST, false);
    let both = place.call(BOTH, false);
    place.disk.settle();
    assert_eq!(ok(&manifest), MANIFEST);
    assert!(is_waiting(&both));
    place.disk.advance_ms(301);
    assert_eq!(ok(&both), BOTH);
}

#[test]
fn a_heartbeat_that_fails_for_good_neither_stops_nor_speeds_up_manifest_writes() {
    let place = Place::new();
    place.disk.fail(&format!("rename {HEARTBEAT_TEMP}"), IO, true);
    place.force(BOTH).expect_err("the heartbeat failed");
    for n in 1..=12 {
        place.set(n);
        // A host asks for the heartbeat again and again.
        let call = place.call(MANIFEST, false);
        let _ = place.call(HEARTBEAT, false);
        place.disk.advance_ms(4_999);
        assert!(is_waiting(&call));
        assert_eq!(place.n(), n - 1);
        place.disk.advance_ms(1);
        assert!(!is_waiting(&call));
        assert_eq!(place.n(), n);
    }
}

#[test]
fn a_failed_flush_never_blocks_a_later_one() {
    let place = Place::new();
    for n in 0..20 {
        place.disk.fail("write", IO, false);
        place.set(n);
        place.force(MANIFEST).expect_err("write failed");
        place.flush().expect("flush");
        assert_eq!(place.n(), n);
    }
}
