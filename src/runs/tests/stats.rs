use super::*;

#[test]
fn stats_count_flushes_bytes_and_coalesced_requests() {
    let place = Place::new();
    let calls = [BOTH, MANIFEST, NONE].map(|flags| place.call(flags, false));
    place.disk.settle();
    assert!(calls.iter().all(|call| ok(call) == BOTH));
    let (stats, dirty) = (place.run.stats(), place.dirty());
    assert_eq!((stats.requests, stats.coalesced, stats.flushes), (3, 2, 1));
    assert_eq!((stats.failed_flushes, stats.automatic_retries, dirty), (0, 0, NONE));
    let [manifest, heartbeat] = [stats.manifest, stats.heartbeat];
    assert_eq!(
        [manifest, heartbeat].map(|channel| (channel.writes, channel.bytes)),
        [(1, 13), (1, 25)]
    );
}

#[test]
fn stats_count_failures_and_retries_by_channel_and_cause() {
    let place = Place::new();
    place.disk.fail(&format!("write {MANIFEST_TEMP}"), Code("insufficient-space"), false);
    place.force(BOTH).expect_err("no space");
    place.disk.fail(&format!("rename {MANIFEST_TEMP}"), Code("access"), true);
    for _ in 0..2 {
        place.flush().expect_err("no access");
    }
    let stats = place.run.stats();
    assert_eq!((stats.flushes, stats.failed_flushes), (3, 3));
    let first = failure(Channel::Manifest, Operation::Rename, Code("access"));
    assert_eq!(stats.last_error, Some(Error::Storage { first, beside: None }.into()));
    let [manifest, heartbeat] = [stats.manifest, stats.heartbeat];
    assert_eq!((manifest.writes, manifest.failures, manifest.retries), (0, 3, 2));
    let causes = [("rename: access", 2), ("write: insufficient-space", 1)];
    let told = manifest.causes.iter().map(|cause| (cause.name.as_str(), cause.count));
    assert!(told.eq(causes), "{:?}", manifest.causes);
    assert_eq!((heartbeat.writes, heartbeat.failures, heartbeat.retries), (1, 0, 0));

    place.disk.heal();
    place.flush().expect("flush");
    let stats = place.run.stats();
    assert_eq!(stats.last_error, None);
    assert_eq!((stats.manifest.writes, stats.manifest.retries), (1, 3));
}

#[test]
fn the_latency_is_measured_from_the_flags_to_the_outcome() {
    let place = Place::new();
    place.disk.hold("write");
    let call = place.call(MANIFEST, true);
    place.disk.advance_ms(3);
    place.disk.release("write");
    assert_eq!(ok(&call), MANIFEST);
    let latency = place.run.stats().latency;
    assert_eq!(latency.iter().map(|b| (b.up_to_us, b.count)).collect::<Vec<_>>(), [(4_096, 1)]);
}

#[test]
fn an_automatic_retry_shows_in_the_stats() {
    let place = Place::new();
    place.disk.fail("write", IO, true);
    place.force(MANIFEST).expect_err("write failed");
    place.disk.advance_ms(1_000);
    let (stats, dirty) = (place.run.stats(), place.dirty());
    assert_eq!((stats.automatic_retries, dirty), (2, MANIFEST));
    assert_eq!(stats.failed_flushes, 3);
}

#[test]
fn a_call_that_joins_a_flush_in_flight_is_coalesced() {
    for force in [false, true] {
        let place = Place::new();
        place.disk.hold("write");
        let first = place.call(MANIFEST, true);
        place.disk.settle();
        let second = place.call(NONE, force);
        place.disk.settle();
        place.disk.release("write");
        assert_eq!((ok(&first), ok(&second)), (MANIFEST, MANIFEST));
        let stats = place.run.stats();
        assert_eq!((stats.requests, stats.coalesced, stats.automatic_retries), (2, 1, 0));
    }
}

#[test]
fn an_automatic_retry_that_a_call_joins_is_still_one() {
    for force in [false, true] {
        let place = Place::new();
        place.disk.fail("write", IO, false);
        place.force(MANIFEST).expect_err("write failed");
        place.disk.hold("write");
        place.disk.advance_ms(301);
        let joined = place.call(NONE, force);
        place.disk.settle();
        place.disk.release("write");
        assert_eq!(ok(&joined), MANIFEST);
        assert_eq!(place.run.stats().automatic_retries, 1);
    }
}

#[test]
fn a_flush_that_a_request_for_both_channels_asked_for_is_no_retry() {
    for is_marked in [true, false] {
        let place = Place::with(RunSettings { heartbeat_interval_ms: 1_000, ..options() });
        place.force(BOTH).expect("written");
        let call = if is_marked {
            place.run.mark(BOTH, false).expect("asked");
            None
        } else {
            Some(place.call(BOTH, false))
        };
        place.disk.advance_ms(5_000);
        let stats = place.run.stats();
        assert_eq!((stats.flushes, stats.automatic_retries), (3, 0), "{is_marked}");
        assert_eq!(call.map(|call| ok(&call)), (!is_marked).then_some(BOTH));
    }
}

#[test]
fn a_request_that_two_flushes_serve_is_coalesced_once_at_most() {
    let place = Place::with(RunSettings { heartbeat_interval_ms: 1_000, ..options() });
    place.force(BOTH).expect("written");
    let calls = [place.call(BOTH, false), place.call(BOTH, false)];
    place.disk.advance_ms(5_000);
    assert_eq!(calls.map(|call| ok(&call)), [BOTH, BOTH]);
    let stats = place.run.stats();
    assert_eq!((stats.flushes, stats.requests, stats.coalesced), (3, 3, 1));
}
