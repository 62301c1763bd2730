use super::*;

#[test]
fn a_change_alone_starts_no_timer() {
    let mut run = Clocked::new();
    run.schedule.set_dirty(RunChannel::Manifest);
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
fn the_interval_of_a_channel_counts_from_its_own_write() {
    let mut run = Clocked::new();
    run.ask(HEARTBEAT, 1);
    run.flush(NONE);
    run.now_ms += 1_000;
    run.ask(MANIFEST, 2);
    assert_eq!(run.flush(NONE), (MANIFEST, vec![2]));
    run.ask(MANIFEST, 3);
    assert_eq!(run.wait(), INTERVAL_MS);
}

#[test]
fn each_channel_has_an_interval_of_its_own() {
    for (flags, interval_ms) in [(MANIFEST, 1_000), (HEARTBEAT, 30_000)] {
        let mut run = Clocked::written_with([1_000, 30_000]);
        run.ask(flags, 1);
        assert_eq!(run.wait(), interval_ms);
        assert_eq!(run.flush(NONE), (flags, vec![1]));
    }
}

#[test]
fn a_request_that_names_both_ends_when_both_were_taken() {
    let mut run = Clocked::written_with([1_000, 30_000]);
    run.ask(BOTH, 1);
    assert_eq!(run.wait(), 1_000);
    assert_eq!(run.flush(NONE), (MANIFEST, vec![]));
    assert_eq!(run.wait(), 29_000);
    assert_eq!(run.flush(NONE), (HEARTBEAT, vec![1]));
}

#[test]
fn a_channel_that_is_due_within_a_tenth_of_its_interval_goes_along() {
    for (left_ms, taken) in [(500, BOTH), (501, HEARTBEAT)] {
        let mut run = Clocked::written_with([5_000, 5_000 - left_ms]);
        run.ask(BOTH, 1);
        assert_eq!(run.wait(), 5_000 - left_ms);
        assert_eq!(run.start(), taken, "{left_ms} ms are left");
    }
}

#[test]
fn a_channel_that_backs_off_does_not_go_along() {
    let mut run = Clocked::with([0, 0]);
    run.force(MANIFEST, 0);
    run.flush(MANIFEST);
    run.now_ms += 199;
    run.ask(HEARTBEAT, 1);
    assert_eq!(run.flush(NONE), (HEARTBEAT, vec![1]));
    assert_eq!(run.wait(), 1);
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
    run.schedule.set_dirty(RunChannel::Manifest);
    run.ask(HEARTBEAT, 1);
    assert_eq!(run.start(), BOTH);
    assert_eq!(run.schedule.dirty(), NONE);
}

#[test]
fn a_change_made_during_a_flush_is_dirty_after_it() {
    let mut run = Clocked::new();
    run.force(MANIFEST, 1);
    run.start();
    run.schedule.set_dirty(RunChannel::Manifest);
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
    run.schedule.set_dirty(RunChannel::Manifest);
    run.ask(NONE, 1);
    assert_eq!(run.wait(), INTERVAL_MS);
    assert_eq!(run.flush(NONE), (MANIFEST, vec![1]));
}

#[test]
fn the_longest_interval_ends_in_no_overflow() {
    let mut run = Clocked { schedule: Schedule::new([u64::MAX; 2]), now_ms: 1_000 };
    run.ask(BOTH, 1);
    run.flush(NONE);
    run.ask(BOTH, 2);
    assert_eq!(run.step(), Step::WaitUntil(u64::MAX));
}
