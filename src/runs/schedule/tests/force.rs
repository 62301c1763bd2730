use super::*;

#[test]
fn a_forced_request_releases_a_waiting_one() {
    let mut run = Clocked::written();
    run.ask(MANIFEST, 1);
    run.now_ms += 100;
    run.force(HEARTBEAT, 2);
    assert_eq!(run.flush(NONE), (BOTH, vec![1, 2]));
}

#[test]
fn a_forced_request_releases_a_waiting_one_of_the_same_tick() {
    let mut run = Clocked::written();
    run.ask(MANIFEST, 1);
    run.force(NONE, 2);
    assert_eq!(run.flush(NONE), (MANIFEST, vec![1, 2]));
}

#[test]
fn a_throttled_call_right_after_a_forced_one_shares_its_flush() {
    let mut run = Clocked::written();
    run.force(MANIFEST, 1);
    run.ask(HEARTBEAT, 2);
    run.ask(NONE, 3);
    assert_eq!(run.flush(NONE), (BOTH, vec![1, 2, 3]));
}

#[test]
fn a_forced_request_during_a_flush_starts_right_after_it() {
    let mut run = Clocked::new();
    run.force(MANIFEST, 1);
    run.start();
    run.force(MANIFEST, 2);
    assert_eq!(run.step(), Step::Idle);
    assert_eq!(run.finish(NONE), [1]);
    assert_eq!(run.flush(NONE), (MANIFEST, vec![2]));
}

#[test]
fn several_forced_requests_during_one_flush_cost_one_more() {
    let mut run = Clocked::new();
    run.force(MANIFEST, 1);
    run.start();
    run.force(MANIFEST, 2);
    run.force(NONE, 3);
    run.force(HEARTBEAT, 4);
    run.ask(HEARTBEAT, 5);
    assert_eq!(run.finish(NONE), [1]);
    let (taken, mut answered) = run.flush(NONE);
    answered.sort_unstable();
    assert_eq!((taken, answered), (BOTH, vec![2, 3, 4, 5]));
    assert_eq!(run.step(), Step::Idle);
}

#[test]
fn forced_requests_share_the_flush_in_flight_if_nothing_is_dirty_by_then() {
    let mut run = Clocked::new();
    run.force(MANIFEST, 1);
    run.start();
    run.force(NONE, 2);
    run.force(NONE, 3);
    assert_eq!(run.finish(NONE), [1, 2, 3]);
    assert_eq!(run.step(), Step::Idle);
}

#[test]
fn a_forced_request_tries_again_what_the_flush_in_flight_failed_to_write() {
    let mut run = Clocked::new();
    run.force(BOTH, 1);
    run.start();
    run.force(NONE, 2);
    assert_eq!(run.finish(HEARTBEAT), [1]);
    assert_eq!(run.flush(NONE), (HEARTBEAT, vec![2]));
}

#[test]
fn a_forced_request_is_ok_at_once_when_nothing_is_dirty() {
    let mut run = Clocked::written();
    assert_eq!(run.schedule.request(NONE, true, 1), Some(1));
    assert_eq!(run.step(), Step::Idle);
}

#[test]
fn a_forced_flush_starts_the_interval_anew() {
    let mut run = Clocked::written();
    run.now_ms += 4_000;
    run.force(MANIFEST, 1);
    run.flush(NONE);
    run.ask(MANIFEST, 2);
    assert_eq!(run.wait(), INTERVAL_MS);
}
