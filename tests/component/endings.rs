//! What may end or stand still around a Tandem, and what becomes of its calls: a runtime, the last
//! handle, `main`, a fork, a disk.

use std::future::Future;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use futures::FutureExt;
use tandem_host::disk::{ErrorCode, OsDisk};
use tandem_host::testing::DiskOperation::{CreateFile, Rename, SyncData};
use tandem_host::testing::{Call, DiskExt, Hold, Layer, load_component};
use tandem_host::{
    ErrorKind, HistoryOptions, RecordOptions, Request, RunOptions, Tandem, blocking,
};
use tempfile::TempDir;
use tokio::runtime::{self, Runtime};

use crate::support::{ALL, directory, within};
use crate::variant::{TRAP, trapping};

/// What a component is given to do what it should not do: far more than it takes to start one.
const CHANCE: Duration = Duration::from_millis(300);

fn options(run: &str) -> RunOptions {
    RunOptions::new("task", run)
}

fn manifest(dir: &Path, run: &str) -> String {
    std::fs::read_to_string(dir.join(directory(run)).join("manifest.json")).unwrap_or_default()
}

fn of_one_thread() -> Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A component on a disk whose calls can be held back.
async fn held() -> (TempDir, Hold, Tandem) {
    let (dir, hold) = (TempDir::new().unwrap(), Hold::new());
    let disk = OsDisk::open(dir.path()).unwrap().layered(hold.clone());
    let tandem = Tandem::builder().disk(disk).build().await.unwrap();
    (dir, hold, tandem)
}

fn is_manifest_rename(call: &Call) -> bool {
    call.is(Rename, "manifest.json")
}

#[test]
fn calls_that_wait_come_back_in_a_task_however_many_it_makes() {
    in_time(|| {
        of_one_thread().block_on(async {
            let dir = TempDir::new().unwrap();
            let tandem = blocking::Tandem::open(dir.path()).unwrap();
            let run = tandem.open_run(options("a")).unwrap();
            // A task of tokio's may take 128 steps before it gives way.
            for _ in 0..300 {
                run.stats().unwrap();
            }
            run.close().unwrap();
        });
    });
}

