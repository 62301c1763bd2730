//! Handles of runs.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::callers::{Callers, Pending, Shard};
use crate::driver::{Job, Reply, RunCall, RunId};
use crate::error::Error;
use crate::records::{Channel, Receipt, Recovery, Request, Revised, Stats};
use crate::report::Unsaved;

/// An open run. Clones are handles to the same run.
///
/// Each method issues its call at once, whether and whenever the returned [`Pending`] is awaited.
/// Documents and patches take effect in the order of the method calls, and before every later call
/// of the run. Dropping a [`Pending`] ends that wait and nothing else. (A call that waits for a flush
/// can be overtaken by a later one of its run, on a busy machine or above 8,192 calls in flight:
/// what is written for it is then newer, never older, and after a `close` it gets `closed`.)
///
/// When the last handle goes, the run is closed: what is dirty is flushed, and an error of that
/// flush reaches nobody. Call [`close`](Run::close) to know.
///
/// # When the component fails
///
/// Every waiting call gets [`ErrorKind::ComponentFailed`](crate::ErrorKind::ComponentFailed), and
/// whether it took effect is unknown. The next call opens the run again in a new component, from
/// what is on the disk: **documents that were set and not flushed are given up**, and counters
/// start again. A run with such documents and no caller that waits is told by its next call other
/// than [`stats`](Run::stats) and [`unsaved`](Run::unsaved), which fails the same way, or by
/// [`Tandem::shutdown`](crate::Tandem::shutdown). A call whose [`Pending`] is dropped tells nobody,
/// so the call after it fails too.
/// [`recovered`](Run::recovered) still tells what the first opening found.
#[derive(Clone)]
#[must_use = "a run is closed when its last handle goes"]
pub struct Run {
    handle: Arc<RunHandle>,
    recovery: Arc<Recovery>,
}

/// Releases the run when the last of its clones goes.
pub(crate) struct RunHandle {
    callers: Arc<Callers>,
    shard: Shard,
    id: RunId,
    /// The largest document, for the check on this side of the boundary.
    document_bytes_max: u64,
}

impl Run {
    pub(crate) fn new(handle: RunHandle, recovery: Recovery) -> Self {
        Run { handle: Arc::new(handle), recovery: Arc::new(recovery) }
    }

    /// What opening found on the disk.
    pub fn recovered(&self) -> &Recovery {
        &self.recovery
    }

    /// Replace the document by this JSON text and mark the manifest dirty. No write and no timer
    /// starts.
    ///
    /// # Errors
    /// Each of them changes nothing: `too-large` (also if the documents of all runs would be above
    /// their total limit), `invalid-input` (no JSON object, nested too deep), `closed`.
    pub fn set(&self, document: impl Into<String>) -> Pending<Revised> {
        let document = document.into();
        match self.handle.check("document", &document) {
            Ok(()) => self.handle.ask(|reply| RunCall::Set { document, reply }),
            Err(error) => Pending::failed(error),
        }
    }

    /// As [`set`](Run::set), of any value that is an object in JSON.
    ///
    /// # Errors
    /// As [`set`](Run::set); `invalid-input` also if it cannot be written as JSON.
    pub fn set_value<T: Serialize + ?Sized>(&self, document: &T) -> Pending<Revised> {
        match to_text("document", document) {
            Ok(document) => self.set(document),
            Err(error) => Pending::failed(error),
        }
    }

    /// Change the document by a JSON merge patch (RFC 7396) and mark the manifest dirty.
    ///
    /// # Errors
    /// As [`set`](Run::set).
    pub fn merge(&self, patch: impl Into<String>) -> Pending<Revised> {
        let patch = patch.into();
        match self.handle.check("patch", &patch) {
            Ok(()) => self.handle.ask(|reply| RunCall::Merge { patch, reply }),
            Err(error) => Pending::failed(error),
        }
    }

