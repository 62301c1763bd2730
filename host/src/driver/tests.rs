//! The driver with the real component. What the component itself does is tested end to end.

mod task_calls;

use crate::testing::DiskExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::disk::{ErrorCode, OsDisk};
use crate::testing::DiskOperation::{Read, Rename, SyncData, Write};
use crate::testing::{Fail, Fault, Hold, Pause, Record};
use crate::{Durability, Error, ErrorKind, Request, Run, RunOptions, Tandem, Unsaved};
use futures::future::join_all;

struct Bench {
    tandem: Tandem,
    record: Record,
    hold: Hold,
    fail: Fail,
    dir: tempfile::TempDir,
}

async fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let (record, hold, fail) = (Record::new(), Hold::new(), Fail::new());
    let disk = OsDisk::open(dir.path()).unwrap();
    let disk = disk.layered(record.clone()).layered(hold.clone()).layered(fail.clone());
    let tandem = Tandem::builder().disk(disk).build().await.unwrap();
    Bench { tandem, record, hold, fail, dir }
}

impl Bench {
    async fn open(&self, run: &str) -> Run {
        self.tandem.open_run(options(run)).await.unwrap()
    }

    fn manifest(&self, run: &str) -> String {
        let path = self.dir.path().join(format!(".runs/task/cli/{run}/manifest.json"));
        std::fs::read_to_string(path).unwrap()
    }
}

fn options(run: &str) -> RunOptions {
    RunOptions::new("task", run)
}

