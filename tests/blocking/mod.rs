//! A host of the component for WASI 0.2, as small as its tests need it: calls that block their
//! thread, on any disk or on wasmtime's own filesystem.

mod clocks;
mod engine;
mod files;
mod instance;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

use tandem_host::disk::{Disk, OsDisk};
use tandem_host::{
    Error, HistoryOptions, MonotonicClock, Receipt, RecordOptions, Recorded, Recovery,
    RemoveOptions, Removed, Request, Revised, RunOptions, Stats, TaskHistory, WallClock,
};

use clocks::Clocks;
pub use engine::load_component;
use files::{OnDisk, OnWasmtime};
use instance::{Calls, Held};
pub use tandem_host::testing::bindings::records::Limits;
pub use tandem_simulator::guest::Scheduled;

/// What to run, and on what.
pub struct Builder {
    launch: Box<Launch>,
    component: Option<Vec<u8>>,
    clocks: Clocks,
}

type Launch = dyn FnOnce(Option<Vec<u8>>, Clocks) -> Result<Tandem, Error>;

/// A component, in a thread of its own, which makes one call after the other. Clones are handles to
/// the same. The drop of the last one, of a run too, waits for that thread.
#[derive(Clone)]
pub struct Tandem {
    thread: Arc<Thread>,
}

/// An open run. Clones are handles to the same run; the drop of the last one closes it.
///
/// A component that traps loses its runs: their calls fail, and the next open starts another
/// component.
#[derive(Clone)]
pub struct Run {
    handle: Arc<Handle>,
    recovery: Arc<Recovery>,
}

/// A call, made by the component's thread.
type Job = Box<dyn FnOnce(&mut dyn Calls) + Send>;

struct Thread {
    /// Gone while the last handle is dropped.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

struct Handle {
    thread: Arc<Thread>,
    held: Held,
}

impl Builder {
    /// Keep runs below a directory.
    pub fn dir(path: impl AsRef<Path>) -> Builder {
        Builder::disk(OsDisk::open(path).expect("the directory of a test"))
    }

    /// Keep runs on any disk.
    pub fn disk(disk: impl Disk) -> Builder {
        Builder::new(move |component, clocks| {
            instance::start(OnDisk::new(disk, clocks), component).map(Tandem::new)
        })
    }

    /// Keep runs below a directory, through wasmtime's own filesystem and with its clocks.
    pub fn wasmtime_filesystem(path: impl AsRef<Path>) -> Builder {
        let files = OnWasmtime::new(path.as_ref());
        Builder::new(move |component, clocks| {
            assert!(clocks.are_the_systems(), "wasmtime has clocks of its own");
            instance::start(files, component).map(Tandem::new)
        })
    }

    fn new(
        launch: impl FnOnce(Option<Vec<u8>>, Clocks) -> Result<Tandem, Error> + 'static,
    ) -> Builder {
        Builder { launch: Box::new(launch), component: None, clocks: Clocks::default() }
    }

    /// Run this component instead of the one of this build.
    pub fn component(self, bytes: impl Into<Vec<u8>>) -> Builder {
        Builder { component: Some(bytes.into()), ..self }
    }

    /// The clock that heartbeats show.
    pub fn wall_clock(mut self, clock: impl WallClock) -> Builder {
        self.clocks.set_wall(clock);
        self
    }

    /// The clock that the throttle and the back-off read.
    pub fn monotonic_clock(mut self, clock: impl MonotonicClock) -> Builder {
        self.clocks.set_monotonic(clock);
        self
    }

    /// Starts the thread. The component itself starts with the first call.
    pub fn build(self) -> Result<Tandem, Error> {
        (self.launch)(self.component, self.clocks)
    }
}

impl Tandem {
    fn new((jobs, thread): (Sender<Job>, JoinHandle<()>)) -> Self {
        let thread = Thread { jobs: Some(jobs), thread: Some(thread) };
        Tandem { thread: Arc::new(thread) }
    }

    pub fn open_run(&self, options: RunOptions) -> Result<Run, Error> {
        let (held, recovery) = self.thread.call(move |calls| calls.open(options))?;
        let handle = Handle { thread: self.thread.clone(), held };
        Ok(Run { handle: Arc::new(handle), recovery: Arc::new(recovery) })
    }

    pub fn record_run(
        &self,
        summary: impl Into<String>,
        options: RecordOptions,
    ) -> Result<Recorded, Error> {
        let summary = summary.into();
        self.thread.call(move |calls| calls.record_run(summary, options))
    }

    /// Records several runs in one call.
    pub fn record_runs(
        &self,
        summaries: Vec<String>,
        options: RecordOptions,
    ) -> Result<Vec<Result<Recorded, Error>>, Error> {
        self.thread.call(move |calls| calls.record_runs(summaries, options))
    }

    /// Tells the component what it may keep in memory.
    pub fn set_limits(&self, limits: Limits) -> Result<(), Error> {
        self.thread.call(move |calls| calls.set_limits(limits))
    }

    pub fn remove_runs(&self, runs: Vec<String>, options: RemoveOptions) -> Result<Removed, Error> {
        self.thread.call(move |calls| calls.remove_runs(runs, options))
    }

    pub fn history(&self, options: HistoryOptions) -> Result<TaskHistory, Error> {
        self.thread.call(move |calls| calls.history(options))
    }
}

impl Run {
    /// What opening found on the disk.
    pub fn recovered(&self) -> &Recovery {
        &self.recovery
    }

    pub fn set(&self, document: impl Into<String>) -> Result<Revised, Error> {
        let document = document.into();
        self.call(move |calls, held| calls.set(held, document))
    }

    pub fn merge(&self, patch: impl Into<String>) -> Result<Revised, Error> {
        let patch = patch.into();
        self.call(move |calls, held| calls.merge(held, patch))
    }

    pub fn mark(&self, request: Request) -> Result<(), Error> {
        self.call(move |calls, held| calls.mark(held, request))
    }

    /// Writes what may be written now, and tells when to call again for the rest.
    pub fn schedule(&self, request: Request) -> Result<Scheduled, Error> {
        self.call(move |calls, held| calls.schedule(held, request))
    }

    pub fn flush(&self) -> Result<Receipt, Error> {
        self.call(|calls, held| calls.flush(held))
    }

    pub fn close(&self) -> Result<Receipt, Error> {
        self.call(|calls, held| calls.close(held))
    }

    pub fn stats(&self) -> Result<Stats, Error> {
        self.call(|calls, held| calls.stats(held))
    }

    fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut dyn Calls, Held) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let held = self.handle.held;
        self.handle.thread.call(move |calls| call(calls, held))
    }
}

impl Thread {
    fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut dyn Calls) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.send(Box::new(move |calls| {
            // The caller waits below.
            let _ = reply.send(call(calls));
        }));
        answer.recv().expect("the component's thread panicked")
    }

    fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // If the thread is gone, the missing answer tells.
            let _ = jobs.send(job);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let held = self.held;
        self.thread.send(Box::new(move |calls| calls.drop_run(held)));
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been told by missing answers.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Tandem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tandem").finish_non_exhaustive()
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("directory", &self.recovery.directory).finish_non_exhaustive()
    }
}
