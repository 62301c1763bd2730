//! What the blocking component does its own way: what overlaps, and what is left to the caller.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tandem_host::disk::{ErrorCode, OsDisk};
use tandem_host::testing::DiskOperation::{self, CreateFile, Rename, SyncData, Write};
use tandem_host::testing::{Call, DiskExt, Fault, Hold, Moment, Record};
use tandem_host::{Channel, Durability, ErrorKind, RecordOptions, Request, RunOptions};
use tandem_tests::blocking::{Builder, Limits, Run, Scheduled, Tandem};
use tempfile::TempDir;

use crate::either;
use crate::record_support::{HISTORY, LOCK, SUMMARY, recorded_in, summary};
use crate::support::{ALL, Clock, HEARTBEAT, Lab, MANIFEST, in_time, names_in, options};
use crate::variant::{TRAP, trapping};

const ALL_THROTTLED: Request = Request { force: false, ..ALL };
const MANIFEST_FILE: &str = "manifest.json";
const HEARTBEAT_FILE: &str = ".heartbeat";

/// A run of a laboratory's component, as only the blocking one has it.
fn open(lab: &Lab, options: RunOptions) -> Run {
    let either::Tandem::Blocking(tandem) = &lab.tandem else { panic!("it is not blocking") };
    tandem.open_run(options).unwrap()
}

/// Which files were written, and when to call again.
fn wrote(scheduled: Scheduled) -> (bool, bool, Option<u64>) {
    let Scheduled { receipt, call_again_in_ms } = scheduled;
    (receipt.manifest.is_some(), receipt.heartbeat.is_some(), call_again_in_ms)
}

/// Flushes while `held`'s write waits until `other`'s was issued.
fn flush_holding(held: &'static str, other: &'static str) {
    in_time(move || async move {
        let lab = Lab::blocking(|builder| builder).await;
        let run = open(&lab, options("a"));
        run.set("{}").unwrap();
        lab.hold.until(move |call| call.is(Write, held), move |call| call.is(Write, other));
        assert_eq!(wrote(run.schedule(ALL).unwrap()), (true, true, None));
        assert_eq!((lab.count(Write, held), lab.count(Write, other)), (1, 1));
    });
}

#[test]
fn the_manifests_write_can_wait_for_the_heartbeats() {
    flush_holding(MANIFEST_FILE, HEARTBEAT_FILE);
}

#[test]
fn the_heartbeats_write_can_wait_for_the_manifests() {
    flush_holding(HEARTBEAT_FILE, MANIFEST_FILE);
}

/// WASI 0.2 would start it before.
#[test]
fn a_sync_starts_only_when_its_write_was_acknowledged() {
    in_time(|| async {
        let lab = Lab::blocking(|builder| builder).await;
        let run = open(&lab, options("a"));
        run.set(format!("{{\"text\": \"{}\"}}", "x".repeat(1_000_000))).unwrap();
        // The manifest's write takes until the heartbeat's file is in its place.
        lab.hold
            .until(|call| call.is(Write, MANIFEST_FILE), |call| call.is(Rename, HEARTBEAT_FILE));
        run.schedule(ALL).unwrap();
        let events = lab.record.events();
        let position = |operation: DiskOperation, is_start: bool| {
            events.iter().position(|event| {
                event.call.is(operation, MANIFEST_FILE)
                    && (event.moment == Moment::Started) == is_start
            })
        };
        let (written, synced) = (position(Write, false), position(SyncData, true));
        assert!(written.is_some() && synced > written, "{events:#?}");
        assert_eq!(lab.count(Write, MANIFEST_FILE), 1, "one piece for each write");
    });
}

#[test]
fn schedule_tells_when_to_call_again_and_writes_then() {
    in_time(|| async {
        let clock = Clock::at_ms(10_000);
        let monotonic = clock.clone();
        let lab = Lab::blocking(|builder| builder.monotonic_clock(monotonic)).await;
        let run = open(&lab, RunOptions::new("task", "a"));
        run.set("{}").unwrap();
        assert_eq!(wrote(run.schedule(ALL_THROTTLED).unwrap()), (true, true, None));
        clock.set_ms(11_000);
        assert_eq!(wrote(run.schedule(HEARTBEAT).unwrap()), (false, false, Some(4_000)));
        clock.set_ms(14_999);
        assert_eq!(wrote(run.schedule(MANIFEST).unwrap()), (false, false, Some(1)));
        clock.set_ms(15_000);
        assert_eq!(wrote(run.schedule(HEARTBEAT).unwrap()), (true, true, None));
    });
}

