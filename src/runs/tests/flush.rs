use super::*;

#[test]
fn the_files_hold_the_document_and_the_time() {
    let place = Place::new();
    let receipt = place.force(BOTH).expect("flush");
    assert_eq!(place.disk.file(MANIFEST_FILE).expect("a manifest"), "{\n  \"n\": 0\n}\n");
    assert_eq!(place.heartbeat().expect("a heartbeat"), "2026-01-06T00:27:16.820Z\n");
    assert_eq!(receipt.manifest.map(|file| file.bytes), Some(13));
    assert_eq!(receipt.heartbeat.map(|file| file.bytes), Some(25));
    assert_eq!(place.disk.paths(), [HEARTBEAT_FILE, MANIFEST_FILE]);
}

#[test]
fn a_flush_writes_what_is_dirty_and_nothing_else() {
    let place = Place::written();
    assert_eq!(written(&place.force(HEARTBEAT).expect("flush")), HEARTBEAT);
    assert_eq!(count(&place.disk.take_calls(), "create-file"), 1);
    place.set(1);
    assert_eq!(written(&place.flush().expect("flush")), MANIFEST);
}

#[test]
fn the_document_and_the_time_are_those_of_the_start_of_the_flush() {
    let place = Place::written();
    place.set(1);
    let call = place.call(BOTH, false);
    place.disk.advance_ms(1_000);
    place.set(2);
    place.disk.wall_ms.set(0);
    place.disk.hold("write");
    place.disk.advance_ms(4_000);
    place.set(3);
    place.disk.wall_ms.set(1);
    place.disk.release("write");
    assert_eq!(ok(&call), BOTH);
    assert_eq!(place.n(), 2);
    assert_eq!(place.heartbeat().expect("a heartbeat"), "1970-01-01T00:00:00.000Z\n");
}

#[test]
fn a_change_made_during_a_flush_is_written_by_the_next() {
    let place = Place::new();
    place.disk.hold("rename");
    let first = place.call(MANIFEST, true);
    place.disk.settle();
    place.run.merge("{\"n\":1}").expect("merge");
    assert_eq!(place.dirty(), MANIFEST);
    place.disk.release("rename");
    assert_eq!((ok(&first), place.n(), place.dirty()), (MANIFEST, 0, MANIFEST));
    place.flush().expect("flush");
    assert_eq!((place.n(), place.dirty()), (1, NONE));
}

#[test]
fn a_change_made_during_a_flush_that_fails_is_written_by_the_next() {
    let place = Place::new();
    place.disk.hold("rename");
    place.disk.fail("rename", IO, false);
    let first = place.call(MANIFEST, true);
    place.disk.settle();
    place.set(1);
    place.disk.release("rename");
    first.take().expect("an outcome").expect_err("rename failed");
    place.flush().expect("flush");
    assert_eq!(place.n(), 1);
}

#[test]
fn every_covered_caller_gets_the_outcome() {
    let place = Place::written();
    place.disk.fail("write", IO, false);
    let waiting = [MANIFEST, HEARTBEAT, NONE].map(|flags| place.call(flags, false));
    place.disk.hold("write");
    place.disk.advance_ms(5_000);
    let joined = place.call(NONE, false);
    place.disk.settle();
    place.disk.release("write");
    let first = joined.take().expect("an outcome");
    assert!(matches!(first, Err(Error::Storage { .. })));
    for call in waiting {
        assert_eq!(call.take().expect("an outcome"), first);
    }
}

#[test]
fn the_manifests_error_comes_first_in_both_time_orders() {
    for held in [MANIFEST_TEMP, HEARTBEAT_TEMP] {
        let place = Place::new();
        place.disk.fail(&format!("write {MANIFEST_TEMP}"), Code("quota"), false);
        place.disk.fail(&format!("create-file {HEARTBEAT_TEMP}"), Code("access"), false);
        place.disk.hold(held);
        let call = place.call(BOTH, true);
        place.disk.settle();
        assert!(is_waiting(&call), "the flush waits for both to settle");
        place.disk.release(held);
        let error = call.take().expect("an outcome").expect_err("both failed");
        let first = failure(Channel::Manifest, Operation::Write, Code("quota"));
        let beside = failure(Channel::Heartbeat, Operation::Open, Code("access"));
        assert_eq!(error, Error::Storage { first, beside: Some(beside) });
    }
}

#[test]
fn the_manifests_error_is_told_alone_when_the_heartbeat_succeeded() {
    let place = Place::new();
    place.disk.fail(&format!("rename {MANIFEST_TEMP}"), IO, false);
    let first = failure(Channel::Manifest, Operation::Rename, IO);
    assert_eq!(place.force(BOTH), Err(Error::Storage { first, beside: None }));
    assert!(place.heartbeat().is_some());
}

#[test]
fn a_run_whose_directory_cannot_be_opened_fails_both_channels() {
    let place = Place::new();
    place.disk.fail("open-dir", Code("access"), false);
    let told = |channel| Failure {
        channel: Some(channel),
        operation: Operation::Open,
        path: DIR.to_owned(),
        code: Code("access"),
    };
    let (first, beside) = (told(Channel::Manifest), Some(told(Channel::Heartbeat)));
    assert_eq!(place.force(BOTH), Err(Error::Storage { first, beside }));
    assert_eq!(place.dirty(), BOTH);
    place.flush().expect("flush");
}