#[test]
fn a_runtime_that_is_shut_down_in_mid_flight_takes_no_call_along() {
    load_component().unwrap();
    let first = Runtime::new().unwrap();
    let (dir, hold, tandem) = first.block_on(held());
    let run = first.block_on(tandem.open_run(options("a"))).unwrap();
    let gate = hold.before(is_manifest_rename);
    let (set, flush) = (run.set(r#"{"n": 1}"#), run.flush());
    first.block_on(gate.reached(1));
    let waiting = first.spawn(async { (set.await, flush.await) });
    first.shutdown_background();
    gate.release();

    // Another runtime, of another kind.
    let second = of_one_thread();
    assert!(second.block_on(waiting).is_err(), "its task went with the runtime");
    second.block_on(within(async {
        run.flush().await.unwrap();
        assert_eq!(manifest(dir.path(), "a"), "{\n  \"n\": 1\n}\n");
        tandem.shutdown().await
    }));
}

#[test]
fn two_runtimes_and_a_thread_without_one_share_a_run() {
    load_component().unwrap();
    let dir = TempDir::new().unwrap();
    let (first, second) = (Runtime::new().unwrap(), of_one_thread());
    let tandem = first.block_on(Tandem::open(dir.path())).unwrap();
    let run = second.block_on(tandem.open_run(options("a"))).unwrap();
    let there = first.spawn({
        let run = run.clone();
        async move { run.set(r#"{"n": 1}"#).await }
    });
    first.block_on(there).unwrap().unwrap();
    second.block_on(run.merge(r#"{"m": 2}"#)).unwrap();
    let waiter = thread::spawn(move || futures::executor::block_on(run.close()));
    assert!(waiter.join().unwrap().unwrap().manifest.is_some());
    assert_eq!(manifest(dir.path(), "a"), "{\n  \"n\": 1,\n  \"m\": 2\n}\n");
}

/// Blocks the thread that creates a file, as a network file system may, until the test comes.
struct Blocks(Arc<Barrier>);

impl Layer for Blocks {
    async fn before(&self, call: &Call) -> Result<(), ErrorCode> {
        if call.is(CreateFile, "manifest.json") {
            self.0.wait();
            self.0.wait();
        }
        Ok(())
    }
}

#[test]
fn a_disk_call_that_hangs_does_not_block_a_runtime_of_one_thread() {
    load_component().unwrap();
    let (dir, barrier) = (TempDir::new().unwrap(), Arc::new(Barrier::new(2)));
    let disk = OsDisk::open(dir.path()).unwrap().layered(Blocks(barrier.clone()));
    of_one_thread().block_on(within(async move {
        let tandem = Tandem::builder().disk(disk).build().await.unwrap();
        let run = tandem.open_run(options("a")).await.unwrap();
        run.set("{}").await.unwrap();
        let mut flush = run.flush();
        tokio::task::spawn_blocking({
            let barrier = barrier.clone();
            move || barrier.wait()
        })
        .await
        .unwrap();
        // The disk hangs now, and calls wait, but the embedder's tasks and timers go on.
        let other = tokio::spawn(async { tokio::time::sleep(Duration::from_millis(1)).await });
        other.await.unwrap();
        let mut stats = run.stats();
        assert!((&mut flush).now_or_never().is_none() && (&mut stats).now_or_never().is_none());
        barrier.wait();
        flush.await.unwrap();
        stats.await.unwrap();
    }));
}

#[tokio::test]
async fn a_disk_call_that_never_ends_keeps_its_own_run_waiting_and_after_a_trap_all() {
    let component = std::fs::read(trapping(false)).unwrap();
    within(async {
        let (dir, hold) = (TempDir::new().unwrap(), Hold::new());
        let disk = OsDisk::open(dir.path()).unwrap().layered(hold.clone());
        let tandem = Tandem::builder().disk(disk).component(component).build().await.unwrap();
        let a = tandem.open_run(options("a")).await.unwrap();
        let b = tandem.open_run(options("b")).await.unwrap();
        let gate = hold.before(|call| is_manifest_rename(call) && call.path.contains("/a/"));
        a.set("{}").await.unwrap();
        let flush = a.flush();
        gate.reached(1).await;
        b.set("{}").await.unwrap();
        b.flush().await.unwrap();

        assert_eq!(b.set(TRAP).await.unwrap_err().kind(), ErrorKind::ComponentFailed);
        assert_eq!(flush.await.unwrap_err().kind(), ErrorKind::ComponentFailed);
        // The rename may still happen: no new component may write before.
        let early = hold.before(|_| true);
        let next = b.flush();
        tokio::select! {
            () = early.reached(1) => panic!("the new component does not wait for the old rename"),
            () = tokio::time::sleep(CHANCE) => {}
        }
        early.release();
        gate.release();
        next.await.unwrap();
    })
    .await;
}

/// A component that has failed, and left a rename to a disk that does not come back.
async fn left_behind(component: Vec<u8>) -> (TempDir, Hold, Tandem) {
    let (dir, hold) = (TempDir::new().unwrap(), Hold::new());
    let disk = OsDisk::open(dir.path()).unwrap().layered(hold.clone());
    let tandem = Tandem::builder().disk(disk).component(component).build().await.unwrap();
    let run = tandem.open_run(options("a")).await.unwrap();
    let gate = hold.before(is_manifest_rename);
    run.set("{}").await.unwrap();
    let flush = run.flush();
    gate.reached(1).await;
    assert_eq!(run.set(TRAP).await.unwrap_err().kind(), ErrorKind::ComponentFailed);
    assert_eq!(flush.await.unwrap_err().kind(), ErrorKind::ComponentFailed);
    (dir, hold, tandem)
}

#[tokio::test]
async fn after_a_trap_a_shutdown_does_not_wait_for_a_disk_call_that_never_ends() {
    let component = std::fs::read(trapping(false)).unwrap();
    within(async {
        let (_dir, _hold, tandem) = left_behind(component.clone()).await;
        let opened = tandem.open_run(options("b"));
        assert!(tandem.shutdown().await.is_empty());
        // It waited for a component that was never made.
        assert_eq!(opened.await.unwrap_err().kind(), ErrorKind::ComponentFailed);
    })
    .await;
}

#[test]
fn after_a_trap_the_last_handle_does_not_wait_for_a_disk_call_that_never_ends() {
    let component = std::fs::read(trapping(false)).unwrap();
    in_time(|| {
        let (told, layer) = {
            let (sender, told) = mpsc::channel();
            (told, Owns { runtime: None, _tells: Tells(sender) })
        };
        let (dir, hold) = (TempDir::new().unwrap(), Hold::new());
        let disk = OsDisk::open(dir.path()).unwrap().layered(layer).layered(hold.clone());
        let builder = Tandem::builder().disk(disk).component(component);
        let tandem = futures::executor::block_on(builder.build()).unwrap();
        let run = futures::executor::block_on(tandem.open_run(options("a"))).unwrap();
        let gate = hold.before(is_manifest_rename);
        drop(run.set("{}"));
        drop(run.flush());
        futures::executor::block_on(gate.reached(1));
        futures::executor::block_on(run.set(TRAP)).unwrap_err();
        drop((run, tandem));
        assert_eq!(told.recv(), Ok(true), "the thread has ended");
    });
}

/// Waits, before each sync, for a task of a runtime of the embedder's and for a timer of its own.
struct Waits(runtime::Handle);

impl Layer for Waits {
    async fn before(&self, call: &Call) -> Result<(), ErrorCode> {
        if call.operation == SyncData {
            tokio::time::sleep(Duration::from_millis(1)).await;
            self.0.spawn(tokio::task::yield_now()).await.map_err(|_| ErrorCode::Io)?;
        }
        Ok(())
    }
}

#[test]
fn a_disk_may_wait_for_timers_and_for_tasks_of_the_runtime_that_calls() {
    load_component().unwrap();
    for runtime in [of_one_thread(), Runtime::new().unwrap()] {
        let dir = TempDir::new().unwrap();
        let disk = OsDisk::open(dir.path()).unwrap().layered(Waits(runtime.handle().clone()));
        runtime.block_on(within(async {
            let tandem = Tandem::builder().disk(disk).build().await.unwrap();
            let run = tandem.open_run(options("a")).await.unwrap();
            run.set("{}").await.unwrap();
            run.close().await.unwrap();
        }));
        assert_eq!(manifest(dir.path(), "a"), "{}\n");
    }
}

/// Has a bug.
struct Panics;

impl Layer for Panics {
    async fn before(&self, call: &Call) -> Result<(), ErrorCode> {
        assert!(!call.is(SyncData, "manifest.json"), "a bug of this disk");
        Ok(())
    }
}

#[tokio::test]
async fn a_disk_that_panics_fails_that_write_and_nothing_else() {
    within(async {
        let dir = TempDir::new().unwrap();
        let disk = OsDisk::open(dir.path()).unwrap().layered(Panics);
        let tandem = Tandem::builder().disk(disk).build().await.unwrap();
        let run = tandem.open_run(options("a")).await.unwrap();
        run.set("{}").await.unwrap();
        let error = run.schedule(ALL).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Storage, Some("io")));
        assert!(dir.path().join(directory("a")).join(".heartbeat").exists());
    })
    .await;
}

/// Runs `test` on a thread of its own, and fails if it hangs.
fn in_time(test: impl FnOnce() + Send + 'static) {
    load_component().unwrap();
    let (tell, told) = mpsc::channel();
    let thread = thread::spawn(move || {
        test();
        tell.send(())
    });
    match told.recv_timeout(Duration::from_secs(180)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the test hangs"),
        _ => thread.join().map(drop).unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}

#[test]
fn the_last_handle_of_a_blocking_tandem_waits_until_every_run_is_closed() {
    in_time(|| {
        let dir = TempDir::new().unwrap();
        let tandem = blocking::Tandem::open(dir.path()).unwrap();
        let run = tandem.open_run(options("a")).unwrap();
        drop(tandem);
        run.set(r#"{"n": 1}"#).unwrap();
        drop(run);
        assert_eq!(manifest(dir.path(), "a"), "{\n  \"n\": 1\n}\n");
    });
}

#[test]
fn a_directory_is_created_but_not_what_it_lies_in() {
    in_time(|| {
        let dir = TempDir::new().unwrap();
        drop(blocking::Tandem::open(dir.path().join("state")).unwrap());
        drop(blocking::Tandem::open(dir.path().join("state")).unwrap());
        assert!(dir.path().join("state").is_dir());
        let missing = dir.path().join("no/state");
        let error = blocking::Tandem::open(&missing).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Storage, Some("no-entry")));
        let message = format!("cannot create the root: {}", missing.display());
        assert_eq!(error.message(), message);
        std::fs::write(dir.path().join("file"), "").unwrap();
        let error = blocking::Tandem::open(dir.path().join("file")).unwrap_err();
        assert_eq!(error.code(), Some("not-directory"));
    });
}

#[test]
fn shards_share_the_work_and_a_run_belongs_to_one_of_them() {
    in_time(|| {
        let dir = TempDir::new().unwrap();
        let tandem = Tandem::builder().dir(dir.path()).shards(3).build_blocking().unwrap();
        let runs: Vec<_> = (0..24)
            .map(|n| {
                let run = tandem.open_run(options(&format!("r{n}"))).unwrap();
                run.set(format!(r#"{{"n": {n}}}"#)).unwrap();
                run
            })
            .collect();
        for n in 0..24 {
            let error = tandem.open_run(options(&format!("r{n}"))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyOpen);
        }
        let recorders: Vec<_> = (0..8)
            .map(|n| {
                let tandem = tandem.clone();
                thread::spawn(move || {
                    let summary = format!(
                        r#"{{"taskId":"task","runId":"r{n}","timestamp":"2026-01-06T00:00:0{n}Z"}}"#
                    );
                    tandem.record_run(summary, RecordOptions::new())
                })
            })
            .collect();
        for recorder in recorders {
            recorder.join().unwrap().unwrap();
        }
        assert_eq!(tandem.history(HistoryOptions::new("task")).unwrap().total, 8);
        let closed = tandem.shutdown();
        assert_eq!(closed.len(), 24);
        assert!(closed.iter().all(|run| run.outcome.is_ok()));
        drop(runs);
        for n in 0..24 {
            assert_eq!(manifest(dir.path(), &format!("r{n}")), format!("{{\n  \"n\": {n}\n}}\n"));
        }
        for shards in [0, 65] {
            let error = Tandem::builder().dir(dir.path()).shards(shards).build_blocking();
            assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    });
}

/// Tells when its disk is gone, and whether that went well.
struct Tells(mpsc::Sender<bool>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.send(!thread::panicking());
    }
}

/// Has a runtime of its own, as a disk behind sockets does.
struct Owns {
    runtime: Option<Runtime>,
    _tells: Tells,
}

impl Layer for Owns {
    async fn before(&self, _: &Call) -> Result<(), ErrorCode> {
        match &self.runtime {
            Some(runtime) => runtime.spawn(async {}).await.map_err(|_| ErrorCode::Io),
            None => Ok(()),
        }
    }
}

fn telling(
    dir: &TempDir,
    runtime: Option<Runtime>,
) -> (tandem_host::Builder, mpsc::Receiver<bool>) {
    let (sender, told) = mpsc::channel();
    let layer = Owns { runtime, _tells: Tells(sender) };
    let disk = OsDisk::open(dir.path()).unwrap().layered(layer);
    (Tandem::builder().disk(disk), told)
}

#[test]
fn the_thread_ends_after_the_last_handle_and_lets_go_of_the_disk() {
    in_time(|| {
        let dir = TempDir::new().unwrap();
        let (builder, told) = telling(&dir, None);
        let tandem = futures::executor::block_on(builder.build()).unwrap();
        let run = futures::executor::block_on(tandem.open_run(options("a"))).unwrap();
        drop(tandem);
        futures::executor::block_on(run.set(r#"{"n": 1}"#)).unwrap();
        assert!(told.try_recv().is_err(), "a run is held");
        drop(run);
        assert_eq!(told.recv(), Ok(true));
        assert_eq!(manifest(dir.path(), "a"), "{\n  \"n\": 1\n}\n");
    });
}

#[test]
fn a_build_that_is_given_up_leaves_nothing_behind() {
    in_time(|| {
        let dir = TempDir::new().unwrap();
        for shards in [1, 3] {
            let (builder, told) = telling(&dir, None);
            let mut building = Box::pin(builder.shards(shards).build());
            // On a machine that stands still it may be over with the first look.
            drop((&mut building).now_or_never());
            drop(building);
            assert_eq!(told.recv(), Ok(true));
        }
    });
}

#[test]
fn a_disk_may_have_a_runtime_of_its_own() {
    in_time(|| {
        let dir = TempDir::new().unwrap();
        let (builder, told) = telling(&dir, Some(Runtime::new().unwrap()));
        let tandem = builder.build_blocking().unwrap();
        let run = tandem.open_run(options("a")).unwrap();
        run.set("{}").unwrap();
        run.close().unwrap();
        drop((run, tandem));
        assert_eq!(told.recv(), Ok(true), "its runtime ends in peace");
    });
}

/// Where a process of [`started`] keeps its runs.
const ROOT: &str = "TANDEM_ENDINGS_ROOT";

/// Starts one of the tests below as a process of its own, and gives what it prints.
fn started(test: &str, root: &Path) -> String {
    load_component().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&*format!("endings::{test}"), "--exact", "--ignored", "--nocapture"])
        .env(ROOT, root)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (stdout, stderr) = (output.stdout, output.stderr);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

#[test]
fn what_was_acknowledged_before_main_ends_is_there_and_nothing_is_half_written() {
    for _ in 0..20 {
        let dir = TempDir::new().unwrap();
        started("a_process_whose_main_ends", dir.path());
        let kept = manifest(dir.path(), "a");
        let large = serde_json::from_str::<serde_json::Value>(&kept);
        let n = large.as_ref().map(|document| document["n"].clone());
        assert!(n.is_ok_and(|n| n == 1 || n == 2), "{} bytes", kept.len());
    }
}

#[test]
#[ignore = "another test starts it as a process of its own"]
fn a_process_whose_main_ends() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    let tandem = futures::executor::block_on(Tandem::open(root)).unwrap();
    let run = futures::executor::block_on(tandem.open_run(options("a"))).unwrap();
    futures::executor::block_on(run.set(r#"{"n": 1}"#)).unwrap();
    futures::executor::block_on(run.flush()).unwrap();
    drop(run.set(format!(r#"{{"n": 2, "text": "{}"}}"#, "x".repeat(1 << 20))));
    drop(run.flush());
    // As at the end of `main`, with nothing dropped.
    std::process::exit(0);
}

#[test]
fn a_forked_process_is_refused_and_its_parent_goes_on() {
    let dir = TempDir::new().unwrap();
    let printed = started("a_process_that_forks", dir.path());
    for told in [
        "child: Closed: this process was forked from the one that opened tandem: open it again here",
        "child, before: Closed",
        "child, anew: wrote",
        "child is gone",
        "parent: wrote",
    ] {
        assert!(printed.contains(told), "{told:?} is not in {printed}");
    }
    assert_eq!(manifest(dir.path(), "a"), "{\n  \"n\": 2\n}\n");
}

#[test]
#[ignore = "another test starts it as a process of its own"]
fn a_process_that_forks() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    let tandem = blocking::Tandem::open(&root).unwrap();
    let run = tandem.open_run(options("a")).unwrap();
    run.set(r#"{"n": 1}"#).unwrap();
    // Nobody answers it here, for the throttle of another run holds it back.
    let waiting = futures::executor::block_on(Tandem::builder().dir(&root).build()).unwrap();
    let other = futures::executor::block_on(waiting.open_run(options("b"))).unwrap();
    let beat = Request::new().heartbeat();
    futures::executor::block_on(other.schedule(beat)).unwrap();
    let made_before = other.schedule(beat);
    match fork::fork().unwrap() {
        fork::Fork::Child => {
            let error = run.flush().unwrap_err();
            println!("child: {:?}: {error}", error.kind());
            let error = futures::executor::block_on(made_before).unwrap_err();
            println!("child, before: {:?}", error.kind());
            // Nobody is waited for, although these are the last handles here.
            drop((run, tandem, other, waiting));
            let anew = blocking::Tandem::open(&root).unwrap();
            let run = anew.open_run(options("child")).unwrap();
            run.set("{}").unwrap();
            run.close().unwrap();
            println!("child, anew: wrote");
            std::process::exit(0);
        }
        fork::Fork::Parent(child) => {
            fork::waitpid(child).unwrap();
            println!("child is gone");
        }
    }
    run.set(r#"{"n": 2}"#).unwrap();
    run.close().unwrap();
    println!("parent: wrote");
}

#[tokio::test]
async fn a_future_that_is_dropped_before_it_is_polled_has_made_its_call() {
    within(async {
        let (dir, _, tandem) = held().await;
        let run = tandem.open_run(options("a")).await.unwrap();
        drop(run.set(r#"{"n": 1}"#));
        run.close().await.unwrap();
        assert_eq!(manifest(dir.path(), "a"), "{\n  \"n\": 1\n}\n");
    })
    .await;
}

/// A future that can go to any thread of any runtime.
fn is_free<T: Future + Send + 'static>(_: &T) {}

#[tokio::test]
async fn what_calls_return_can_go_to_any_thread() {
    within(async {
        let (_dir, _, tandem) = held().await;
        let opening = tandem.open_run(options("a"));
        is_free(&opening);
        let run = opening.await.unwrap();
        is_free(&run.flush());
        is_free(&tandem.clone().shutdown());
        let _ = run.flush().await;
    })
    .await;
}