#[test]
fn nothing_is_retried_between_calls_and_the_back_off_is_told() {
    in_time(|| async {
        let clock = Clock::at_ms(10_000);
        let monotonic = clock.clone();
        let lab = Lab::blocking(|builder| builder.monotonic_clock(monotonic)).await;
        let run = open(&lab, RunOptions::new("task", "a").interval(Duration::ZERO));
        run.set("{}").unwrap();
        lab.fail
            .add(Fault::new(ErrorCode::InsufficientSpace, |call| call.is(Write, HEARTBEAT_FILE)));
        let error = run.schedule(ALL).unwrap_err();
        assert_eq!((error.kind(), error.channel()), (ErrorKind::Storage, Some(Channel::Heartbeat)));
        assert_eq!(lab.names("a"), [MANIFEST_FILE]);

        lab.record.take();
        let (_, _, again_ms) = wrote(run.schedule(Request::new()).unwrap());
        assert!(again_ms.is_some_and(|ms| (200..=300).contains(&ms)), "{again_ms:?}");
        clock.set_ms(3_600_000);
        let stats = run.stats().unwrap();
        assert_eq!((stats.automatic_retries, stats.heartbeat.dirty), (0, true));
        assert_eq!(lab.record.take(), []);
        assert_eq!(wrote(run.schedule(Request::new()).unwrap()), (false, true, None));
    });
}

#[test]
fn a_channel_that_fails_leaves_no_file_and_only_it_is_tried_again() {
    in_time(|| async {
        let lab = Lab::blocking(|builder| builder).await;
        for (number, operation) in [CreateFile, Write, SyncData, Rename].into_iter().enumerate() {
            let name = format!("run-{number}");
            let run = open(&lab, options(&name));
            run.set("{}").unwrap();
            lab.fail.add(Fault::new(ErrorCode::Io, move |call| call.is(operation, MANIFEST_FILE)));
            let error = run.schedule(ALL).unwrap_err();
            assert_eq!(error.channel(), Some(Channel::Manifest), "{operation:?}");
            assert_eq!(error.code(), Some("io"), "{operation:?}");
            assert_eq!(lab.names(&name), [HEARTBEAT_FILE], "{operation:?}");
            let receipt = run.flush().unwrap();
            assert!(receipt.manifest.is_some() && receipt.heartbeat.is_none(), "{operation:?}");
        }
    });
}

/// A component whose calls are recorded and held back.
fn watched() -> (Tandem, Record, Hold, TempDir) {
    let dir = TempDir::new().unwrap();
    let (record, hold) = (Record::new(), Hold::new());
    let disk = OsDisk::open(dir.path()).unwrap().layered(hold.clone()).layered(record.clone());
    let tandem = Builder::disk(disk).build().unwrap();
    (tandem, record, hold, dir)
}

/// Waits until a call was made so often.
fn until(record: &Record, count: usize, matches: impl Fn(&Call) -> bool) {
    while record.count(&matches) < count {
        thread::yield_now();
    }
}

#[test]
fn the_lock_is_touched_while_a_write_is_waited_for() {
    in_time(|| async {
        let (tandem, record, hold, dir) = watched();
        let other = Builder::dir(dir.path()).build().unwrap();
        let gate = hold.before(|call| call.is(Write, HISTORY));
        let options = RecordOptions::new().lease(Duration::from_millis(60));
        let first = {
            let options = options.clone();
            thread::spawn(move || tandem.record_run(summary("a", "2026-01-06T00:00:01Z"), options))
        };
        gate.reached(1).await;
        until(&record, 5, |call| call.is(Write, LOCK));
        // One try takes over nothing.
        let options = options.lock_wait(Duration::ZERO);
        let error = other.record_run(summary("b", "2026-01-06T00:00:02Z"), options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "{error:?}");
        gate.release();
        first.join().unwrap().unwrap();
        assert_eq!(recorded_in(&dir.path().join("out/task/runs.json")), ["a"]);
    });
}

