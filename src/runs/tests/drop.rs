use super::*;
use futures::FutureExt;

/// A second handle of the same run, so that the first can be dropped while calls on it wait.
fn drop_one(place: &Place) {
    drop(Run(place.run.0.clone()));
}

#[test]
fn a_dropped_run_gives_up_what_was_not_written() {
    let place = Place::written();
    place.set(1);
    let waiting = place.call(BOTH, false);
    place.disk.settle();
    drop_one(&place);
    place.disk.take_calls();
    place.disk.advance_ms(3_600_000);
    assert!(is_closed(waiting.take().expect("an outcome")));
    assert!(place.disk.take_calls().is_empty());
    assert_eq!(place.n(), 0);
}

#[test]
fn a_dropped_run_ends_the_flush_in_flight() {
    let place = Place::written();
    place.set(1);
    place.disk.hold("write");
    let flying = place.call(BOTH, true);
    place.disk.settle();
    let waiting = [place.call(MANIFEST, false), place.call(NONE, true)];
    place.disk.settle();
    drop_one(&place);
    place.disk.release("write");
    assert_eq!(ok(&flying), BOTH);
    assert_eq!((place.n(), place.temp_files()), (1, 0));
    for call in waiting {
        assert!(is_closed(call.take().expect("an outcome")));
    }
}

#[test]
fn a_dropped_run_does_not_retry_what_its_last_flush_failed_to_write() {
    let place = Place::written();
    place.set(1);
    place.disk.hold("write");
    place.disk.fail("write", IO, true);
    let flying = place.call(MANIFEST, true);
    place.disk.settle();
    drop_one(&place);
    place.disk.release("write");
    flying.take().expect("an outcome").expect_err("write failed");
    place.disk.take_calls();
    place.disk.advance_ms(3_600_000);
    assert!(place.disk.take_calls().is_empty());
    assert_eq!((place.n(), place.temp_files()), (0, 0));
}

#[test]
fn a_dropped_run_starts_no_flush_that_was_only_decided() {
    let place = Place::written();
    assert!(place.run.schedule(BOTH, true).now_or_never().is_none());
    let last = Run(place.run.0.clone());
    // Dropped between the decision and the flush, which lets others run first.
    place.disk.start(async move { drop(last) });
    place.disk.settle();
    assert!(place.disk.take_calls().is_empty());
    assert_eq!(place.run.stats().flushes, 1);
}

#[test]
fn a_dropped_run_answers_a_waiting_close() {
    let place = Place::new();
    place.disk.hold("write");
    let closing = place.call_close();
    place.disk.settle();
    drop_one(&place);
    place.disk.settle();
    assert!(is_closed(closing.take().expect("an outcome")));
    place.disk.release("write");
    assert_eq!((place.n(), place.temp_files()), (0, 0));
}

#[test]
fn a_dropped_run_keeps_its_place_until_its_flush_ends() {
    let place = Place::new();
    place.disk.hold("write");
    assert!(place.run.schedule(MANIFEST, true).now_or_never().is_none());
    place.disk.settle();
    let Place { disk, registry, run } = place;
    drop(run);
    assert!(matches!(open(&disk, &registry, options()), Err(Error::AlreadyOpen { .. })));
    disk.release("write");
    let (_, recovery) = open(&disk, &registry, options()).expect("open");
    assert!(recovery.document.is_some());
}

#[test]
fn a_dropped_run_frees_its_place_while_a_timer_runs() {
    let place = Place::written();
    assert!(place.run.schedule(BOTH, false).now_or_never().is_none());
    place.disk.settle();
    let Place { disk, registry, run } = place;
    drop(run);
    disk.settle();
    open(&disk, &registry, options()).expect("open");
}
