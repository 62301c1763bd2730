//! The driver with the real component. What the component itself does is tested end to end.

use futures::future::join_all;
use tokio::sync::oneshot;

use crate::disk::DiskOperation::{Rename, SyncData, Write};
use crate::disk::{Disk, ErrorCode, Fail, Fault, Hold, OsDisk, Record};
use crate::{Durability, ErrorKind, Request, Run, RunOptions, Tandem};

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
        sets.push(run.set_manifest(format!(r#"{{"n":{n}}}"#)));
        flushes.push(run.schedule(Request::new().manifest()));
        sets.push(run.merge_manifest(format!(r#"{{"m":{n}}}"#)));
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

#[tokio::test]
async fn a_guest_write_is_one_write_of_the_disk_and_both_channels_overlap() {
    let bench = bench().await;
    let run = bench.open("a").await;
    let document = format!(r#"{{"text":"{}"}}"#, "x".repeat(300_000));
    run.set_manifest(document).await.unwrap();
    bench.record.take();
    bench.hold.until(
        |call| call.is(Write, "manifest.json"),
        |call| call.is(Write, ".heartbeat"),
    );
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
    drop(run.set_manifest(r#"{"a":1}"#));
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
    drop(run.set_manifest(r#"{"a":1}"#));
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
    run.set_manifest("{}").await.unwrap();
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
    run.set_manifest("{}").await.unwrap();
    let calls: Vec<_> =
        (0..50_000).map(|_| run.schedule(Request::new().heartbeat().force())).collect();
    for outcome in join_all(calls).await {
        outcome.unwrap();
    }
    assert!(run.stats().await.unwrap().requests >= 50_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_runs_flush_at_once() {
    let bench = bench().await;
    let opened = join_all((0..3_000).map(|n| {
        let options =
            options(&format!("r{n}")).manifest_durability(Durability::Visible);
        bench.tandem.open_run(options)
    }));
    let runs: Vec<Run> = opened.await.into_iter().map(Result::unwrap).collect();
    for run in &runs {
        drop(run.set_manifest(r#"{"a":1}"#));
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
    good.set_manifest("{}").await.unwrap();
    bad.set_manifest("{}").await.unwrap();
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
    let document = format!(r#"{{"text":"{}"}}"#, "x".repeat(900));
    let mut runs = Vec::new();
    let mut kinds = Vec::new();
    for n in 0..4 {
        let run = tandem.open_run(options(&format!("r{n}"))).await.unwrap();
        kinds.push(run.set_manifest(document.clone()).await.err().map(|error| error.kind()));
        runs.push(run);
    }
    assert_eq!(kinds, [None, None, Some(ErrorKind::TooLarge), Some(ErrorKind::TooLarge)]);
    // A document can be replaced by one of the same size, and one that goes makes room.
    runs[0].set_manifest(document.clone()).await.unwrap();
    runs[0].close().await.unwrap();
    drop(runs.remove(0));
    tandem.open_run(options("r9")).await.unwrap().set_manifest(document.clone()).await.unwrap();
    let too_large = runs[0].set_manifest("x".repeat(1_001)).await.unwrap_err();
    assert_eq!(too_large.message(), "document has 1001 bytes, above the limit of 1000");
}

/// A component that fails on purpose is one whose memory is too small for what it is given.
#[tokio::test]
async fn a_failed_component_is_replaced_once_its_disk_is_still() {
    let dir = tempfile::tempdir().unwrap();
    let hold = Hold::new();
    let disk = OsDisk::open(dir.path()).unwrap().layered(hold.clone());
    let tandem = Tandem::builder().disk(disk).watchdog_ms(100).build().await.unwrap();
    let run = tandem.open_run(options("a")).await.unwrap();
    run.set_manifest(r#"{"kept":true}"#).await.unwrap();
    run.flush().await.unwrap();

    let gate = hold.before(|call| call.is(Rename, "manifest.json"));
    run.set_manifest(r#"{"late":true}"#).await.unwrap();
    let waiting = run.flush();
    gate.reached(1).await;
    // Hours of computing for the watchdog to end.
    let patch = deep_patch();
    let failed = run.merge_manifest(patch).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::ComponentFailed, "{failed:?}");
    assert!(std::error::Error::source(&failed).is_some());
    assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::ComponentFailed);

    // The next call waits until the held rename has happened.
    let (tell, mut told) = oneshot::channel();
    let next = run.clone();
    let next = tokio::spawn(async move {
        let flushed = next.flush().await;
        tell.send(()).ok();
        flushed
    });
    tokio::task::yield_now().await;
    assert!(told.try_recv().is_err());
    gate.release();
    next.await.unwrap().unwrap();
    run.merge_manifest(r#"{"more":1}"#).await.unwrap();
    run.flush().await.unwrap();
    let path = dir.path().join(".runs/task/cli/a/manifest.json");
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text, "{\n  \"late\": true,\n  \"more\": 1\n}\n");
}

fn deep_patch() -> String {
    let mut patch = String::from("{");
    for n in 0..400_000 {
        patch.push_str(&format!("\"key{n}\":{{\"a\":[{{}},{{}}]}},"));
    }
    patch.push_str("\"z\":1}");
    patch
}