    /// As [`merge`](Run::merge), of any value that is an object in JSON. A member that is null
    /// removes one of the document.
    ///
    /// # Errors
    /// As [`set_value`](Run::set_value).
    pub fn merge_value<T: Serialize + ?Sized>(&self, patch: &T) -> Pending<Revised> {
        match to_text("patch", patch) {
            Ok(patch) => self.merge(patch),
            Err(error) => Pending::failed(error),
        }
    }

    /// Mark channels dirty and ask for their flush as [`schedule`](Run::schedule) does, but do not
    /// wait for it. Its failure shows in [`stats`](Run::stats) and in the next call that waits for
    /// what was not written.
    ///
    /// # Errors
    /// `invalid-input` (the manifest is asked for and no document was set), `closed`.
    pub fn mark(&self, request: Request) -> Pending<()> {
        self.handle.ask(|reply| RunCall::Mark { request, reply })
    }

    /// Mark channels dirty and wait for the flush that covers the request.
    ///
    /// # Errors
    /// `invalid-input` (the manifest is asked for and no document was set), `storage`, `conflict`,
    /// `closed`.
    pub fn schedule(&self, request: Request) -> Pending<Receipt> {
        self.handle.ask(|reply| RunCall::Schedule { request, reply })
    }

    /// Write everything that is dirty. It fails as long as something stays unwritten.
    ///
    /// # Errors
    /// `storage`, `conflict`, `closed`.
    pub fn flush(&self) -> Pending<Receipt> {
        self.handle.ask(|reply| RunCall::Flush { reply })
    }

    /// Flush what is dirty, stop timers and remove abandoned temporary files. Every later call but
    /// `close`, `stats` and `unsaved` gets `closed`.
    ///
    /// # Errors
    /// The error of the flush; the run then stays open, and `close` can be called again.
    pub fn close(&self) -> Pending<Receipt> {
        self.handle.ask(|reply| RunCall::Close { reply })
    }

    /// Read the counters. It works on a closed run too.
    ///
    /// # Errors
    /// Only those of a component that failed or was shut down, and of a process that forked.
    pub fn stats(&self) -> Pending<Stats> {
        self.handle.ask(|reply| RunCall::Stats { reply })
    }

    /// What of the document is not on the disk, as far as is known; of a closed run too. It compares
    /// revisions: of each change that was accepted, of what was written, and of what a component that
    /// failed took along. After such a failure it opens nothing.
    ///
    /// # Errors
    /// As [`stats`](Run::stats).
    pub fn unsaved(&self) -> Pending<Unsaved> {
        self.handle.ask(|reply| RunCall::Unsaved { reply })
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("directory", &self.recovery.directory).finish_non_exhaustive()
    }
}

impl RunHandle {
    pub(crate) fn new(
        callers: Arc<Callers>,
        shard: Shard,
        id: RunId,
        document_bytes_max: u64,
    ) -> Self {
        RunHandle { callers, shard, id, document_bytes_max }
    }

    fn ask<T>(&self, call: impl FnOnce(Reply<T>) -> RunCall) -> Pending<T> {
        let run = self.id;
        self.callers.ask(self.shard, |reply| Job::Call { run, call: call(reply) })
    }

    /// Checks the size of a document or a patch before it crosses the boundary.
    fn check(&self, what: &str, text: &str) -> Result<(), Error> {
        let (bytes, bytes_max) = (text.len() as u64, self.document_bytes_max);
        if bytes > bytes_max {
            let message =
                format!("{what} takes {bytes} bytes, above max_document_bytes: {bytes_max}");
            return Err(Error::too_large(Channel::Manifest, message));
        }
        Ok(())
    }
}

fn to_text<T: Serialize + ?Sized>(what: &str, value: &T) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|why| Error::invalid_input(format!("the {what} cannot be written as JSON: {why}")))
}

impl Drop for RunHandle {
    fn drop(&mut self) {
        self.callers.send(self.shard, Job::Release { run: self.id });
    }
}
