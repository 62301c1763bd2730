//! When a flush happens, what it takes, and who gets its outcome.

use futures::future::join_all;
use std::time::Duration;
use tandem_host::disk::ErrorCode;
use tandem_host::testing::DiskOperation::{
    CreateFile, RemoveFile, Rename, SyncData, SyncDir, Write,
};
use tandem_host::testing::{Call, Fault};
use tandem_host::{
    Channel, Durability, ErrorKind, Operation, Reached, Receipt, Request, RunOptions,
};

use crate::either::Run;
use crate::support::{
    ALL, Clock, Files, HEARTBEAT, Lab, MANIFEST, directory, is_waiting, on_every_filesystem,
    options, turn, within,
};

on_every_filesystem!(
    throttled_requests_that_wait_share_one_write_and_one_outcome,
    a_thousand_updates_within_one_throttle_window_write_one_pair,
    the_default_interval_is_five_seconds_of_the_monotonic_clock,
    a_caller_that_goes_away_harms_nobody,
    a_close_whose_caller_goes_away_is_still_done,
    close_writes_what_is_dirty_and_answers_what_waits,
    close_is_idempotent_and_every_other_call_gets_closed,
    the_last_handle_flushes_and_closes,
    a_wall_clock_that_jumps_changes_no_timing,
    the_heartbeat_shows_the_time_at_which_its_flush_starts,
    receipts_tell_what_was_reached_and_how_many_bytes,
    shutdown_closes_every_run_and_tells_how,
);

