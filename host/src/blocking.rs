//! The same calls for callers that wait: for programs without a runtime.
//!
//! ```
//! use tandem_host::blocking::Tandem;
//! use tandem_host::{Request, RunOptions};
//!
//! # let state = tempfile::tempdir().unwrap();
//! let tandem = Tandem::open(state.path())?;
//! let run = tandem.open_run(RunOptions::new("nightly", "2026-01-06T00-27-16"))?;
//! run.set(r#"{"status": "in_progress"}"#)?;
//! run.schedule(Request::new().manifest().heartbeat().force())?;
//! run.close()?;
//! # Ok::<(), tandem_host::Error>(())
//! ```
//!
//! They block the calling thread, so a task of a runtime should not make them: whatever else its thread
//! has to do waits. A call that nobody is
//! to wait for is made by a thread of the caller's: handles are `Clone` and `Send`.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use serde::Serialize;
use tokio::task::coop::unconstrained;

use crate::builder::Builder;
use crate::error::Error;
use crate::records::{
    HistoryOptions, Receipt, RecordOptions, Recorded, Recovery, RemoveOptions, Removed, Request,
    Revised, RunOptions, Stats, TaskHistory,
};
use crate::report::{ClosedRun, Unsaved};

/// Waits for a call on this thread. Where that is a task's, its runtime would sooner or later put off
/// what the call waits for until the task gives way, which it never does.
fn wait<T>(call: impl Future<Output = T>) -> T {
    pollster::block_on(unconstrained(call))
}

/// As [`crate::Tandem`], but that each call waits for its outcome, and the drop of the last handle,
/// of a run too, for the end: then every run is closed and every file is closed. That drop waits for
/// as long as a disk call takes, and a record waits for its lock; it must not happen on a worker of a
/// [`Disk`](crate::disk::Disk) of one's own.
#[derive(Clone, Debug)]
#[must_use = "a Tandem ends when its last handle goes"]
pub struct Tandem {
    // Before `_end`, which waits for what the drop of this one begins.
    tandem: crate::Tandem,
    _end: Arc<End>,
}

/// As [`crate::Run`], but that each call waits for its outcome.
#[derive(Clone, Debug)]
#[must_use = "a run is closed when its last handle goes"]
pub struct Run {
    // As in `Tandem`.
    run: crate::Run,
    _end: Arc<End>,
}

/// Waits for the threads of a Tandem when the last of its handles goes.
#[derive(Debug)]
struct End {
    threads: Vec<JoinHandle<()>>,
    /// A forked process has no thread but the one that forked.
    process: u32,
}

impl Builder {
    /// As [`build`](Builder::build), for callers that wait.
    ///
    /// # Errors
    /// As [`build`](Builder::build).
    pub fn build_blocking(self) -> Result<Tandem, Error> {
        let (tandem, threads) = wait(self.start())?;
        Ok(Tandem::new(tandem, threads))
    }
}

impl Tandem {
    fn new(tandem: crate::Tandem, threads: Vec<JoinHandle<()>>) -> Self {
        Tandem { tandem, _end: Arc::new(End { threads, process: std::process::id() }) }
    }

    /// As [`crate::Tandem::open`].
    ///
    /// # Errors
    /// As [`crate::Tandem::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Tandem, Error> {
        Builder::creating(path.as_ref()).build_blocking()
    }

    /// As [`crate::Tandem::open_run`].
    ///
    /// # Errors
    /// As [`crate::Tandem::open_run`].
    pub fn open_run(&self, options: RunOptions) -> Result<Run, Error> {
        let run = wait(self.tandem.open_run(options))?;
        Ok(Run { run, _end: self._end.clone() })
    }

    /// As [`crate::Tandem::record_run`].
    ///
    /// # Errors
    /// As [`crate::Tandem::record_run`].
    pub fn record_run(
        &self,
        summary: impl Into<String>,
        options: RecordOptions,
    ) -> Result<Recorded, Error> {
        wait(self.tandem.record_run(summary, options))
    }

    /// As [`crate::Tandem::remove_runs`].
    ///
    /// # Errors
    /// As [`crate::Tandem::remove_runs`].
    pub fn remove_runs(
        &self,
        runs: impl IntoIterator<Item = impl Into<String>>,
        options: RemoveOptions,
    ) -> Result<Removed, Error> {
        wait(self.tandem.remove_runs(runs, options))
    }

    /// As [`crate::Tandem::history`].
    ///
    /// # Errors
    /// As [`crate::Tandem::history`].
    pub fn history(&self, options: HistoryOptions) -> Result<TaskHistory, Error> {
        wait(self.tandem.history(options))
    }

    /// As [`crate::Tandem::shutdown`].
    #[must_use = "a run whose close failed is told here and nowhere else"]
    pub fn shutdown(self) -> Vec<ClosedRun> {
        wait(self.tandem.shutdown())
    }
}

impl Run {
    /// As [`crate::Run::recovered`].
    pub fn recovered(&self) -> &Recovery {
        self.run.recovered()
    }

    /// As [`crate::Run::set`].
    ///
    /// # Errors
    /// As [`crate::Run::set`].
    pub fn set(&self, document: impl Into<String>) -> Result<Revised, Error> {
        wait(self.run.set(document))
    }

    /// As [`crate::Run::set_value`].
    ///
    /// # Errors
    /// As [`crate::Run::set_value`].
    pub fn set_value<T: Serialize + ?Sized>(&self, document: &T) -> Result<Revised, Error> {
        wait(self.run.set_value(document))
    }

    /// As [`crate::Run::merge`].
    ///
    /// # Errors
    /// As [`crate::Run::merge`].
    pub fn merge(&self, patch: impl Into<String>) -> Result<Revised, Error> {
        wait(self.run.merge(patch))
    }

    /// As [`crate::Run::merge_value`].
    ///
    /// # Errors
    /// As [`crate::Run::merge_value`].
    pub fn merge_value<T: Serialize + ?Sized>(&self, patch: &T) -> Result<Revised, Error> {
        wait(self.run.merge_value(patch))
    }

    /// As [`crate::Run::mark`].
    ///
    /// # Errors
    /// As [`crate::Run::mark`].
    pub fn mark(&self, request: Request) -> Result<(), Error> {
        wait(self.run.mark(request))
    }

    /// As [`crate::Run::schedule`]: without force, it waits for the throttle.
    ///
    /// # Errors
    /// As [`crate::Run::schedule`].
    pub fn schedule(&self, request: Request) -> Result<Receipt, Error> {
        wait(self.run.schedule(request))
    }

    /// As [`crate::Run::flush`].
    ///
    /// # Errors
    /// As [`crate::Run::flush`].
    pub fn flush(&self) -> Result<Receipt, Error> {
        wait(self.run.flush())
    }

    /// As [`crate::Run::close`].
    ///
    /// # Errors
    /// As [`crate::Run::close`].
    pub fn close(&self) -> Result<Receipt, Error> {
        wait(self.run.close())
    }

    /// As [`crate::Run::stats`].
    ///
    /// # Errors
    /// As [`crate::Run::stats`].
    pub fn stats(&self) -> Result<Stats, Error> {
        wait(self.run.stats())
    }

    /// As [`crate::Run::unsaved`].
    ///
    /// # Errors
    /// As [`crate::Run::unsaved`].
    pub fn unsaved(&self) -> Result<Unsaved, Error> {
        wait(self.run.unsaved())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            return;
        }
        for thread in self.threads.drain(..) {
            // A disk of one's own may hold the last handle. A thread that panicked has said so.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}
