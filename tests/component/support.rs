//! What the tests share: a directory with a component on it, clocks that are set by hand, and a
//! disk whose calls are recorded, held back and failed.

use std::fs;
use std::future::Future;
use std::ops::Deref;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, SystemTime};
use tandem_host::testing::DiskExt;

use futures::FutureExt;
use tandem_host::disk::{ErrorCode, OsDisk, Threads};
use tandem_host::testing::DiskOperation::{CreateFile, Rename, SyncData, Write};
use tandem_host::testing::{DiskOperation, Fail, Hold, Record, load_component};
use tandem_host::{MonotonicClock, Operation, Request, RunOptions, WallClock};
use tandem_tests::blocking;
use tempfile::TempDir;

use crate::either::{Pending, Run, Starter, Tandem};

/// Something hangs if it takes this long. All but the load tests need less than a second.
const HANG: Duration = Duration::from_secs(180);

/// A throttle that no test waits for.
const HOUR: Duration = Duration::from_secs(3_600);

/// Both channels, at once.
pub const ALL: Request = Request { manifest: true, heartbeat: true, force: true };
/// Throttled.
pub const MANIFEST: Request = Request { manifest: true, heartbeat: false, force: false };
/// Throttled.
pub const HEARTBEAT: Request = Request { manifest: false, heartbeat: true, force: false };

/// The codes and whether the same request can succeed later.
pub const CODES: [(ErrorCode, bool); 5] = [
    (ErrorCode::InsufficientSpace, true),
    (ErrorCode::Quota, true),
    (ErrorCode::Io, true),
    (ErrorCode::Access, false),
    (ErrorCode::ReadOnly, false),
];

/// The operations on a file that is written, and what they are called in an error.
pub const STEPS: [(DiskOperation, Operation); 4] = [
    (CreateFile, Operation::Open),
    (Write, Operation::Write),
    (SyncData, Operation::Sync),
    (Rename, Operation::Rename),
];

/// Makes a test of each named function for each filesystem: `in_place::name`, `workers::name`
/// and `wasmtime::name`.
macro_rules! on_every_filesystem {
    ($($name:ident),* $(,)?) => {
        mod workers {
            $(#[tokio::test]
            async fn $name() {
                let files = crate::support::Files::Workers;
                crate::support::within(super::$name(files)).await;
            })*
        }

        mod in_place {
            $(#[tokio::test]
            async fn $name() {
                let files = crate::support::Files::InPlace;
                crate::support::within(super::$name(files)).await;
            })*
        }

        mod wasmtime {
            $(#[tokio::test]
            async fn $name() {
                let files = crate::support::Files::Wasmtime;
                crate::support::within(super::$name(files)).await;
            })*
        }
    };
}
pub(crate) use on_every_filesystem;

/// Makes a test of each named function with the blocking component, on our own filesystem and on
/// wasmtime's: `blocking::name` and `blocking_wasmtime::name`.
macro_rules! on_the_blocking_component {
    ($($name:ident),* $(,)?) => {
        mod blocking {
            $(#[test]
            fn $name() {
                crate::support::in_time(|| super::$name(crate::support::Files::Blocking));
            })*
        }

        mod blocking_wasmtime {
            $(#[test]
            fn $name() {
                crate::support::in_time(|| super::$name(crate::support::Files::BlockingWasmtime));
            })*
        }
    };
}
pub(crate) use on_the_blocking_component;

/// Both.
macro_rules! on_every_host {
    ($($name:ident),* $(,)?) => {
        crate::support::on_every_filesystem!($($name),*);
        crate::support::on_the_blocking_component!($($name),*);
    };
}
pub(crate) use on_every_host;

/// Makes a test of each named function for each component: `concurrent::name` and `blocking::name`.
macro_rules! on_both_worlds {
    ($($name:ident),* $(,)?) => {
        mod concurrent {
            $(#[tokio::test]
            async fn $name() {
                crate::support::within(super::$name(crate::support::World::Concurrent)).await;
            })*
        }

        mod blocking {
            $(#[test]
            fn $name() {
                crate::support::in_time(|| super::$name(crate::support::World::Blocking));
            })*
        }
    };
}
pub(crate) use on_both_worlds;

/// Which component.
#[derive(Clone, Copy)]
pub enum World {
    Concurrent,
    Blocking,
}

impl World {
    pub async fn lab(self) -> Lab {
        self.lab_with(|builder| builder).await
    }

    pub async fn lab_with(self, choose: impl FnOnce(Starter) -> Starter) -> Lab {
        match self {
            World::Concurrent => Lab::with(choose).await,
            World::Blocking => Lab::blocking(choose).await,
        }
    }
}

/// Which component, and what answers its `wasi:filesystem`.
#[derive(Clone, Copy)]
pub enum Files {
    /// Our own, as it is by default.
    InPlace,
    /// Our own, with every call on a worker.
    Workers,
    /// What other hosts use.
    Wasmtime,
    /// The blocking component, on our own.
    Blocking,
    /// The blocking component, on what other hosts use.
    BlockingWasmtime,
}

/// A component and its directory.
pub struct Bench {
    pub tandem: Tandem,
    pub dir: TempDir,
}

/// A bench on a disk that can be watched and disturbed. The log shows what the component asked
/// for, also what is held back or failed.
pub struct Lab {
    bench: Bench,
    pub record: Record,
    pub hold: Hold,
    pub fail: Fail,
}

/// A clock that moves only by hand. Clones show the same time.
#[derive(Clone)]
pub struct Clock(Arc<AtomicU64>);