async fn throttled_requests_that_wait_share_one_write_and_one_outcome(files: Files) {
    let bench = files.bench().await;
    let run = bench.open_written("a").await;
    let before = run.stats().await.unwrap();
    let mut waiting: Vec<_> =
        (0..10).map(|n| run.schedule(if n % 2 == 0 { MANIFEST } else { HEARTBEAT })).collect();
    run.merge(r#"{"n": 1}"#).await.unwrap();
    turn(&run).await;
    assert!(waiting.iter_mut().all(is_waiting));

    let forced = run.flush().await.unwrap();
    for outcome in join_all(waiting).await {
        assert_eq!(outcome.unwrap(), forced);
    }
    let after = run.stats().await.unwrap();
    assert_eq!(after.requests - before.requests, 11);
    assert_eq!(after.flushes - before.flushes, 1);
    assert_eq!(after.coalesced - before.coalesced, 10);
    assert_eq!(after.manifest.writes - before.manifest.writes, 1);
    assert_eq!(after.heartbeat.writes - before.heartbeat.writes, 1);
    assert_eq!(bench.manifest("a"), "{\n  \"n\": 1\n}\n");
}

async fn a_thousand_updates_within_one_throttle_window_write_one_pair(files: Files) {
    let clock = Clock::at_ms(1_000);
    let bench = files.bench_with(|builder| builder.monotonic_clock(clock.clone())).await;
    let run = bench.tandem.open_run(RunOptions::new("task", "a")).await.unwrap();
    run.set("{}").await.unwrap();
    run.schedule(ALL).await.unwrap();
    let before = run.stats().await.unwrap();

    // So near its end that the component does not sleep for long.
    clock.set_ms(5_990);
    let mut waiting = Vec::new();
    for n in 0..1_000 {
        run.merge(format!(r#"{{"n": {n}}}"#)).await.unwrap();
        waiting.push(run.schedule(Request::new().manifest().heartbeat()));
    }
    turn(&run).await;
    assert!(waiting.iter_mut().all(is_waiting));
    clock.set_ms(6_000);
    let outcomes = join_all(waiting).await;
    assert!(outcomes.iter().all(|outcome| outcome == &outcomes[0] && outcome.is_ok()));
    let after = run.stats().await.unwrap();
    assert_eq!(after.flushes - before.flushes, 1);
    assert_eq!(after.manifest.writes - before.manifest.writes, 1);
    assert_eq!(after.heartbeat.writes - before.heartbeat.writes, 1);
    assert_eq!(bench.manifest("a"), "{\n  \"n\": 999\n}\n");
}

async fn the_default_interval_is_five_seconds_of_the_monotonic_clock(files: Files) {
    let clock = Clock::at_ms(1_000);
    let bench = files.bench_with(|builder| builder.monotonic_clock(clock.clone())).await;
    let run = bench.tandem.open_run(RunOptions::new("task", "a")).await.unwrap();
    run.schedule(HEARTBEAT).await.unwrap();

    clock.set_ms(5_999);
    let mut waiting = run.schedule(HEARTBEAT);
    turn(&run).await;
    assert!(is_waiting(&mut waiting));
    clock.set_ms(6_000);
    waiting.await.unwrap();
    // The time is over already: nothing to wait for.
    clock.set_ms(11_000);
    run.schedule(HEARTBEAT).await.unwrap();
}

async fn a_caller_that_goes_away_harms_nobody(files: Files) {
    let bench = files.bench().await;
    let run = bench.open_written("a").await;
    let gone = run.schedule(MANIFEST);
    let stays = run.schedule(MANIFEST);
    drop(gone);
    drop(run.merge(r#"{"a": 1}"#));
    drop(run.schedule(HEARTBEAT.force()));
    let receipt = stays.await.unwrap();
    assert!(receipt.manifest.is_some() && receipt.heartbeat.is_some());
    assert_eq!(bench.manifest("a"), "{\n  \"a\": 1\n}\n");
}

async fn a_close_whose_caller_goes_away_is_still_done(files: Files) {
    let bench = files.bench().await;
    let run = bench.open("a").await;
    run.set(r#"{"a": 1}"#).await.unwrap();
    drop(run.close());
    run.close().await.unwrap();
    assert_eq!(run.flush().await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(bench.manifest("a"), "{\n  \"a\": 1\n}\n");
}

async fn close_writes_what_is_dirty_and_answers_what_waits(files: Files) {
    let bench = files.bench().await;
    let run = bench.open_written("a").await;
    let waiting = run.schedule(HEARTBEAT);
    run.set(r#"{"a": 1}"#).await.unwrap();
    let receipt = run.close().await.unwrap();
    assert!(receipt.manifest.is_some() && receipt.heartbeat.is_some());
    assert_eq!(waiting.await.unwrap(), receipt);
    assert_eq!(bench.manifest("a"), "{\n  \"a\": 1\n}\n");
}

async fn close_is_idempotent_and_every_other_call_gets_closed(files: Files) {
    let bench = files.bench().await;
    let run = bench.open_written("a").await;
    run.set(r#"{"a": 1}"#).await.unwrap();
    let (first, beside) = (run.close(), run.close());
    let receipt = first.await.unwrap();
    assert!(receipt.manifest.is_some());
    assert_eq!(beside.await.unwrap(), receipt);
    assert_eq!(run.close().await.unwrap(), Receipt::default());

    let refused = [
        run.set("{}").await.unwrap_err(),
        run.merge("{}").await.unwrap_err(),
        run.schedule(HEARTBEAT).await.unwrap_err(),
        run.flush().await.unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert_eq!(error.path(), Some(directory("a").as_str()));
        assert_eq!((error.operation(), error.code(), error.retryable()), (None, None, false));
    }
    let stats = run.stats().await.unwrap();
    assert_eq!((stats.flushes, stats.manifest.writes, stats.heartbeat.writes), (2, 2, 1));
    assert_eq!(bench.manifest("a"), "{\n  \"a\": 1\n}\n");
}

async fn the_last_handle_flushes_and_closes(files: Files) {
    let bench = files.bench().await;
    let run = bench.open_written("a").await;
    run.set(r#"{"a": 1}"#).await.unwrap();
    drop(run.clone());
    run.merge(r#"{"b": 2}"#).await.unwrap();
    drop(run);
    let again = bench.open("a").await;
    let document = "{\n  \"a\": 1,\n  \"b\": 2\n}\n";
    assert_eq!(again.recovered().document.as_deref(), Some(document));
}

async fn a_wall_clock_that_jumps_changes_no_timing(files: Files) {
    let (wall, monotonic) = (Clock::at_ms(1_767_659_236_820), Clock::at_ms(1_000));
    let clocks = (wall.clone(), monotonic.clone());
    let bench =
        files.bench_with(|builder| builder.wall_clock(clocks.0).monotonic_clock(clocks.1)).await;
    let run =
        bench.tandem.open_run(options("a").interval(Duration::from_millis(5_000))).await.unwrap();
    run.schedule(HEARTBEAT).await.unwrap();
    assert_eq!(bench.heartbeat("a"), "2026-01-06T00:27:16.820Z\n");

    let (year_2100, year_1970) = (4_102_444_800_000, 1);
    wall.set_ms(year_2100);
    monotonic.set_ms(5_990);
    let mut waiting = run.schedule(HEARTBEAT);
    turn(&run).await;
    assert!(is_waiting(&mut waiting), "a jump forward releases nothing");
    run.flush().await.unwrap();
    waiting.await.unwrap();
    assert_eq!(bench.heartbeat("a"), "2100-01-01T00:00:00.000Z\n");

    wall.set_ms(year_1970);
    monotonic.set_ms(10_990);
    run.schedule(HEARTBEAT).await.expect("a jump back delays nothing");
    assert_eq!(bench.heartbeat("a"), "1970-01-01T00:00:00.001Z\n");
}

async fn the_heartbeat_shows_the_time_at_which_its_flush_starts(files: Files) {
    let wall = Clock::at_ms(1_000);
    let clock = wall.clone();
    let bench = files.bench_with(|builder| builder.wall_clock(clock)).await;
    let run = bench.open_written("a").await;
    let waiting = run.schedule(HEARTBEAT);
    turn(&run).await;
    wall.set_ms(2_000);
    run.flush().await.unwrap();
    waiting.await.unwrap();
    assert_eq!(bench.heartbeat("a"), "1970-01-01T00:00:02.000Z\n");
}

async fn receipts_tell_what_was_reached_and_how_many_bytes(files: Files) {
    use Durability::{Durable, Visible};

    let bench = files.bench().await;
    let cases = [
        ("default", None, Reached::Durable, Reached::Visible),
        ("vv", Some((Visible, Visible)), Reached::Visible, Reached::Visible),
        ("vd", Some((Visible, Durable)), Reached::Visible, Reached::Durable),
        ("dd", Some((Durable, Durable)), Reached::Durable, Reached::Durable),
    ];
    for (name, asked, manifest_reached, heartbeat_reached) in cases {
        let mut options = options(name);
        if let Some((manifest, heartbeat)) = asked {
            options = options.manifest_durability(manifest).heartbeat_durability(heartbeat);
        }
        let run = bench.tandem.open_run(options).await.unwrap();
        run.set(r#"{"a":1}"#).await.unwrap();
        let receipt = run.schedule(ALL).await.unwrap();
        let (manifest, heartbeat) = (receipt.manifest.unwrap(), receipt.heartbeat.unwrap());
        assert_eq!((manifest.reached, manifest.bytes), (manifest_reached, 13), "{name}");
        assert_eq!((heartbeat.reached, heartbeat.bytes), (heartbeat_reached, 25), "{name}");
    }
}

async fn shutdown_closes_every_run_and_tells_how(files: Files) {
    let bench = files.bench().await;
    let runs = [bench.open("a").await, bench.open("b").await];
    for run in &runs {
        run.set(r#"{"a": 1}"#).await.unwrap();
    }
    let closed = bench.tandem.clone().shutdown().await;
    assert_eq!(closed.len(), 2);
    assert!(closed.iter().all(|run| run.outcome.as_ref().unwrap().manifest.is_some()));
    assert_eq!(bench.manifest("a"), bench.manifest("b"));
    assert_eq!(runs[0].flush().await.unwrap_err().kind(), ErrorKind::Closed);
    let late = bench.tandem.open_run(options("c")).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn the_interval_counts_from_the_end_of_the_flush() {
    within(async {
        let clock = Clock::at_ms(1_000);
        let lab = Lab::with(|builder| builder.monotonic_clock(clock.clone())).await;
        let run =
            lab.tandem.open_run(options("a").interval(Duration::from_millis(1_000))).await.unwrap();
        let gate = lab.hold.before(|call| call.is(Rename, ".heartbeat"));
        let flush = run.schedule(HEARTBEAT);
        gate.reached(1).await;
        clock.set_ms(1_900);
        gate.release();
        flush.await.unwrap();

        // From its start the interval would be over.
        clock.set_ms(2_890);
        let mut waiting = run.schedule(HEARTBEAT);
        turn(&run).await;
        assert!(is_waiting(&mut waiting));
        assert_eq!(lab.count(CreateFile, ".heartbeat"), 1);
        clock.set_ms(2_900);
        waiting.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_throttled_request_during_a_flush_waits_for_the_next_one() {
    within(async {
        let lab = Lab::new().await;
        let run = lab.open("a").await;
        let gate = lab.hold.before(|call| call.is(Rename, ".heartbeat"));
        let flush = run.schedule(HEARTBEAT.force());
        gate.reached(1).await;
        let mut throttled = run.schedule(HEARTBEAT);
        gate.release();
        flush.await.unwrap();
        turn(&run).await;
        assert!(is_waiting(&mut throttled));
        assert!(run.flush().await.unwrap().heartbeat.is_some());
        throttled.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_update_during_a_flush_is_kept_for_the_next_one() {
    within(async {
        let lab = Lab::new().await;
        let run = lab.open("a").await;
        run.set(r#"{"n": 1}"#).await.unwrap();
        let gate = lab.hold.before(|call| call.is(Write, "manifest.json"));
        let flush = run.flush();
        gate.reached(1).await;
        run.set(r#"{"n": 2}"#).await.unwrap();
        gate.release();
        flush.await.unwrap();
        assert_eq!(lab.manifest("a"), "{\n  \"n\": 1\n}\n");
        assert!(run.stats().await.unwrap().manifest.dirty);
        run.flush().await.unwrap();
        assert_eq!(lab.manifest("a"), "{\n  \"n\": 2\n}\n");
    })
    .await;
}

#[tokio::test]
async fn forced_requests_during_a_flush_cost_one_more() {
    within(async {
        let lab = Lab::new().await;
        let run = lab.open("a").await;
        run.set("{}").await.unwrap();
        let gate = lab.hold.before(|call| call.is(Rename, "manifest.json"));
        let first = run.schedule(ALL);
        gate.reached(1).await;
        let forced: Vec<_> = (0..5).map(|_| run.schedule(ALL)).collect();
        gate.release();
        first.await.unwrap();
        for outcome in join_all(forced).await {
            let receipt = outcome.unwrap();
            assert!(receipt.manifest.is_some() && receipt.heartbeat.is_some());
        }
        assert_eq!(run.stats().await.unwrap().flushes, 2);
    })
    .await;
}

#[tokio::test]
async fn a_barrier_during_a_flush_that_leaves_nothing_dirty_gets_its_outcome() {
    within(async {
        let lab = Lab::new().await;
        let run = lab.open("a").await;
        run.set("{}").await.unwrap();
        let gate = lab.hold.before(|call| call.is(Rename, "manifest.json"));
        let first = run.schedule(ALL);
        gate.reached(1).await;
        let (barrier, plain) = (run.flush(), run.schedule(Request::new()));
        gate.release();
        let receipt = first.await.unwrap();
        assert_eq!(barrier.await.unwrap(), receipt);
        assert_eq!(plain.await.unwrap(), receipt);
        assert_eq!(run.stats().await.unwrap().flushes, 1);
    })
    .await;
}

#[tokio::test]
async fn only_the_failed_channel_is_retried() {
    within(async {
        let lab = Lab::new().await;
        let run = lab.open_written("a").await;
        lab.fail.add(Fault::new(ErrorCode::Io, |call| call.is(Write, ".heartbeat")));
        run.schedule(ALL).await.unwrap_err();
        let stats = run.stats().await.unwrap();
        assert_eq!((stats.manifest.dirty, stats.heartbeat.dirty), (false, true));
        lab.record.take();
        let receipt = run.flush().await.unwrap();
        assert!(receipt.manifest.is_none() && receipt.heartbeat.is_some());
        assert_eq!(lab.record.count(|call| call.is_for("manifest.json")), 0);
    })
    .await;
}

/// Both channels fail, `late` after `early`.
async fn fail_both(late: &'static str, early: &'static str) {
    within(async {
        let lab = Lab::new().await;
        let run = lab.open_written("a").await;
        lab.fail
            .add(Fault::new(ErrorCode::InsufficientSpace, |call| call.is(Write, "manifest.json")));
        lab.fail.add(Fault::new(ErrorCode::Access, |call| call.is(Rename, ".heartbeat")));
        // The temporary file goes once the early channel has failed.
        lab.hold
            .until(move |call| call.is(CreateFile, late), move |call| call.is(RemoveFile, early));
        let error = run.schedule(ALL).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert_eq!(error.channel(), Some(Channel::Manifest));
        assert_eq!(error.operation(), Some(Operation::Write));
        assert_eq!(error.code(), Some("insufficient-space"));
        let beside = error.beside().unwrap();
        assert_eq!(beside.channel, Some(Channel::Heartbeat));
        assert_eq!(beside.operation, Operation::Rename);
        assert_eq!(beside.path, directory("a") + "/.heartbeat");
        assert_eq!((beside.code.as_str(), beside.retryable), ("access", false));
        assert!(beside.message.contains("access"), "{}", beside.message);
    })
    .await;
}

#[tokio::test]
async fn the_manifests_failure_comes_first_when_it_is_first_in_time() {
    fail_both(".heartbeat", "manifest.json").await;
}

#[tokio::test]
async fn the_manifests_failure_comes_first_when_it_is_last_in_time() {
    fail_both("manifest.json", ".heartbeat").await;
}

#[tokio::test]
async fn every_covered_caller_gets_the_same_error() {
    within(async {
        let lab = Lab::new().await;
        let run = lab.open_written("a").await;
        lab.fail.add(Fault::new(ErrorCode::Quota, |call| call.is(Write, "manifest.json")));
        let waiting = [run.schedule(MANIFEST), run.schedule(HEARTBEAT), run.schedule(MANIFEST)];
        let error = run.flush().await.unwrap_err();
        assert_eq!(error.code(), Some("quota"));
        for outcome in join_all(waiting).await {
            assert_eq!(outcome.unwrap_err(), error);
        }
    })
    .await;
}

#[tokio::test]
async fn a_barrier_fails_as_long_as_something_is_unwritten() {
    within(async {
        let lab = Lab::new().await;
        let run = lab.open_written("a").await;
        let is_rename = |call: &Call| call.is(Rename, "manifest.json");
        lab.fail.add(Fault::new(ErrorCode::Io, is_rename).sticky());
        let error = run.schedule(ALL).await.unwrap_err();
        for _ in 0..3 {
            assert_eq!(run.flush().await.unwrap_err(), error);
        }
        assert_eq!(lab.fail.injected(), 4, "one attempt for each flush");
        lab.fail.clear();
        assert!(run.flush().await.unwrap().manifest.is_some());
        assert_eq!(run.flush().await.unwrap(), Receipt::default());
    })
    .await;
}

#[tokio::test]
async fn a_failed_flush_does_not_block_the_next() {
    within(async {
        let lab = Lab::new().await;
        let run = lab.open_written("a").await;
        lab.fail.add(Fault::new(ErrorCode::Io, |call| call.is(Write, "manifest.json")));
        let gate = lab.hold.before(|call| call.is(Write, "manifest.json"));
        let failing = run.schedule(ALL);
        gate.reached(1).await;
        let next = run.schedule(ALL);
        gate.release();
        failing.await.unwrap_err();
        assert!(next.await.unwrap().manifest.is_some());
    })
    .await;
}

#[tokio::test]
async fn what_failed_is_retried_without_a_caller() {
    within(async {
        let lab = Lab::new().await;
        let run =
            lab.tandem.open_run(options("a").interval(Duration::from_millis(0))).await.unwrap();
        run.set("{}").await.unwrap();
        lab.fail.add(Fault::new(ErrorCode::Io, |call| call.is(Write, "manifest.json")));
        let gate = lab.hold.before(|call| call.is(Rename, "manifest.json"));
        run.schedule(ALL).await.unwrap_err();
        // Only a retry gets as far as this.
        gate.reached(1).await;
        gate.release();
        run.flush().await.unwrap();
        let stats = run.stats().await.unwrap();
        assert_eq!((stats.flushes, stats.automatic_retries), (2, 1));
        assert_eq!((stats.manifest.retries, stats.manifest.writes), (1, 1));
        assert_eq!(stats.heartbeat.writes, 1);
        assert_eq!(stats.last_error, None);
        assert_eq!(lab.manifest("a"), "{}\n");
    })
    .await;
}

#[tokio::test]
async fn a_heartbeat_that_fails_for_good_neither_stops_nor_joins_throttled_manifests() {
    within(async {
        // Its back-off never ends.
        let clock = Clock::at_ms(1_000);
        let lab = Lab::with(|builder| builder.monotonic_clock(clock)).await;
        let run =
            lab.tandem.open_run(options("a").interval(Duration::from_millis(0))).await.unwrap();
        run.set("{}").await.unwrap();
        lab.fail.add(Fault::new(ErrorCode::Io, |call| call.is(Write, ".heartbeat")).sticky());
        run.schedule(ALL).await.unwrap_err();
        for _ in 0..3 {
            assert!(run.schedule(MANIFEST).await.unwrap().manifest.is_some());
        }
        assert_eq!(lab.fail.injected(), 1);
        let error = run.schedule(MANIFEST.force()).await.unwrap_err();
        assert_eq!(error.channel(), Some(Channel::Heartbeat), "a forced call tries everything");
    })
    .await;
}

#[tokio::test]
async fn a_close_that_fails_leaves_the_run_open_and_dirty() {
    within(async {
        let lab = Lab::new().await;
        let run = lab.open_written("a").await;
        run.set(r#"{"n": 1}"#).await.unwrap();
        lab.fail.add(
            Fault::new(ErrorCode::InsufficientSpace, |call| call.is(Write, "manifest.json"))
                .sticky(),
        );
        let error = run.close().await.unwrap_err();
        assert_eq!(error.code(), Some("insufficient-space"));
        assert_eq!(run.close().await.unwrap_err(), error);
        assert!(run.stats().await.unwrap().manifest.dirty);
        run.merge(r#"{"m": 2}"#).await.unwrap();
        let again = lab.tandem.open_run(options("a")).await;
        assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyOpen);
        lab.fail.clear();
        assert!(run.close().await.unwrap().manifest.is_some());
        assert_eq!(lab.manifest("a"), "{\n  \"n\": 1,\n  \"m\": 2\n}\n");
    })
    .await;
}

#[tokio::test]
async fn calls_during_a_close_get_closed() {
    within(async {
        let lab = Lab::new().await;
        let run = lab.open("a").await;
        run.set("{}").await.unwrap();
        let gate = lab.hold.before(|call| call.is(Rename, "manifest.json"));
        let close = run.close();
        gate.reached(1).await;
        let refused = [run.set("{}").await.unwrap_err(), run.merge("{}").await.unwrap_err()];
        assert!(refused.iter().all(|error| error.kind() == ErrorKind::Closed));
        assert_eq!(run.schedule(ALL).await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(run.flush().await.unwrap_err().kind(), ErrorKind::Closed);
        gate.release();
        close.await.unwrap();
    })
    .await;
}

/// The directories that were synced, sorted.
fn take_synced(lab: &Lab) -> Vec<String> {
    let calls = lab.record.started().into_iter().filter(|call| call.operation == SyncDir);
    let mut synced: Vec<_> = calls.map(|call| call.path).collect();
    synced.sort();
    lab.record.take();
    synced
}

async fn flush_all(run: &Run) {
    run.set("{}").await.unwrap();
    run.schedule(ALL).await.unwrap();
}

#[tokio::test]
async fn a_durable_flush_syncs_each_file_and_their_directory_once() {
    within(async {
        let lab = Lab::new().await;
        let options = options("a").heartbeat_durability(Durability::Durable);
        let run = lab.tandem.open_run(options).await.unwrap();
        flush_all(&run).await;
        lab.record.take();
        flush_all(&run).await;
        assert_eq!(lab.count(SyncData, "manifest.json"), 1);
        assert_eq!(lab.count(SyncData, ".heartbeat"), 1);
        assert_eq!(take_synced(&lab), [directory("a")]);
    })
    .await;
}

#[tokio::test]
async fn the_directories_above_are_synced_by_the_first_durable_flush_alone() {
    within(async {
        let lab = Lab::new().await;
        let run = lab.open("a").await;
        let above = [".", ".runs", ".runs/task", ".runs/task/cli", ".runs/task/cli/a"];
        flush_all(&run).await;
        assert_eq!(take_synced(&lab), above);
        flush_all(&run).await;
        assert_eq!(take_synced(&lab), [directory("a")]);
        run.close().await.unwrap();

        // An earlier writer may have made them and crashed.
        let run = lab.open("a").await;
        flush_all(&run).await;
        assert_eq!(take_synced(&lab), above);
        // Somebody removes them, so the next flush makes new ones.
        std::fs::remove_dir_all(lab.dir.path().join(".runs")).unwrap();
        flush_all(&run).await;
        assert_eq!(take_synced(&lab), above);
    })
    .await;
}

#[tokio::test]
async fn a_visible_flush_syncs_nothing() {
    within(async {
        let lab = Lab::new().await;
        let options = options("a").manifest_durability(Durability::Visible);
        let run = lab.tandem.open_run(options).await.unwrap();
        flush_all(&run).await;
        assert_eq!(lab.record.count(|call| call.operation == SyncData), 0);
        assert_eq!(take_synced(&lab), [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn where_directories_cannot_be_synced_the_receipt_says_data_synced() {
    within(async {
        let lab = Lab::new().await;
        for (name, code) in [("a", ErrorCode::Unsupported), ("b", ErrorCode::Invalid)] {
            let run = lab.open(name).await;
            run.set("{}").await.unwrap();
            lab.fail.add(Fault::new(code, |call| call.operation == SyncDir).sticky());
            let receipt = run.schedule(ALL).await.unwrap();
            assert_eq!(receipt.manifest.unwrap().reached, Reached::DataSynced);
            assert_eq!(receipt.heartbeat.unwrap().reached, Reached::Visible);
            lab.fail.clear();
        }
    })
    .await;
}
