//! The synchronous component, on WASI 0.2: calls that block, without a runtime.
//!
//! It keeps the same files by the same rules, and is what hosts without WASI 0.3 run. A program in
//! Rust that can be asynchronous uses [`Tandem`](crate::Tandem), which lets runs overlap.
//!
//! ```
//! use tandem_host::{Request, RunOptions, Tandem};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let state = tempfile::tempdir()?;
//! let tandem = Tandem::builder().dir(state.path()).build_sync()?;
//! let run = tandem.open_run(RunOptions::new("nightly", "r1"))?;
//! run.set_manifest(r#"{"status": "in_progress"}"#)?;
//! let first = run.schedule(Request::new().manifest().heartbeat())?;
//! assert!(first.receipt.manifest.is_some() && first.call_again_in_ms.is_none());
//!
//! // Nothing waits for the throttle: the answer tells when it is over.
//! run.merge_manifest(r#"{"step": 2}"#)?;
//! let second = run.schedule(Request::new().manifest())?;
//! assert!(second.receipt.manifest.is_none() && second.call_again_in_ms.is_some());
//! run.close()?;
//! # Ok(())
//! # }
//! ```

mod account;
mod calls;
mod instance;
mod meter;

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

use serde::Serialize;

use crate::driver::Bounds;
use crate::error::Error;
use crate::options::{HistoryOptions, RecordOptions, Request, RunOptions};
use crate::report::{History, Receipt, Recorded, Recovery, Stats};
use crate::tandem::{bounded, check_document, check_summary};
use calls::{Calls, Held};
pub(crate) use instance::{Parts, start};

/// What a [`schedule`](Run::schedule) did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Scheduled {
    /// What this call wrote.
    pub receipt: Receipt,
    /// Set if something that was asked for is still unwritten: in how many milliseconds the throttle
    /// and the back-off of one of its channels will be over.
    pub call_again_in_ms: Option<u64>,
}

/// A synchronous component that keeps any number of runs, and the histories of their tasks, below
/// one directory. Clones are handles to the same. Made by
/// [`Builder::build_sync`](crate::Builder::build_sync).
///
/// The component lives in a thread of its own, which makes one call after the other; calls of other
/// threads wait. Dropping the last handle to it and to its runs waits for that thread.
#[derive(Clone)]
pub struct Tandem {
    shared: Arc<Shared>,
}

/// An open run. Clones are handles to the same run.
///
/// When the last handle goes, the run is closed: what is dirty is flushed, and an error of that
/// flush reaches nobody. Call [`close`](Run::close) to know.
///
/// When the component fails, every run that is open then is lost, with what was set and not
/// flushed: its calls get [`ErrorKind::ComponentFailed`](crate::ErrorKind::ComponentFailed). The next
/// [`open_run`](Tandem::open_run) starts a new component.
#[derive(Clone)]
pub struct Run {
    handle: Arc<Handle>,
    recovery: Arc<Recovery>,
}

/// A call, made by the component's thread.
type Job = Box<dyn FnOnce(&mut dyn Calls) + Send>;

pub(crate) struct Shared {
    /// Gone while the last handle is dropped.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    bounds: Bounds,
}

struct Handle {
    shared: Arc<Shared>,
    held: Held,
    document_bytes_max: u64,
}

impl Shared {
    fn new(jobs: Sender<Job>, thread: JoinHandle<()>, bounds: Bounds) -> Self {
        Shared { jobs: Some(jobs), thread: Some(thread), bounds }
    }

    fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut dyn Calls) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.send(Box::new(move |calls| {
            // The caller waits below.
            let _ = reply.send(call(calls));
        }));
        // Without an answer the thread has panicked.
        answer.recv().unwrap_or_else(|_| Err(Error::shut_down()))
    }

    fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // If the thread is gone, the missing answer tells.
            let _ = jobs.send(job);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been told by missing answers.
            let _ = thread.join();
        }
    }
}

impl Tandem {
    pub(crate) fn new(shared: Shared) -> Self {
        Tandem { shared: Arc::new(shared) }
    }

