use super::*;

#[test]
fn a_change_alone_starts_no_timer() {
    let mut run = Clocked::new();
    run.schedule.mark(Live::Manifest);
    assert_eq!(run.step(), Step::Idle);
    assert_eq!(run.schedule.dirty(), MANIFEST);
}

#[test]
fn a_request_before_the_first_write_does_not_wait() {
    let mut run = Clocked::new();
    run.ask(HEARTBEAT, 1);
    assert_eq!(run.flush(NONE), (HEARTBEAT, vec![1]));
}

#[test]
fn a_request_after_the_interval_does_not_wait() {
    let mut run = Clocked::written();
    run.now_ms += INTERVAL_MS;
    run.ask(MANIFEST, 1);
    assert_eq!(run.flush(NONE), (MANIFEST, vec![1]));
}

#[test]
fn the_interval_counts_from_the_end_of_the_flush() {
    let mut run = Clocked::new();
    run.ask(BOTH, 1);
    run.start();
    run.now_ms += 700;
    run.finish(NONE);
    run.ask(MANIFEST, 2);
    assert_eq!(run.wait(), INTERVAL_MS);
}

#[test]
fn the_interval_counts_for_the_channel_that_was_clean_too() {
    let mut run = Clocked::new();
    run.ask(HEARTBEAT, 1);
    run.flush(NONE);
    run.ask(MANIFEST, 2);
    assert_eq!(run.wait(), INTERVAL_MS);
}

#[test]
fn requests_that_come_while_one_waits_join_it() {
    let mut run = Clocked::written();
    run.ask(MANIFEST, 1);
    run.now_ms += 3_000;
    run.ask(HEARTBEAT, 2);
    run.ask(MANIFEST, 3);
    assert_eq!(run.wait(), 2_000);
    assert_eq!(run.flush(NONE), (BOTH, vec![1, 2, 3]));
    assert_eq!(run.step(), Step::Idle);
}

#[test]
fn a_request_during_a_flush_waits_for_the_interval_from_its_end() {
    let mut run = Clocked::new();
    run.ask(MANIFEST, 1);
    run.start();
    run.ask(MANIFEST, 2);
    run.now_ms += 6_000;
    assert_eq!(run.step(), Step::Idle);
    assert_eq!(run.finish(NONE), [1]);
    assert_eq!(run.wait(), INTERVAL_MS);
    assert_eq!(run.flush(NONE), (MANIFEST, vec![2]));
}

#[test]
fn a_request_never_clears_a_flag() {
    let mut run = Clocked::written();
    run.ask(BOTH, 1);
    run.ask(NONE, 2);
    run.ask(HEARTBEAT, 3);
    assert_eq!(run.schedule.dirty(), BOTH);
}

#[test]
fn a_flush_takes_both_flags_and_clears_them() {
    let mut run = Clocked::new();
    run.schedule.mark(Live::Manifest);
    run.ask(HEARTBEAT, 1);
    assert_eq!(run.start(), BOTH);
    assert_eq!(run.schedule.dirty(), NONE);
}

#[test]
fn a_change_made_during_a_flush_is_dirty_after_it() {
    let mut run = Clocked::new();
    run.force(MANIFEST, 1);
    run.start();
    run.schedule.mark(Live::Manifest);
    assert_eq!(run.finish(NONE), [1]);
    assert_eq!(run.schedule.dirty(), MANIFEST);
    assert_eq!(run.step(), Step::Idle);
}

#[test]
fn a_call_that_adds_no_flag_shares_the_flush_in_flight() {
    let mut run = Clocked::new();
    run.ask(MANIFEST, 1);
    run.start();
    run.ask(NONE, 2);
    assert_eq!(run.finish(NONE), [1, 2]);
}

#[test]
fn a_call_that_adds_no_flag_shares_the_flush_that_waits() {
    let mut run = Clocked::written();
    run.ask(MANIFEST, 1);
    run.ask(NONE, 2);
    run.wait();
    assert_eq!(run.flush(NONE), (MANIFEST, vec![1, 2]));
}

#[test]
fn a_call_that_adds_no_flag_is_ok_at_once_when_nothing_is_dirty() {
    let mut run = Clocked::written();
    assert_eq!(run.schedule.request(NONE, false, 1), Some(1));
    assert_eq!(run.step(), Step::Idle);
}

#[test]
fn a_call_that_adds_no_flag_asks_for_what_a_change_left_dirty() {
    let mut run = Clocked::written();
    run.schedule.mark(Live::Manifest);
    run.ask(NONE, 1);
    assert_eq!(run.wait(), INTERVAL_MS);
    assert_eq!(run.flush(NONE), (MANIFEST, vec![1]));
}

#[test]
fn the_longest_interval_ends_in_no_overflow() {
    let mut run = Clocked { schedule: Schedule::new(u64::MAX), now_ms: 1_000 };
    run.ask(BOTH, 1);
    run.flush(NONE);
    run.ask(BOTH, 2);
    assert_eq!(run.step(), Step::WaitUntil(u64::MAX));
}
