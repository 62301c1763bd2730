use super::*;

/// The shortest back-off after one failure.
const SHORTEST_MS: u64 = 200;

#[test]
fn the_back_off_doubles_from_250_ms_to_30_s() {
    for (failures, ms) in [(1, 250), (2, 500), (3, 1_000), (7, 16_000), (8, 30_000), (99, 30_000)] {
        assert_eq!(back_off(failures, ms * MS / 5), ms * MS, "{failures}");
    }
    assert_eq!(back_off(u32::MAX, 6_000 * MS), 30_000 * MS);
}

#[test]
fn the_jitter_is_20_percent_to_both_sides() {
    for (failures, ms) in [(1, 250), (4, 2_000), (20, 30_000)] {
        let span = ms * MS / 5;
        assert_eq!(back_off(failures, 0), ms * MS - span);
        assert_eq!(back_off(failures, 2 * span), ms * MS + span);
        assert_eq!(back_off(failures, 2 * span + 1), ms * MS - span);
    }
}

#[test]
fn a_retry_waits_for_the_back_off_from_the_end_of_the_failed_flush() {
    let mut run = Clocked::new();
    run.force(BOTH, 1);
    for back_off in [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 24_000, 24_000] {
        run.start();
        run.now_ms += 900;
        run.finish(BOTH);
        assert_eq!(run.wait(), back_off);
    }
}

#[test]
fn a_retry_waits_for_the_later_of_the_interval_and_the_back_off() {
    let mut run = Clocked::written();
    run.now_ms += 1_000;
    run.force(MANIFEST, 1);
    run.flush(MANIFEST);
    assert_eq!(run.wait(), INTERVAL_MS - 1_000);
    run.flush(MANIFEST);
    assert_eq!(run.wait(), 2 * SHORTEST_MS);
}

#[test]
fn a_throttled_request_waits_for_the_back_off_too() {
    let mut run = Clocked::new();
    run.force(MANIFEST, 1);
    run.flush(MANIFEST);
    run.ask(MANIFEST, 2);
    assert_eq!(run.wait(), SHORTEST_MS);
    assert_eq!(run.flush(NONE), (MANIFEST, vec![2]));
}

#[test]
fn an_automatic_retry_has_no_caller() {
    let mut run = Clocked::new();
    run.force(MANIFEST, 1);
    assert_eq!(run.flush(MANIFEST), (MANIFEST, vec![1]));
    run.wait();
    assert_eq!(run.start(), MANIFEST);
    let end = run.schedule.finish(run.now_ms * MS, NONE, NONE, || 0, |_| ());
    assert_eq!(end, Finished { answered: vec![], covered: 0, is_asked: false });
    assert_eq!(run.step(), Step::Idle);
}

#[test]
fn a_forced_request_does_not_wait_for_the_back_off() {
    let mut run = Clocked::new();
    run.force(BOTH, 1);
    run.flush(BOTH);
    run.force(NONE, 2);
    assert_eq!(run.flush(NONE), (BOTH, vec![2]));
}

#[test]
fn success_resets_the_back_off() {
    let mut run = Clocked::new();
    for _ in 0..5 {
        run.force(MANIFEST, 1);
        run.flush(MANIFEST);
    }
    assert!(run.schedule.is_failing(RunChannel::Manifest));
    run.force(MANIFEST, 2);
    run.flush(NONE);
    assert!(!run.schedule.is_failing(RunChannel::Manifest));
    run.now_ms += INTERVAL_MS;
    run.ask(MANIFEST, 3);
    run.flush(MANIFEST);
    assert_eq!(run.wait(), SHORTEST_MS);
}

#[test]
fn a_throttled_flush_leaves_out_a_channel_whose_back_off_still_runs() {
    let mut run = Clocked::new();
    run.force(HEARTBEAT, 1);
    run.flush(HEARTBEAT);
    run.ask(MANIFEST, 2);
    assert_eq!(run.flush(NONE), (MANIFEST, vec![2]));
    assert_eq!(run.schedule.dirty(), HEARTBEAT);
}