/// Records a run while `held`'s write waits until `other`'s was issued.
fn record_holding(held: &'static str, other: &'static str) {
    in_time(move || async move {
        let (tandem, record, hold, _dir) = watched();
        hold.until(move |call| call.is(Write, held), move |call| call.is(Write, other));
        tandem.record_run(summary("a", "2026-01-06T00:00:01Z"), RecordOptions::new()).unwrap();
        assert_eq!(record.count(|call| call.is(Write, held)), 1);
    });
}

#[test]
fn the_summarys_write_can_wait_for_the_historys() {
    record_holding(SUMMARY, HISTORY);
}

#[test]
fn the_historys_write_can_wait_for_the_summarys() {
    record_holding(HISTORY, SUMMARY);
}

#[test]
fn a_call_that_blocks_for_longer_than_the_lease_loses_the_lock_and_no_run() {
    in_time(|| async {
        let (tandem, _, hold, dir) = watched();
        let other = Builder::dir(dir.path()).build().unwrap();
        let gate = hold.before(|call| call.is(Rename, HISTORY));
        let options = RecordOptions::new().lease(Duration::from_millis(50));
        let first = {
            let options = options.clone();
            thread::spawn(move || tandem.record_run(summary("a", "2026-01-06T00:00:01Z"), options))
        };
        gate.reached(1).await;
        let second = other.record_run(summary("b", "2026-01-06T00:00:02Z"), options).unwrap();
        assert_eq!(second.runs, 1);
        gate.release();
        assert_eq!(first.join().unwrap().unwrap().runs, 2);
        assert_eq!(recorded_in(&dir.path().join("out/task/runs.json")), ["a", "b"]);
    });
}

#[test]
fn calls_of_other_threads_wait_for_the_one_that_runs() {
    in_time(|| async {
        let (tandem, record, hold, _dir) = watched();
        let run = tandem.open_run(options("a")).unwrap();
        run.set("{}").unwrap();
        let gate = hold.before(|call| call.is(Rename, MANIFEST_FILE));
        let flush = thread::spawn(move || run.flush());
        gate.reached(1).await;
        let (tell, told) = mpsc::channel();
        let opening = thread::spawn(move || {
            tell.send(()).unwrap();
            tandem.open_run(options("b"))
        });
        told.recv().unwrap();
        // It has every chance to do what it should not do.
        (0..10_000).for_each(|_| thread::yield_now());
        let of_b = |call: &Call| call.path.contains("cli/b");
        assert!(!opening.is_finished() && record.count(of_b) == 0);
        gate.release();
        assert!(flush.join().unwrap().unwrap().manifest.is_some());
        opening.join().unwrap().unwrap();
        assert!(record.count(of_b) > 0);
    });
}

#[test]
fn a_component_that_fails_loses_its_runs_and_the_next_open_starts_another() {
    let dir = TempDir::new().unwrap();
    let component = std::fs::read(trapping(true)).unwrap();
    let tandem = Builder::dir(dir.path()).component(component).build().unwrap();
    in_time(move || async move {
        let open = |name: &str| tandem.open_run(options(name)).unwrap();
        let (failing, other) = (open("a"), open("b"));
        let error = failing.set(TRAP).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ComponentFailed, "{error:?}");
        for run in [&failing, &other] {
            let error = run.set("{}").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ComponentFailed, "{error:?}");
            let cause = std::error::Error::source(&error).unwrap();
            assert!(cause.to_string().contains("open the run again"), "{error:?}");
        }
        let again = open("a");
        again.set("{}").unwrap();
        drop((failing, other));
        assert!(again.flush().unwrap().manifest.is_some());
    });
}

#[test]
fn the_last_handle_waits_until_what_was_set_is_on_the_disk() {
    in_time(|| async {
        let dir = TempDir::new().unwrap();
        let tandem = Builder::dir(dir.path()).build().unwrap();
        let run = tandem.open_run(options("a")).unwrap();
        run.set("{}").unwrap();
        drop((tandem, run));
        assert_eq!(names_in(&dir.path().join(".runs/task/cli/a")), [MANIFEST_FILE]);
    });
}