impl Files {
    pub fn builder(self, dir: &Path) -> Starter {
        let builder = tandem_host::Tandem::builder();
        Starter::Concurrent(match self {
            Files::InPlace => builder.dir(dir),
            Files::Workers => builder.disk(OsDisk::open(dir).unwrap().threads(Threads::Workers)),
            Files::Wasmtime => builder.wasmtime_filesystem(dir),
            Files::Blocking => return Starter::Blocking(blocking::Builder::dir(dir)),
            Files::BlockingWasmtime => {
                return Starter::Blocking(blocking::Builder::wasmtime_filesystem(dir));
            }
        })
    }

    pub async fn bench(self) -> Bench {
        self.bench_with(|builder| builder).await
    }

    pub async fn bench_with(self, choose: impl FnOnce(Starter) -> Starter) -> Bench {
        let dir = TempDir::new().unwrap();
        let tandem = choose(self.builder(dir.path())).build().await.unwrap();
        Bench { tandem, dir }
    }
}

impl Lab {
    pub async fn new() -> Self {
        Lab::with(|builder| builder).await
    }

    pub async fn with(choose: impl FnOnce(Starter) -> Starter) -> Self {
        Lab::of(false, choose).await
    }

    /// On the blocking component.
    pub async fn blocking(choose: impl FnOnce(Starter) -> Starter) -> Self {
        Lab::of(true, choose).await
    }

    async fn of(is_sync: bool, choose: impl FnOnce(Starter) -> Starter) -> Self {
        let dir = TempDir::new().unwrap();
        let (record, hold, fail) = (Record::new(), Hold::new(), Fail::new());
        let disk = OsDisk::open(dir.path()).unwrap();
        let disk = disk.layered(fail.clone()).layered(hold.clone()).layered(record.clone());
        let starter = if is_sync {
            Starter::Blocking(blocking::Builder::disk(disk))
        } else {
            Starter::Concurrent(tandem_host::Tandem::builder().disk(disk))
        };
        let tandem = choose(starter).build().await.unwrap();
        Lab { bench: Bench { tandem, dir }, record, hold, fail }
    }

    /// How many calls of `operation` on the file `name`, or on a temporary file of it, were made.
    pub fn count(&self, operation: DiskOperation, name: &str) -> usize {
        self.record.count(|call| call.is(operation, name))
    }
}

impl Deref for Lab {
    type Target = Bench;

    fn deref(&self) -> &Bench {
        &self.bench
    }
}

impl Bench {
    /// Opens a run whose throttle no test waits for.
    pub async fn open(&self, run: &str) -> Run {
        self.tandem.open_run(options(run)).await.unwrap()
    }

    /// Opens a run and writes both its files, so that the throttle holds back what is not forced.
    pub async fn open_written(&self, run: &str) -> Run {
        let run = self.open(run).await;
        run.set("{}").await.unwrap();
        run.schedule(ALL).await.unwrap();
        run
    }

    pub fn run_dir(&self, run: &str) -> PathBuf {
        self.dir.path().join(directory(run))
    }

    pub fn manifest(&self, run: &str) -> String {
        fs::read_to_string(self.run_dir(run).join("manifest.json")).unwrap()
    }

    pub fn heartbeat(&self, run: &str) -> String {
        fs::read_to_string(self.run_dir(run).join(".heartbeat")).unwrap()
    }

    /// Puts a file into a run's directory, which need not exist yet.
    pub fn put(&self, run: &str, name: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.run_dir(run)).unwrap();
        fs::write(self.run_dir(run).join(name), content).unwrap();
    }

    /// The names in a run's directory, sorted.
    pub fn names(&self, run: &str) -> Vec<String> {
        names_in(&self.run_dir(run))
    }
}

impl Clock {
    pub fn at_ms(ms: u64) -> Self {
        Clock(Arc::new(AtomicU64::new(ms)))
    }

    pub fn set_ms(&self, ms: u64) {
        self.0.store(ms, Ordering::SeqCst);
    }

    fn ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl WallClock for Clock {
    fn since_epoch(&self) -> Duration {
        Duration::from_millis(self.ms())
    }
}

impl MonotonicClock for Clock {
    fn now_ns(&self) -> u64 {
        self.ms() * 1_000_000
    }
}

/// A run of the task `task`, whose throttle no test waits for.
pub fn options(run: &str) -> RunOptions {
    RunOptions::new("task", run).interval(HOUR)
}

/// The run's directory, relative to the granted one.
pub fn directory(run: &str) -> String {
    format!(".runs/task/cli/{run}")
}

/// Fails a test that hangs. What it compiles beside the components is compiled before.
pub async fn within<T>(test: impl Future<Output = T>) -> T {
    load_component().unwrap();
    tokio::time::timeout(HANG, test).await.expect("the test hangs")
}

/// Fails a test whose calls block and hang.
pub fn in_time<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    load_component().unwrap();
    blocking::load_component();
    let (tell, told) = mpsc::channel();
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(test());
        tell.send(()).unwrap();
    });
    match told.recv_timeout(HANG) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the test hangs"),
        _ => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
    }
}

/// Gives the component every chance to do what nobody asked for.
pub async fn turn(run: &Run) {
    for _ in 0..10 {
        run.stats().await.unwrap();
    }
}

pub fn is_waiting<T>(pending: &mut Pending<T>) -> bool {
    pending.now_or_never().is_none()
}

pub fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Makes a file look as if it had been written so long ago.
pub fn age(path: &Path, seconds: u64) {
    let modified = SystemTime::now() - Duration::from_secs(seconds);
    fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}