#[test]
fn a_request_that_named_a_channel_left_out_goes_on_waiting_for_it() {
    let mut run = Clocked::new();
    run.force(HEARTBEAT, 1);
    run.flush(HEARTBEAT);
    run.ask(BOTH, 2);
    run.ask(HEARTBEAT, 3);
    assert_eq!(run.flush(NONE), (MANIFEST, vec![]));
    assert_eq!(run.wait(), SHORTEST_MS);
    let (taken, mut answered) = run.flush(NONE);
    answered.sort_unstable();
    assert_eq!((taken, answered), (HEARTBEAT, vec![2, 3]));
}

#[test]
fn a_heartbeat_that_fails_for_good_neither_stops_nor_speeds_up_manifest_writes() {
    let mut run = Clocked::new();
    let mut manifest_written = Vec::new();
    run.ask(BOTH, 0);
    while run.now_ms < 61_000 {
        if run.step() != Step::Flush {
            run.wait();
        }
        let taken = run.start();
        run.finish(RunChannels { manifest: false, heartbeat: taken.heartbeat });
        if taken.manifest {
            assert!(manifest_written.len() < 13, "too often: {manifest_written:?}");
            manifest_written.push(run.now_ms);
            run.ask(MANIFEST, 1);
        }
    }
    let expected: Vec<u64> = (0..=12).map(|n| 1_000 + n * INTERVAL_MS).collect();
    assert_eq!(manifest_written, expected);
    assert!(run.schedule.state(RunChannel::Heartbeat).failures >= 8);
}

#[test]
fn a_retry_that_succeeds_alone_moves_only_its_own_interval() {
    let mut run = Clocked::new();
    run.force(BOTH, 1);
    run.flush(HEARTBEAT);
    run.ask(MANIFEST, 2);
    assert_eq!(run.wait(), SHORTEST_MS);
    assert_eq!(run.flush(NONE), (HEARTBEAT, vec![]));
    assert_eq!(run.wait(), INTERVAL_MS - SHORTEST_MS);
}

#[test]
fn a_run_that_was_given_up_keeps_no_caller_for_what_is_not_to_come() {
    let mut run = Clocked::new();
    run.force(HEARTBEAT, 1);
    run.flush(HEARTBEAT);
    run.ask(BOTH, 2);
    assert_eq!(run.start(), MANIFEST);
    run.schedule.abandon();
    assert_eq!(run.finish(NONE), Vec::<u32>::new());
    assert!(run.schedule.waiting.is_empty());
}

#[test]
fn a_conflict_is_retried_by_a_request_alone() {
    let mut run = Clocked::new();
    run.force(MANIFEST, 1);
    run.start();
    assert_eq!(run.finish_in_conflict(MANIFEST), [1]);
    assert_eq!((run.schedule.dirty(), run.step()), (MANIFEST, Step::Idle));
    run.now_ms += 60_000;
    run.ask(HEARTBEAT, 2);
    assert_eq!(run.flush(NONE), (HEARTBEAT, vec![2]), "it does not go along");
    run.ask(MANIFEST, 3);
    assert_eq!(run.flush(NONE), (MANIFEST, vec![3]));
    run.schedule.set_dirty(RunChannel::Manifest);
    run.ask(HEARTBEAT, 4);
    run.now_ms += INTERVAL_MS;
    assert_eq!(run.flush(NONE), (BOTH, vec![4]), "the conflict is over");
}

#[test]
fn a_request_that_came_before_a_conflict_was_known_keeps_its_retry() {
    let mut run = Clocked::new();
    run.force(MANIFEST, 1);
    run.start();
    run.ask(MANIFEST, 2);
    assert_eq!(run.finish_in_conflict(MANIFEST), [1]);
    assert_eq!(run.wait(), SHORTEST_MS);
    assert_eq!(run.flush(NONE), (MANIFEST, vec![2]));
}
