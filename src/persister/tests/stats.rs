use super::*;

#[test]
fn stats_count_flushes_bytes_and_coalesced_requests() {
    let place = Place::new();
    let calls = [BOTH, MANIFEST, NONE].map(|flags| place.call(flags, false));
    place.disk.settle();
    assert!(calls.iter().all(|call| ok(call) == BOTH));
    let (stats, dirty) = place.run.stats();
    assert_eq!((stats.requests, stats.coalesced, stats.flushes), (3, 2, 1));
    assert_eq!((stats.failed_flushes, stats.automatic_retries, dirty), (0, 0, NONE));
    assert_eq!(stats.channels.map(|channel| (channel.writes, channel.bytes)), [(1, 13), (1, 25)]);
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
    let stats = place.run.stats().0;
    assert_eq!((stats.flushes, stats.failed_flushes), (3, 3));
    let first = failure(Channel::Manifest, Operation::Rename, Code("access"));
    assert_eq!(stats.last_error, Some(Error::Storage { first, beside: None }));
    let [manifest, heartbeat] = &stats.channels;
    assert_eq!((manifest.writes, manifest.failures, manifest.retries), (0, 3, 2));
    let causes = [("rename: access".to_owned(), 2), ("write: insufficient-space".to_owned(), 1)];
    assert_eq!(manifest.causes, causes.into());
    assert_eq!((heartbeat.writes, heartbeat.failures, heartbeat.retries), (1, 0, 0));

    place.disk.heal();
    place.flush().expect("flush");
    let stats = place.run.stats().0;
    assert_eq!(stats.last_error, None);
    assert_eq!((stats.channels[0].writes, stats.channels[0].retries), (1, 3));
}

#[test]
fn the_latency_is_measured_from_the_flags_to_the_outcome() {
    let place = Place::new();
    place.disk.hold("write");
    let call = place.call(MANIFEST, true);
    place.disk.advance_ms(3);
    place.disk.release("write");
    assert_eq!(ok(&call), MANIFEST);
    assert_eq!(place.run.stats().0.latency().collect::<Vec<_>>(), [(4_096, 1)]);
}

#[test]
fn an_automatic_retry_shows_in_the_stats() {
    let place = Place::new();
    place.disk.fail("write", IO, true);
    place.force(MANIFEST).expect_err("write failed");
    place.disk.advance_ms(1_000);
    let (stats, dirty) = place.run.stats();
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
        let stats = place.run.stats().0;
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
        assert_eq!(place.run.stats().0.automatic_retries, 1);
    }
}