    /// Open a run.
    ///
    /// # Errors
    /// `invalid-id`, `invalid-input`, `already-open`, `too-large` (the manifest on the disk is above
    /// the limit, or all documents together are), `storage`, `component-failed`.
    pub fn open_run(&self, mut options: RunOptions) -> Result<Run, Error> {
        let limit = self.shared.bounds.document_bytes;
        let document_bytes_max =
            bounded("the run's document limit", &mut options.max_document_bytes, limit)?;
        let (held, recovery) = self.shared.call(move |calls| calls.open(options))?;
        let handle = Handle { shared: self.shared.clone(), held, document_bytes_max };
        Ok(Run { handle: Arc::new(handle), recovery: Arc::new(recovery) })
    }

    /// Record a completed run: write its summary, and merge it into its task's history. It waits for
    /// the lock of the history, for as long as the options say; other calls wait too.
    ///
    /// # Errors
    /// As [`Tandem::record_run`](crate::Tandem::record_run).
    pub fn record_run(
        &self,
        options: RecordOptions,
        summary: impl Into<String>,
    ) -> Result<Recorded, Error> {
        let (options, summary) = check_summary(self.shared.bounds, options, summary.into())?;
        self.shared.call(move |calls| calls.record_run(options, summary))
    }

    /// Read the history of a task, and change nothing. No history is an empty one.
    ///
    /// # Errors
    /// As [`Tandem::history`](crate::Tandem::history).
    pub fn history(&self, mut options: HistoryOptions) -> Result<History, Error> {
        let limit = self.shared.bounds.history_bytes;
        bounded("the history limit", &mut options.max_history_bytes, limit)?;
        self.shared.call(move |calls| calls.history(options))
    }
}

impl Run {
    /// What opening found on the disk.
    pub fn recovered(&self) -> &Recovery {
        &self.recovery
    }

    /// Replace the document and mark the manifest dirty. Nothing is written.
    ///
    /// # Errors
    /// Each of them changes nothing: `too-large` (also if the documents of all runs would be above
    /// their total limit), `invalid-input` (no JSON object, nested too deep), `closed`.
    pub fn set_manifest(&self, document: impl Into<String>) -> Result<(), Error> {
        let document = document.into();
        self.handle.check("document", &document)?;
        let held = self.handle.held;
        self.handle.shared.call(move |calls| calls.set_manifest(held, document))
    }

    /// Change the document by a JSON merge patch (RFC 7396) and mark the manifest dirty.
    ///
    /// # Errors
    /// As [`set_manifest`](Run::set_manifest).
    pub fn merge_manifest(&self, patch: impl Into<String>) -> Result<(), Error> {
        let patch = patch.into();
        self.handle.check("patch", &patch)?;
        let held = self.handle.held;
        self.handle.shared.call(move |calls| calls.merge_manifest(held, patch))
    }

    /// Mark channels dirty, and write those whose throttle and back-off are over. It waits for no
    /// time: the answer tells when to call again.
    ///
    /// # Errors
    /// `invalid-input` (the manifest is asked for and no document was set), `storage`, `closed`.
    pub fn schedule(&self, request: Request) -> Result<Scheduled, Error> {
        let held = self.handle.held;
        self.handle.shared.call(move |calls| calls.schedule(held, request))
    }

    /// Write everything that is dirty. It fails as long as something stays unwritten.
    ///
    /// # Errors
    /// `storage`, `closed`.
    pub fn flush(&self) -> Result<Receipt, Error> {
        let held = self.handle.held;
        self.handle.shared.call(move |calls| calls.flush(held))
    }

    /// Flush what is dirty and remove abandoned temporary files. Every later call but `close` and
    /// `stats` gets `closed`.
    ///
    /// # Errors
    /// The error of the flush; the run then stays open, and `close` can be called again.
    pub fn close(&self) -> Result<Receipt, Error> {
        let held = self.handle.held;
        self.handle.shared.call(move |calls| calls.close(held))
    }

    /// Read the counters. It works on a closed run too.
    ///
    /// # Errors
    /// Only those of a component that failed.
    pub fn stats(&self) -> Result<Stats, Error> {
        let held = self.handle.held;
        self.handle.shared.call(move |calls| calls.stats(held))
    }
}

impl Handle {
    /// The check on this side of the boundary.
    fn check(&self, what: &str, text: &str) -> Result<(), Error> {
        check_document(what, text, self.document_bytes_max)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let held = self.held;
        self.shared.send(Box::new(move |calls| calls.drop_run(held)));
    }
}

impl fmt::Debug for Tandem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tandem").field("bounds", &self.shared.bounds).finish_non_exhaustive()
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("directory", &self.recovery.directory).finish_non_exhaustive()
    }
}
