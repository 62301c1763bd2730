//! A run on a storage without an event loop: nothing happens between calls.

use super::*;

struct Now {
    disk: Rc<Memory<false>>,
    run: Rc<Run<Memory<false>>>,
}

impl Now {
    fn new() -> Self {
        Now::with(options())
    }

    fn with(options: RunSettings) -> Self {
        let (disk, registry) = (Memory::without_event_loop(), Registry::default());
        let opening = {
            let (disk, registry) = (disk.clone(), registry.clone());
            async move { Run::open(disk, &registry, &unlimited(), options).await }
        };
        let (run, _) = disk.run(opening).expect("open");
        run.set("{}").expect("set");
        disk.take_calls();
        Now { disk, run: Rc::new(run) }
    }

    fn written() -> Self {
        let now = Now::new();
        assert_eq!(wrote(now.call(BOTH, false)), (BOTH, None));
        now.disk.take_calls();
        now
    }

    fn call(&self, flags: RunChannels, force: bool) -> Result<Scheduled, Error> {
        let run = self.run.clone();
        self.disk.run(async move { run.schedule_now(flags, force).await })
    }

    fn close(&self) -> Outcome {
        let run = self.run.clone();
        self.disk.run(async move { run.close().await })
    }

    /// Lets the time pass, in which nothing may happen.
    fn pass_ms(&self, ms: u64) {
        self.disk.advance_ms(ms);
        assert_eq!(self.disk.take_calls(), [""; 0], "without a call");
    }
}

/// The channels that a call wrote, and when to call again.
fn wrote(scheduled: Result<Scheduled, Error>) -> (RunChannels, Option<u64>) {
    let Scheduled { receipt, call_again_in_ms } = scheduled.expect("no error");
    let manifest = receipt.manifest.is_some();
    (RunChannels { manifest, heartbeat: receipt.heartbeat.is_some() }, call_again_in_ms)
}

#[test]
fn a_call_within_the_interval_tells_when_to_call_again_and_writes_nothing() {
    let now = Now::written();
    now.pass_ms(1_200);
    assert_eq!(wrote(now.call(MANIFEST, false)), (NONE, Some(3_800)));
    now.pass_ms(3_799);
    assert_eq!(wrote(now.call(HEARTBEAT, false)), (NONE, Some(1)));
    now.pass_ms(1);
    assert_eq!(wrote(now.call(NONE, false)), (BOTH, None));
}

#[test]
fn what_earlier_calls_asked_for_is_written_and_counted_with_a_later_one() {
    let now = Now::written();
    for _ in 0..3 {
        assert_eq!(wrote(now.call(MANIFEST, false)), (NONE, Some(5_000)));
    }
    now.pass_ms(60_000);
    assert_eq!(wrote(now.call(HEARTBEAT, false)), (BOTH, None));
    let stats = now.run.stats();
    assert_eq!((stats.requests, stats.coalesced, stats.flushes), (5, 3, 2));
}

#[test]
fn a_forced_call_writes_at_once() {
    let now = Now::written();
    assert_eq!(wrote(now.call(HEARTBEAT, false)), (NONE, Some(5_000)));
    assert_eq!(wrote(now.call(MANIFEST, true)), (BOTH, None));
    assert_eq!(wrote(now.call(NONE, true)), (NONE, None));
}

#[test]
fn what_was_only_set_is_written_by_a_call_without_flags() {
    let now = Now::new();
    assert_eq!(wrote(now.call(NONE, false)), (MANIFEST, None));
    assert_eq!(wrote(now.call(NONE, false)), (NONE, None));
}

#[test]
fn nothing_is_retried_without_a_call() {
    let now = Now::written();
    now.disk.fail("write", IO, false);
    assert!(now.call(MANIFEST, true).is_err());
    now.disk.take_calls();
    now.pass_ms(3_600_000);
    assert_eq!(now.run.stats().automatic_retries, 0);
    assert_eq!(wrote(now.call(NONE, false)), (MANIFEST, None));
    assert_eq!(now.run.stats().automatic_retries, 0);
}

#[test]
fn a_channel_in_its_back_off_is_left_out_and_told() {
    let now = Now::with(with_interval(0));
    now.disk.fail(HEARTBEAT_TEMP, IO, false);
    assert!(now.call(HEARTBEAT, false).is_err());
    let (written, again_ms) = wrote(now.call(BOTH, false));
    assert_eq!(written, MANIFEST);
    // 250 ms with 20 % jitter.
    assert!(again_ms.is_some_and(|ms| (200..=300).contains(&ms)), "{again_ms:?}");
    now.disk.take_calls();
    now.pass_ms(again_ms.unwrap_or(0));
    assert_eq!(wrote(now.call(NONE, false)), (HEARTBEAT, None));
}

/// A run whose manifest was written `ms` ago, and whose heartbeat failed then.
fn with_failed_heartbeat(interval_ms: u64, ms: u64) -> Now {
    let now = Now::with(with_interval(interval_ms));
    now.disk.fail(HEARTBEAT_TEMP, IO, false);
    assert!(now.call(BOTH, false).is_err());
    now.disk.take_calls();
    now.pass_ms(ms);
    now
}

#[test]
fn a_write_that_an_earlier_call_asked_for_is_told_to_the_call_that_made_it() {
    let now = with_failed_heartbeat(5_000, 1_000);
    assert_eq!(wrote(now.call(MANIFEST, false)), (HEARTBEAT, Some(4_000)));
    assert_eq!(now.run.stats().automatic_retries, 0);
}

#[test]
fn a_failure_of_what_an_earlier_call_asked_for_is_no_secret() {
    let now = with_failed_heartbeat(5_000, 1_000);
    now.disk.fail(HEARTBEAT_TEMP, IO, false);
    let error = now.call(MANIFEST, false).expect_err("the heartbeat fails again");
    assert!(matches!(error, Error::Storage { beside: None, .. }), "{error}");
    assert_eq!(now.run.stats().automatic_retries, 0);
}

#[test]
fn whoever_is_answered_is_told_when_the_rest_may_be_written() {
    let now = with_failed_heartbeat(0, 100);
    let (written, again_ms) = wrote(now.call(MANIFEST, false));
    assert_eq!(written, MANIFEST);
    assert!(again_ms.is_some_and(|ms| (100..=200).contains(&ms)), "{again_ms:?}");
}

#[test]
fn calls_that_are_not_due_leave_nothing_that_grows() {
    let now = Now::written();
    for _ in 0..10_000 {
        assert_eq!(wrote(now.call(BOTH, false)), (NONE, Some(5_000)));
    }
    assert_eq!(now.run.0.state.borrow().schedule.waiting_len(), 0);
}

#[test]
fn a_close_that_fails_leaves_the_run_open_and_starts_no_timer() {
    let now = Now::written();
    now.run.set("{\"n\":2}").expect("set");
    now.disk.fail("write", IO, false);
    assert!(now.close().is_err());
    now.disk.take_calls();
    now.pass_ms(3_600_000);
    now.run.set("{\"n\":3}").expect("it is open");
    assert!(now.close().is_ok_and(|receipt| receipt.manifest.is_some()));
    assert!(now.call(NONE, true).is_err());
}

#[test]
fn a_mark_is_left_to_the_next_call_forced_or_not() {
    for force in [false, true] {
        let now = Now::written();
        now.run.mark(MANIFEST, force).expect("asked");
        now.pass_ms(5_000);
        assert_eq!(wrote(now.call(NONE, false)), (MANIFEST, None));
    }
}
