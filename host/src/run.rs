//! Handles of runs.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

use crate::driver::{Call, Job, Reply, RunId};
use crate::error::Error;
use crate::options::Request;
use crate::report::{Receipt, Recovery, Stats};
use crate::tandem::{Callers, check_document};

/// An open run. Clones are handles to the same run.
///
/// Each method issues its call at once, whether and whenever the returned [`Pending`] is awaited,
/// so that calls reach the component in the order of the method calls. Dropping a [`Pending`] ends
/// that wait and nothing else. (Only above 8,192 calls in flight can an order change: a throttled
/// `schedule` then waits, and later calls of other kinds overtake it.)
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
/// than [`stats`](Run::stats), which fails the same way, or by
/// [`Tandem::shutdown`](crate::Tandem::shutdown). A call whose [`Pending`] is dropped tells nobody,
/// so the call after it fails too.
/// [`recovered`](Run::recovered) still tells what the first opening found.
#[derive(Clone)]
pub struct Run {
    handle: Arc<Handle>,
    recovery: Arc<Recovery>,
}

/// Releases the run when the last of its clones goes.
pub(crate) struct Handle {
    callers: Arc<Callers>,
    id: RunId,
    /// The largest document, for the check on this side of the boundary.
    document_bytes_max: u64,
}

impl Run {
    pub(crate) fn new(handle: Handle, recovery: Recovery) -> Self {
        Run { handle: Arc::new(handle), recovery: Arc::new(recovery) }
    }

    /// What opening found on the disk.
    pub fn recovered(&self) -> &Recovery {
        &self.recovery
    }

    /// Replace the document and mark the manifest dirty. No write and no timer starts.
    ///
    /// # Errors
    /// Each of them changes nothing: `too-large` (also if the documents of all runs would be above
    /// their total limit), `invalid-input` (no JSON object, nested too deep), `closed`.
    pub fn set_manifest(&self, document: impl Into<String>) -> Pending<()> {
        let document = document.into();
        match self.handle.check("document", &document) {
            Ok(()) => self.handle.call(|reply| Call::SetManifest { document, reply }),
            Err(error) => Pending::failed(error),
        }
    }

    /// Change the document by a JSON merge patch (RFC 7396) and mark the manifest dirty.
    ///
    /// # Errors
    /// As [`set_manifest`](Run::set_manifest).
    pub fn merge_manifest(&self, patch: impl Into<String>) -> Pending<()> {
        let patch = patch.into();
        match self.handle.check("patch", &patch) {
            Ok(()) => self.handle.call(|reply| Call::MergeManifest { patch, reply }),
            Err(error) => Pending::failed(error),
        }
    }

    /// Mark channels dirty and wait for the flush that covers the request.
    ///
    /// # Errors
    /// `invalid-input` (the manifest is asked for and no document was set), `storage`, `closed`.
    pub fn schedule(&self, request: Request) -> Pending<Receipt> {
        self.handle.call(|reply| Call::Schedule { request, reply })
    }

    /// Write everything that is dirty. It fails as long as something stays unwritten.
    ///
    /// # Errors
    /// `storage`, `closed`.
    pub fn flush(&self) -> Pending<Receipt> {
        self.handle.call(|reply| Call::Flush { reply })
    }

    /// Flush what is dirty, stop timers and remove abandoned temporary files. Every later call but
    /// `close` and `stats` gets `closed`.
    ///
    /// # Errors
    /// The error of the flush; the run then stays open, and `close` can be called again.
    pub fn close(&self) -> Pending<Receipt> {
        self.handle.call(|reply| Call::Close { reply })
    }

    /// Read the counters. It works on a closed run too.
    ///
    /// # Errors
    /// Only those of a component that failed or was shut down.
    pub fn stats(&self) -> Pending<Stats> {
        self.handle.call(|reply| Call::Stats { reply })
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("directory", &self.recovery.directory).finish_non_exhaustive()
    }
}

impl Handle {
    pub(crate) fn new(callers: Arc<Callers>, id: RunId, document_bytes_max: u64) -> Self {
        Handle { callers, id, document_bytes_max }
    }

    fn call<T>(&self, call: impl FnOnce(Reply<T>) -> Call) -> Pending<T> {
        let (reply, answer) = Reply::new();
        self.callers.send(Job::Call { run: self.id, call: call(reply) });
        Pending::waiting(answer)
    }

    fn check(&self, what: &str, text: &str) -> Result<(), Error> {
        check_document(what, text, self.document_bytes_max)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.callers.send(Job::Release { run: self.id });
    }
}

/// The outcome of a call that was issued already.
///
/// It need not be awaited for the call to happen; dropping it ends only the wait.
#[derive(Debug)]
pub struct Pending<T> {
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    Failed(Option<Error>),
    Waiting(oneshot::Receiver<Result<T, Error>>),
}

impl<T> Pending<T> {
    pub(crate) fn failed(error: Error) -> Self {
        Pending { state: State::Failed(Some(error)) }
    }

    pub(crate) fn waiting(answer: oneshot::Receiver<Result<T, Error>>) -> Self {
        Pending { state: State::Waiting(answer) }
    }
}

impl<T> Unpin for Pending<T> {}

impl<T> Future for Pending<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            State::Failed(error) => Poll::Ready(Err(error.take().unwrap_or_else(Error::shut_down))),
            // The driver answers every call; it is gone only with its runtime or after a shutdown.
            State::Waiting(answer) => {
                let answered = ready!(Pin::new(answer).poll(cx));
                Poll::Ready(answered.unwrap_or_else(|_| Err(Error::shut_down())))
            }
        }
    }
}