#[test]
fn it_can_be_called_from_within_a_runtime() {
    in_time(|| async {
        let dir = TempDir::new().unwrap();
        let tandem = Builder::dir(dir.path()).build().unwrap();
        let run = tandem.open_run(options("a")).unwrap();
        run.set("{}").unwrap();
        run.schedule(ALL).unwrap();
        run.close().unwrap();
    });
}

/// The same calls, on either component.
async fn keep(tandem: &either::Tandem, run: &str) {
    let options = options(run).heartbeat_durability(Durability::Durable);
    let run_handle = tandem.open_run(options).await.unwrap();
    run_handle.set(r#"{"b": 1.0, "a": [1e400, "\u00e9"], "b": 2}"#).await.unwrap();
    run_handle.schedule(ALL).await.unwrap();
    run_handle.merge(r#"{"a": null, "c": {"d": {}}}"#).await.unwrap();
    run_handle.close().await.unwrap();
    let options = RecordOptions::new();
    tandem.record_run(summary(run, "2026-01-06T00:00:01Z"), options).await.unwrap();
}

#[test]
fn both_components_write_the_same_bytes_and_share_a_directory() {
    in_time(|| async {
        let dir = TempDir::new().unwrap();
        let concurrent = tandem_host::Tandem::open(dir.path()).await.unwrap();
        let concurrent = either::Tandem::concurrent(concurrent);
        let blocking = either::Tandem::Blocking(Builder::dir(dir.path()).build().unwrap());
        keep(&concurrent, "a").await;
        keep(&blocking, "b").await;
        let text = |path: &str| std::fs::read_to_string(dir.path().join(path)).unwrap();
        let of =
            |path: &str| [path.replace('#', "a"), path.replace('#', "b")].map(|path| text(&path));
        let [a, b] = of(".runs/task/cli/#/manifest.json");
        assert_eq!(a, b);
        let [a, b] = of(".runs/task/#/manifest.json");
        assert_eq!(a.replace("\"a\"", "\"b\""), b);
        assert_eq!(recorded_in(&dir.path().join("out/task/runs.json")), ["a", "b"]);
        // Each finds what the other left.
        for (tandem, run) in [(&concurrent, "b"), (&blocking, "a")] {
            let found = tandem.open_run(options(run)).await.unwrap();
            let manifest = text(&format!(".runs/task/cli/{run}/manifest.json"));
            assert_eq!(found.recovered().document.as_deref(), Some(&*manifest));
        }
    });
}

#[test]
fn runs_recorded_in_one_call_share_a_write_of_their_history() {
    in_time(|| async {
        let lab = Lab::blocking(|builder| builder).await;
        let either::Tandem::Blocking(tandem) = &lab.tandem else { panic!("it is not blocking") };
        let time = |second: usize| format!("2026-01-06T00:00:{second:02}Z");
        let mut summaries: Vec<_> =
            (0..20).map(|n| summary(&format!("r{n:02}"), &time(n))).collect();
        summaries[7] = "{".to_owned();
        summaries[8] = summaries[8].replace("\"task\"", "\"other\"");
        let recorded = tandem.record_runs(summaries, RecordOptions::new()).unwrap();
        for (number, outcome) in recorded.iter().enumerate() {
            match (number, outcome) {
                (7, Err(error)) => assert_eq!(error.kind(), ErrorKind::InvalidInput),
                (8, Ok(recorded)) => assert_eq!(recorded.runs, 1),
                (_, Ok(recorded)) => assert_eq!(recorded.runs, 18, "{number}"),
                (_, Err(error)) => panic!("{number}: {error:?}"),
            }
        }
        let renames = |dir: &str| {
            let is_history = |call: &Call| call.operation == Rename && call.path.starts_with(dir);
            let events = lab.record.events();
            events.iter().filter(|e| e.moment == Moment::Started && is_history(&e.call)).count()
        };
        assert_eq!((renames("out/task/"), renames("out/other/")), (1, 1));
        let refused =
            tandem.record_runs(vec![summary("a", &time(1))], RecordOptions::new().keep_last(0));
        assert_eq!(refused.unwrap()[0].as_ref().unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(tandem.record_runs(Vec::new(), RecordOptions::new()).unwrap().is_empty());

        // However many they are: each takes descriptors while it is written.
        let before = renames("out/task/");
        let many = (0..1_500).map(|n| summary(&format!("m{n:04}"), &time(30))).collect();
        let visible = RecordOptions::new()
            .summary_durability(Durability::Visible)
            .history_durability(Durability::Visible);
        let recorded = tandem.record_runs(many, visible).unwrap();
        assert_eq!(recorded.len(), 1_500);
        assert!(recorded.iter().all(Result::is_ok));
        assert_eq!(recorded[1_499].as_ref().unwrap().runs, 1_518);
        assert_eq!(renames("out/task/") - before, 1_500_usize.div_ceil(64));
    });
}

#[test]
fn limits_are_told_once_and_before_any_other_call() {
    in_time(|| async {
        let none = Limits {
            max_document_bytes: None,
            max_total_document_bytes: None,
            max_history_bytes: None,
        };
        let small =
            Limits { max_document_bytes: Some(100), max_total_document_bytes: Some(150), ..none };
        let is_refused = |tandem: &Tandem, limits| {
            let error = tandem.set_limits(limits).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
            error.message().to_owned()
        };
        let lab = Lab::blocking(|builder| builder).await;
        let either::Tandem::Blocking(tandem) = &lab.tandem else { panic!("it is not blocking") };
        is_refused(tandem, Limits { max_document_bytes: Some(0), ..none });
        is_refused(tandem, Limits { max_total_document_bytes: Some(1), ..none });
        tandem.set_limits(small).unwrap();
        assert_eq!(is_refused(tandem, small), "limits are set after another call");

        // They hold for every call from then on.
        let document = |bytes: usize| format!("{{\"x\": \"{}\"}}", "x".repeat(bytes));
        let kind = |result: Result<_, tandem_host::Error>| result.err().map(|error| error.kind());
        let above = options("a").max_document_bytes(101);
        assert_eq!(kind(tandem.open_run(above).map(drop)), Some(ErrorKind::InvalidInput));
        let [a, b] = ["a", "b"].map(|run| tandem.open_run(options(run)).unwrap());
        assert_eq!(kind(a.set(document(100)).map(drop)), Some(ErrorKind::TooLarge));
        a.set(document(70)).unwrap();
        let error = b.set(document(70)).unwrap_err();
        assert!(error.message().contains("max_total_document_bytes: 150"), "{error:?}");
        let recorded =
            tandem.record_run(summary("r", "2026-01-06T00:00:01Z"), RecordOptions::new());
        assert_eq!(kind(recorded.map(drop)), None, "summaries are counted apart");
        a.close().unwrap();
        b.set(document(70)).unwrap();

        let lab = Lab::blocking(|builder| builder).await;
        let either::Tandem::Blocking(tandem) = &lab.tandem else { panic!("it is not blocking") };
        tandem.history(tandem_host::HistoryOptions::new("task")).unwrap();
        is_refused(tandem, none);
    });
}

#[test]
fn runs_recorded_at_once_through_many_components_are_all_kept() {
    in_time(|| async {
        let dir = TempDir::new().unwrap();
        let recording: Vec<_> = (0..8)
            .map(|number| {
                let tandem = Builder::dir(dir.path()).build().unwrap();
                thread::spawn(move || {
                    let timestamp = format!("2026-01-06T00:00:0{number}Z");
                    let summary = summary(&format!("run-{number}"), &timestamp);
                    let options = RecordOptions::new().lock_wait(Duration::from_secs(170));
                    tandem.record_run(summary, options)
                })
            })
            .collect();
        for thread in recording {
            thread.join().unwrap().unwrap();
        }
        let runs: Vec<_> = (0..8).map(|number| format!("run-{number}")).collect();
        assert_eq!(recorded_in(&dir.path().join("out/task/runs.json")), runs);
        assert_eq!(names_in(&dir.path().join("out/task")), [HISTORY]);
    });
}