#[tokio::test]
async fn calls_reach_the_component_in_the_order_of_the_method_calls() {
    let bench = bench().await;
    let run = bench.open("a").await;
    let mut sets = Vec::new();
    let mut flushes = Vec::new();
    for n in 0..200 {
        sets.push(run.set(format!(r#"{{"n":{n}}}"#)));
        flushes.push(run.schedule(Request::new().manifest()));
        sets.push(run.merge(format!(r#"{{"m":{n}}}"#)));
    }
    let last = run.flush();
    // Awaited backwards: only the order of the calls counts.
    last.await.unwrap();
    assert_eq!(bench.manifest("a"), "{\n  \"n\": 199,\n  \"m\": 199\n}\n");
    for outcome in join_all(flushes.into_iter().rev()).await {
        outcome.unwrap();
    }
    for outcome in join_all(sets.into_iter().rev()).await {
        outcome.unwrap();
    }
}

/// A component that gives up a timer stands still for a moment. What is called then waits in wasmtime,
/// and goes on by numbers that are used again.
#[tokio::test]
async fn changes_keep_their_order_while_timers_of_the_component_are_given_up() {
    let bench = bench().await;
    let run = bench.open("a").await;
    let names: Vec<_> = (0..8).map(|n| format!("run-{n}")).collect();
    let busy = join_all(names.iter().map(|name| bench.open(name))).await;
    let beat = Request::new().heartbeat();
    let mut changed = 0;
    for _ in 0..200 {
        // It waits for the throttle, and the flush ends that.
        let waiting: Vec<_> = busy.iter().map(|run| run.schedule(beat)).collect();
        busy[0].stats().await.unwrap();
        let flushed: Vec<_> = busy.iter().map(|run| run.schedule(beat.force())).collect();
        // So that all come at once, whenever that is.
        let paused = Pause::new(&bench.tandem);
        let change = |n| run.merge(format!(r#"{{"n":{n}}}"#));
        let changes: Vec<_> = (0..16).map(change).collect();
        drop(paused);
        for revised in join_all(changes).await {
            changed += 1;
            assert_eq!(revised.unwrap().revision, changed);
        }
        for outcome in join_all(waiting.into_iter().chain(flushed)).await {
            outcome.unwrap();
        }
    }
}

#[tokio::test]
async fn a_guest_write_is_one_write_of_the_disk_and_both_channels_overlap() {
    let bench = bench().await;
    let run = bench.open("a").await;
    let document = format!(r#"{{"text":"{}"}}"#, "x".repeat(300_000));
    run.set(document).await.unwrap();
    bench.record.take();
    bench.hold.until(|call| call.is(Write, "manifest.json"), |call| call.is(Write, ".heartbeat"));
    run.schedule(Request::new().manifest().heartbeat().force()).await.unwrap();
    assert_eq!(bench.record.count(|call| call.is(Write, "manifest.json")), 1);
    assert_eq!(bench.record.count(|call| call.operation == Write), 2);
    assert_eq!(bench.record.count(|call| call.operation == SyncData), 1);
}

#[tokio::test]
async fn a_dropped_wait_ends_nothing_but_the_wait() {
    let bench = bench().await;
    let run = bench.open("a").await;
    let gate = bench.hold.before(|call| call.is(Rename, "manifest.json"));
    drop(run.set(r#"{"a":1}"#));
    drop(run.flush());
    gate.reached(1).await;
    gate.release();
    run.flush().await.unwrap();
    assert_eq!(bench.manifest("a"), "{\n  \"a\": 1\n}\n");
}

#[tokio::test]
async fn the_last_handle_closes_and_the_same_run_can_be_opened_at_once() {
    let bench = bench().await;
    let run = bench.open("a").await;
    let other = run.clone();
    drop(run.set(r#"{"a":1}"#));
    drop(run);
    let again = bench.tandem.open_run(options("a")).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyOpen);
    drop(other);
    let again = bench.open("a").await;
    assert_eq!(again.recovered().document.as_deref(), Some("{\n  \"a\": 1\n}\n"));
}

#[tokio::test]
async fn a_forced_flush_is_not_kept_out_by_throttled_calls() {
    let bench = bench().await;
    let run = bench.open("a").await;
    run.set("{}").await.unwrap();
    run.flush().await.unwrap();
    let waiting: Vec<_> =
        (0..20_000).map(|_| run.schedule(Request::new().manifest().heartbeat())).collect();
    run.flush().await.unwrap();
    drop(waiting);
    run.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_thousand_calls_at_once_are_all_answered() {
    let bench = bench().await;
    let run = bench.open("a").await;
    run.set("{}").await.unwrap();
    let calls: Vec<_> =
        (0..50_000).map(|_| run.schedule(Request::new().heartbeat().force())).collect();
    for outcome in join_all(calls).await {
        outcome.unwrap();
    }
    assert!(run.stats().await.unwrap().requests >= 50_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_runs_flush_at_once() {
    let bench = bench().await;
    let opened = join_all((0..500).map(|n| {
        let options = options(&format!("r{n}")).manifest_durability(Durability::Visible);
        bench.tandem.open_run(options)
    }));
    let runs: Vec<Run> = opened.await.into_iter().map(Result::unwrap).collect();
    for run in &runs {
        drop(run.set(r#"{"a":1}"#));
    }
    let request = Request::new().manifest().heartbeat().force();
    for outcome in join_all(runs.iter().map(|run| run.schedule(request))).await {
        outcome.unwrap();
    }
    let closed = bench.tandem.clone().shutdown().await;
    assert_eq!(closed.len(), runs.len());
    assert!(closed.iter().all(|run| run.outcome.is_ok()));
}

#[tokio::test]
async fn shutdown_tells_what_it_closed_and_what_it_could_not() {
    let bench = bench().await;
    let good = bench.open("good").await;
    let bad = bench.open("bad").await;
    good.set("{}").await.unwrap();
    bad.set("{}").await.unwrap();
    bench.fail.add(
        Fault::new(ErrorCode::InsufficientSpace, |call| {
            call.operation == Write && call.path.contains("/bad/")
        })
        .sticky(),
    );
    let mut closed = bench.tandem.clone().shutdown().await;
    closed.sort_by(|a, b| a.run_id.cmp(&b.run_id));
    let [bad_closed, good_closed] = &closed[..] else { panic!("{closed:?}") };
    assert!(good_closed.outcome.is_ok());
    let error = bad_closed.outcome.clone().unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Storage, Some("insufficient-space")));
    assert_eq!(good.flush().await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(bench.open_error("x").await, ErrorKind::Closed);
    assert!(bench.tandem.clone().shutdown().await.is_empty());
}

impl Bench {
    async fn open_error(&self, run: &str) -> ErrorKind {
        self.tandem.open_run(options(run)).await.unwrap_err().kind()
    }
}

#[tokio::test]
async fn documents_above_the_total_are_refused_and_the_component_lives() {
    let dir = tempfile::tempdir().unwrap();
    let tandem = Tandem::builder()
        .dir(dir.path())
        .max_document_bytes(1_000)
        .max_total_document_bytes(2_500)
        .build()
        .await
        .unwrap();
    let document = format!(r#"{{"text":"{}"}}"#, "x".repeat(950));
    let mut runs = Vec::new();
    let mut kinds = Vec::new();
    for n in 0..4 {
        let run = tandem.open_run(options(&format!("r{n}"))).await.unwrap();
        kinds.push(run.set(document.clone()).await.err().map(|error| error.kind()));
        runs.push(run);
    }
    assert_eq!(kinds, [None, None, Some(ErrorKind::TooLarge), Some(ErrorKind::TooLarge)]);
    // Others are not harmed, a document can be replaced by one of the same size, and one that goes makes room.
    runs[0].set(document.clone()).await.unwrap();
    runs[0].close().await.unwrap();
    drop(runs.remove(0));
    tandem.open_run(options("r9")).await.unwrap().set(document.clone()).await.unwrap();
    let too_large = runs[0].set("x".repeat(1_001)).await.unwrap_err();
    assert_eq!(too_large.message(), "document takes 1001 bytes, above max_document_bytes: 1000");
}

/// A wall clock that shows what WASI cannot tell, on demand, which ends the component.
#[derive(Clone, Default)]
struct BadClock(Arc<AtomicBool>);

impl crate::WallClock for BadClock {
    fn since_epoch(&self) -> Duration {
        if self.0.swap(false, Ordering::Relaxed) { Duration::MAX } else { Duration::ZERO }
    }
}

#[tokio::test]
async fn a_failed_component_is_replaced_once_its_disk_is_still() {
    let dir = tempfile::tempdir().unwrap();
    let (hold, clock) = (Hold::new(), BadClock::default());
    let disk = OsDisk::open(dir.path()).unwrap().layered(hold.clone());
    let tandem = Tandem::builder().disk(disk).wall_clock(clock.clone()).build().await.unwrap();
    let run = tandem.open_run(options("a")).await.unwrap();
    let other = tandem.open_run(options("b")).await.unwrap();
    other.set("{}").await.unwrap();
    run.set(r#"{"kept":true}"#).await.unwrap();
    run.flush().await.unwrap();

    let gate = hold.before(|call| call.is(Rename, "manifest.json"));
    run.set(r#"{"late":true}"#).await.unwrap();
    let waiting = run.flush();
    gate.reached(1).await;
    clock.0.store(true, Ordering::Relaxed);
    let failed = other.schedule(Request::new().heartbeat().force()).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::ComponentFailed, "{failed:?}");
    assert!(std::error::Error::source(&failed).is_some());
    assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::ComponentFailed);

    // The next calls wait until the held rename has happened: what they read is the late one.
    let merged = run.merge(r#"{"more":1}"#);
    let flushed = run.flush();
    let given_up = other.schedule(Request::new().manifest().force());
    nothing_happens(&hold).await;
    gate.release();
    merged.await.unwrap();
    flushed.await.unwrap();
    let path = dir.path().join(".runs/task/cli/a/manifest.json");
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text, "{\n  \"late\": true,\n  \"more\": 1\n}\n");
    // What was set and not flushed is lost.
    assert_eq!(given_up.await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// The next component must not ask for anything yet, and is given far more time than it takes to start
/// one.
async fn nothing_happens(hold: &Hold) {
    let early = hold.before(|_| true);
    tokio::select! {
        () = early.reached(1) => panic!("it does not wait for what the old component began"),
        () = tokio::time::sleep(Duration::from_millis(300)) => early.release(),
    }
}

/// Has a bug, once.
#[derive(Clone, Default)]
struct PanickingClock(Arc<AtomicBool>);

impl crate::WallClock for PanickingClock {
    fn since_epoch(&self) -> Duration {
        assert!(!self.0.swap(false, Ordering::Relaxed), "a bug of this clock");
        Duration::ZERO
    }
}

#[tokio::test]
async fn a_clock_that_panics_costs_the_component_and_the_next_one_works() {
    let dir = tempfile::tempdir().unwrap();
    let clock = PanickingClock::default();
    let builder = Tandem::builder().dir(dir.path()).wall_clock(clock.clone());
    let tandem = builder.build().await.unwrap();
    let run = tandem.open_run(options("a")).await.unwrap();
    clock.0.store(true, Ordering::Relaxed);
    let beat = Request::new().heartbeat().force();
    assert_eq!(run.schedule(beat).await.unwrap_err().kind(), ErrorKind::ComponentFailed);
    run.schedule(beat).await.unwrap();
}

#[tokio::test]
async fn a_run_whose_changes_went_with_the_component_is_told_once_by_its_next_call() {
    let dir = tempfile::tempdir().unwrap();
    let clock = BadClock::default();
    let builder = Tandem::builder().dir(dir.path()).wall_clock(clock.clone());
    let tandem = builder.build().await.unwrap();
    let [failing, changed, clean, unasked] = ["f", "changed", "clean", "unasked"].map(options);
    let failing = tandem.open_run(failing).await.unwrap();
    let changed = tandem.open_run(changed).await.unwrap();
    let clean = tandem.open_run(clean).await.unwrap();
    let unasked = tandem.open_run(unasked).await.unwrap();
    changed.set("{}").await.unwrap();
    unasked.set("{}").await.unwrap();
    clean.set("{}").await.unwrap();
    clean.flush().await.unwrap();
    clock.0.store(true, Ordering::Relaxed);
    let beat = Request::new().heartbeat().force();
    assert_eq!(failing.schedule(beat).await.unwrap_err().kind(), ErrorKind::ComponentFailed);

    clean.flush().await.unwrap();
    assert_eq!(changed.flush().await.unwrap_err().kind(), ErrorKind::ComponentFailed);
    changed.flush().await.unwrap();
    let lost: Vec<_> =
        tandem.shutdown().await.into_iter().filter(|run| run.outcome.is_err()).collect();
    assert_eq!(lost.iter().map(|run| &*run.run_id).collect::<Vec<_>>(), ["unasked"]);
}

/// A component that ends on demand.
struct Mortal {
    tandem: Tandem,
    hold: Hold,
    clock: BadClock,
    /// The run whose call ends it.
    victim: Run,
    dir: tempfile::TempDir,
}

async fn mortal() -> Mortal {
    let dir = tempfile::tempdir().unwrap();
    let (hold, clock) = (Hold::new(), BadClock::default());
    let disk = OsDisk::open(dir.path()).unwrap().layered(hold.clone());
    let tandem = Tandem::builder().disk(disk).wall_clock(clock.clone()).build().await.unwrap();
    let victim = tandem.open_run(options("victim")).await.unwrap();
    Mortal { tandem, hold, clock, victim, dir }
}

impl Mortal {
    async fn open(&self, run: &str) -> Run {
        self.tandem.open_run(options(run)).await.unwrap()
    }

    async fn end(&self) -> Error {
        self.clock.0.store(true, Ordering::Relaxed);
        let error = self.victim.schedule(Request::new().heartbeat().force()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ComponentFailed);
        error
    }
}

fn kind<T>(outcome: Result<T, Error>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_does_not_count_as_told() {
    let mortal = mortal().await;
    let run = mortal.open("a").await;
    run.set(r#"{"n":1}"#).await.unwrap();
    run.flush().await.unwrap();
    run.set(r#"{"n":2}"#).await.unwrap();
    // It waits for the throttle.
    drop(run.schedule(Request::new().manifest()));
    run.stats().await.unwrap();
    mortal.end().await;
    // Neither does a reader of counters.
    run.stats().await.unwrap();
    drop(run.schedule(Request::new().heartbeat()));
    assert_eq!(kind(run.flush().await), Some(ErrorKind::ComponentFailed));
    run.flush().await.unwrap();
}

#[tokio::test]
async fn a_set_that_nobody_waits_for_is_not_lost_in_silence() {
    let mortal = mortal().await;
    let run = mortal.open("a").await;
    run.set("{}").await.unwrap();
    run.flush().await.unwrap();
    mortal.end().await;
    // The set waits for the run to be opened anew when the next component ends.
    let gate = mortal.hold.before(|call| call.operation == Read && call.path.contains("/a/"));
    drop(run.set(r#"{"n":1}"#));
    gate.reached(1).await;
    mortal.end().await;
    gate.release();
    assert_eq!(kind(run.flush().await), Some(ErrorKind::ComponentFailed));
    run.flush().await.unwrap();
}

#[tokio::test]
async fn shutdown_tells_of_changes_that_only_a_reader_of_counters_was_there_for() {
    let mortal = mortal().await;
    let run = mortal.open("a").await;
    run.set("{}").await.unwrap();
    mortal.end().await;
    run.stats().await.unwrap();
    let closed = mortal.tandem.clone().shutdown().await;
    let [closed] = &closed[..] else { panic!("{closed:?}") };
    assert_eq!(closed.run_id, "a");
    assert_eq!(kind(closed.outcome.clone()), Some(ErrorKind::ComponentFailed));
}

#[tokio::test]
async fn what_is_unsaved_is_told_by_revisions_and_after_a_trap_too() {
    let mortal = mortal().await;
    let run = mortal.open("a").await;
    let unsaved = async || {
        let Unsaved { is_dirty, is_lost } = run.unsaved().await.unwrap();
        (is_dirty, is_lost)
    };
    assert_eq!(unsaved().await, (false, false), "nothing was set");
    assert_eq!(run.set("{}").await.unwrap().revision, 1);
    assert_eq!(unsaved().await, (true, false));
    assert_eq!(run.flush().await.unwrap().revision, Some(1));
    assert_eq!(unsaved().await, (false, false));
    // Nobody waits for this flush: what it wrote is asked for.
    run.merge(r#"{"n":1}"#).await.unwrap();
    run.mark(Request::new().force()).await.unwrap();
    run.schedule(Request::new().heartbeat().force()).await.unwrap();
    assert_eq!(unsaved().await, (false, false));

    run.merge(r#"{"n":2}"#).await.unwrap();
    mortal.end().await;
    let closed = run.unsaved().await.unwrap();
    assert!(closed.is_lost && !closed.is_dirty, "{closed:?}");
    assert_eq!(kind(run.flush().await), Some(ErrorKind::ComponentFailed), "told once");
    assert_eq!(run.merge(r#"{"n":3}"#).await.unwrap().revision, 1, "it counts anew");
    run.flush().await.unwrap();
    assert_eq!(unsaved().await, (false, true), "a patch of an old document mends nothing");
    run.set(r#"{"n":2}"#).await.unwrap();
    run.close().await.unwrap();
    assert_eq!(unsaved().await, (false, false));
}

/// Waits until the manifest of run `a` has this in it. Nobody else waits for that flush.
async fn until_written(dir: &tempfile::TempDir, text: &str) {
    let path = dir.path().join(".runs/task/cli/a/manifest.json");
    while !std::fs::read_to_string(&path).unwrap_or_default().contains(text) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_a_mark_led_to_is_known_from_the_next_call_that_waits() {
    let mortal = mortal().await;
    let run = mortal.open("a").await;
    run.set(r#"{"n":1}"#).await.unwrap();
    run.mark(Request::new().force()).await.unwrap();
    until_written(&mortal.dir, "1").await;
    // There is nothing left for it to write, so its receipt names no revision.
    run.flush().await.unwrap();
    mortal.end().await;
    assert_eq!(run.unsaved().await.unwrap(), Unsaved::default());
    run.set(r#"{"n":2}"#).await.unwrap();
    run.mark(Request::new().force()).await.unwrap();
    until_written(&mortal.dir, "2").await;
    let closed = mortal.tandem.clone().shutdown().await;
    let closed = closed.iter().find(|run| run.run_id == "a").unwrap();
    assert_eq!((&closed.outcome.is_ok(), closed.unsaved), (&true, Unsaved::default()));
}

#[tokio::test]
async fn a_heartbeat_that_fails_does_not_hide_that_the_manifest_is_written() {
    let mortal = mortal().await;
    let run = mortal.open("a").await;
    std::fs::create_dir(mortal.dir.path().join(".runs/task/cli/a/.heartbeat")).unwrap();
    run.set("{}").await.unwrap();
    let request = Request::new().manifest().heartbeat().force();
    assert_eq!(kind(run.schedule(request).await), Some(ErrorKind::Storage));
    mortal.end().await;
    assert_eq!(run.unsaved().await.unwrap(), Unsaved::default());
}

#[tokio::test]
async fn a_change_that_an_open_refused_is_not_lost() {
    let mortal = mortal().await;
    let run = mortal.open("a").await;
    run.set("{}").await.unwrap();
    run.flush().await.unwrap();
    mortal.end().await;
    let path = mortal.dir.path().join(".runs/task/cli/a");
    std::fs::remove_dir_all(&path).unwrap();
    std::fs::write(&path, "").unwrap();
    assert_eq!(kind(run.set("{}").await), Some(ErrorKind::Storage));
    assert_eq!(run.unsaved().await.unwrap(), Unsaved::default());
}

#[tokio::test]
async fn shutdown_tells_of_what_was_lost_though_a_caller_was_told() {
    let mortal = mortal().await;
    let [told, reopened, clean] =
        [mortal.open("a").await, mortal.open("b").await, mortal.open("c").await];
    for run in [&told, &reopened, &clean] {
        run.set("{}").await.unwrap();
    }
    clean.flush().await.unwrap();
    mortal.end().await;
    for run in [&told, &reopened] {
        assert_eq!(kind(run.flush().await), Some(ErrorKind::ComponentFailed));
    }
    reopened.flush().await.unwrap();
    let mut lost = mortal.tandem.clone().shutdown().await;
    lost.retain(|run| run.unsaved.is_lost);
    lost.sort_by(|a, b| a.run_id.cmp(&b.run_id));
    assert_eq!(lost.iter().map(|run| &*run.run_id).collect::<Vec<_>>(), ["a", "b"]);
    assert!(lost.iter().all(|run| run.outcome.is_ok()), "{lost:?}");
}

#[tokio::test]
async fn a_schedule_that_joined_an_earlier_flush_does_not_tell_that_a_change_is_saved() {
    let mortal = mortal().await;
    let run = mortal.open("a").await;
    run.set(r#"{"n":1}"#).await.unwrap();
    let gate = mortal.hold.before(|call| call.is(Rename, "manifest.json"));
    let flushed = run.flush();
    gate.reached(1).await;
    run.set(r#"{"n":2}"#).await.unwrap();
    let joined = run.schedule(Request::new());
    run.stats().await.unwrap();
    gate.release();
    flushed.await.unwrap();
    assert!(joined.await.unwrap().manifest.is_some());
    mortal.end().await;
    assert_eq!(kind(run.flush().await), Some(ErrorKind::ComponentFailed));
}

#[tokio::test]
async fn an_opening_that_is_given_up_while_the_run_is_closing_leaves_nothing_open() {
    let bench = bench().await;
    let run = bench.open("a").await;
    run.set("{}").await.unwrap();
    let gate = bench.hold.before(|call| call.is(Rename, "manifest.json"));
    drop(run);
    gate.reached(1).await;
    drop(bench.tandem.open_run(options("a")));
    gate.release();
    drop(bench.open("a").await);
}

#[tokio::test]
async fn the_first_of_two_shutdowns_gets_the_outcomes_and_both_wait_for_the_end() {
    let bench = bench().await;
    let run = bench.open("a").await;
    run.set("{}").await.unwrap();
    let gate = bench.hold.before(|call| call.is(Rename, "manifest.json"));
    let first = tokio::spawn(bench.tandem.clone().shutdown());
    gate.reached(1).await;
    let second = tokio::spawn(bench.tandem.clone().shutdown());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!first.is_finished() && !second.is_finished());
    gate.release();
    assert_eq!((first.await.unwrap().len(), second.await.unwrap().len()), (1, 0));
}

#[tokio::test]
async fn a_schedule_that_waited_for_its_run_does_not_overtake_the_set_before_it() {
    let mortal = mortal().await;
    let busy = mortal.open("busy").await;
    let run = mortal.open("a").await;
    run.set("{}").await.unwrap();
    run.close().await.unwrap();
    drop(run);
    let run = mortal.open("a").await;
    mortal.end().await;
    let reading = mortal.hold.before(|call| call.operation == Read && call.path.contains("/a/"));
    let writing =
        mortal.hold.before(|call| call.operation == Write && call.path.contains("/busy/"));
    let set = run.set(r#"{"n":1}"#);
    let receipt = run.schedule(Request::new().manifest());
    reading.reached(1).await;
    let beat = Request::new().heartbeat().force();
    let beats: Vec<_> = (0..20_000).map(|_| busy.schedule(beat)).collect();
    writing.reached(1).await;
    reading.release();
    // Far more than the opening and the schedule take.
    tokio::time::sleep(Duration::from_millis(200)).await;
    writing.release();
    let written = receipt.await.unwrap().manifest.map(|written| written.bytes);
    assert_eq!(written, Some("{\n  \"n\": 1\n}\n".len() as u64));
    set.await.unwrap();
    drop(beats);
}

#[tokio::test]
async fn the_cause_of_a_failure_is_one_line() {
    let error = mortal().await.end().await;
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(!cause.is_empty() && !cause.contains(['\n', '@']), "{cause}");
    assert!(!cause.contains("backtrace"), "{cause}");
    assert_eq!(serde_json::to_value(&error).unwrap()["cause"], cause);
}

#[tokio::test]
async fn a_closed_run_stays_closed_when_the_component_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let clock = BadClock::default();
    let builder = Tandem::builder().dir(dir.path()).wall_clock(clock.clone());
    let tandem = builder.build().await.unwrap();
    let closed = tandem.open_run(options("closed")).await.unwrap();
    closed.close().await.unwrap();
    let run = tandem.open_run(options("a")).await.unwrap();
    clock.0.store(true, Ordering::Relaxed);
    let beat = Request::new().heartbeat().force();
    assert_eq!(run.schedule(beat).await.unwrap_err().kind(), ErrorKind::ComponentFailed);
    assert_eq!(closed.flush().await.unwrap_err().kind(), ErrorKind::Closed);
    closed.close().await.unwrap();
    run.schedule(beat).await.unwrap();
    assert_eq!(closed.flush().await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_component_that_computes_for_too_long_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let tandem = Tandem::builder()
        .dir(dir.path())
        .watchdog(Duration::from_millis(100))
        .build()
        .await
        .unwrap();
    let mut patch = String::from("{");
    for n in 0..500_000 {
        patch.push_str(&format!("\"key{n}\":{{\"a\":[{{}},{{}}]}},"));
    }
    patch.push_str("\"z\":1}");
    // On a machine that stands still for so long, opening can be given up too.
    let run = loop {
        if let Ok(run) = tandem.open_run(options("a")).await {
            break run;
        }
    };
    let failed = run.merge(patch).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::ComponentFailed, "{failed:?}");
    let cause = serde_json::to_value(&failed).unwrap()["cause"].to_string();
    assert!(cause.contains("without a pause"), "{cause}");
}

#[tokio::test]
async fn both_filesystems_keep_the_same_files() {
    let mut trees = Vec::new();
    for is_own in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let builder = Tandem::builder();
        let builder = match is_own {
            true => builder.dir(dir.path()),
            false => builder.wasmtime_filesystem(dir.path()),
        };
        let tandem = builder.wall_clock(BadClock::default()).build().await.unwrap();
        let run = tandem.open_run(options("a")).await.unwrap();
        run.set(r#"{"a":[1,2.50]}"#).await.unwrap();
        let receipt = run.schedule(Request::new().manifest().heartbeat().force()).await.unwrap();
        run.close().await.unwrap();
        let again = tandem.open_run(options("a")).await.unwrap();
        let run_dir = dir.path().join(".runs/task/cli/a");
        let mut names: Vec<_> =
            std::fs::read_dir(&run_dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let texts: Vec<_> =
            names.iter().map(|name| std::fs::read_to_string(run_dir.join(name)).unwrap()).collect();
        let recovered = again.recovered();
        trees.push((
            names,
            texts,
            receipt,
            recovered.document.clone(),
            recovered.heartbeat.clone(),
        ));
    }
    assert_eq!(trees[0], trees[1]);
    assert_eq!(trees[0].0, [".heartbeat", "manifest.json"]);
}

#[tokio::test]
async fn what_cannot_be_built_says_why_in_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let missing = dir.path().join("missing");
    for (builder, kind, message) in [
        (Tandem::builder(), ErrorKind::InvalidInput, "no directory was granted".to_owned()),
        (
            Tandem::builder().dir(&missing),
            ErrorKind::Storage,
            format!("the root does not exist: {}", missing.display()),
        ),
        (
            Tandem::builder().wasmtime_filesystem(&file),
            ErrorKind::Storage,
            format!("the root is not a directory: {}", file.display()),
        ),
        (
            Tandem::builder().dir(dir.path()).wasmtime_filesystem(dir.path()),
            ErrorKind::InvalidInput,
            "choose one of dir, disk and wasmtime_filesystem".to_owned(),
        ),
        (
            Tandem::builder().dir(dir.path()).component("no component"),
            ErrorKind::ComponentFailed,
            "the component cannot be used".to_owned(),
        ),
        (
            Tandem::builder().dir(dir.path()).max_total_document_bytes(1),
            ErrorKind::InvalidInput,
            "the limit of all documents is below that of one: 1, 16777216".to_owned(),
        ),
    ] {
        let error = builder.build().await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (kind, &*message));
    }
    let too_much = Tandem::builder().dir(dir.path()).max_total_document_bytes(2 << 30);
    assert_eq!(too_much.build().await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_run_cannot_have_a_larger_document_than_the_component() {
    let dir = tempfile::tempdir().unwrap();
    let tandem = Tandem::builder().dir(dir.path()).max_document_bytes(100).build().await.unwrap();
    let error = tandem.open_run(options("a").max_document_bytes(101)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
