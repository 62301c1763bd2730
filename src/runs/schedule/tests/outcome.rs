use super::*;

#[test]
fn every_covered_caller_gets_the_outcome_of_a_failed_flush() {
    let mut run = Clocked::new();
    run.ask(MANIFEST, 1);
    run.ask(HEARTBEAT, 2);
    run.force(NONE, 3);
    run.start();
    run.ask(NONE, 4);
    assert_eq!(run.finish(HEARTBEAT), [1, 2, 3, 4]);
}

#[test]
fn only_the_failed_channel_is_dirty_again() {
    for failed in [MANIFEST, HEARTBEAT, BOTH] {
        let mut run = Clocked::new();
        run.force(BOTH, 1);
        run.flush(failed);
        assert_eq!(run.schedule.dirty(), failed);
        run.force(NONE, 2);
        assert_eq!(run.flush(NONE), (failed, vec![2]));
    }
}

#[test]
fn a_failed_flush_never_blocks_a_later_one() {
    let mut run = Clocked::new();
    for caller in 0..40 {
        run.force(BOTH, caller);
        assert_eq!(run.flush(BOTH), (BOTH, vec![caller]));
    }
    run.force(NONE, 40);
    assert_eq!(run.flush(NONE), (BOTH, vec![40]));
}

#[test]
fn a_flush_that_failed_starts_no_interval() {
    let mut run = Clocked::written();
    run.now_ms += INTERVAL_MS;
    run.ask(BOTH, 1);
    run.flush(BOTH);
    run.ask(BOTH, 2);
    assert!(run.wait() < 300);
}

#[test]
fn what_was_requested_during_a_failed_flush_is_written_with_what_failed() {
    let mut run = Clocked::new();
    run.force(MANIFEST, 1);
    run.start();
    run.ask(HEARTBEAT, 2);
    assert_eq!(run.finish(MANIFEST), [1]);
    // Nothing was written yet, so the heartbeat need not wait; the manifest backs off.
    assert_eq!(run.flush(NONE), (HEARTBEAT, vec![2]));
    run.wait();
    assert_eq!(run.flush(NONE), (MANIFEST, vec![]));
}

#[test]
fn an_abandoned_schedule_ends_its_flight_and_does_nothing_more() {
    let mut run = Clocked::new();
    run.force(MANIFEST, 1);
    run.start();
    run.ask(HEARTBEAT, 2);
    run.force(NONE, 3);
    run.schedule.abandon();
    assert_eq!(run.finish(MANIFEST), [1]);
    assert_eq!(run.schedule.dirty(), NONE);
    assert_eq!(run.step(), Step::Idle);
}

#[test]
fn an_abandoned_schedule_drops_its_timer() {
    let mut run = Clocked::written();
    run.ask(MANIFEST, 1);
    run.schedule.abandon();
    assert_eq!(run.step(), Step::Idle);
}
