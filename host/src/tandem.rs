//! One component and its runs.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::builder::Builder;
use crate::driver::{Bounds, Job, Reply, RunId};
use crate::error::Error;
use crate::options::RunOptions;
use crate::report::ClosedRun;
use crate::run::{Handle, Pending, Run};

/// A component that keeps any number of runs below one directory. Clones are handles to the same.
///
/// It lives on the tokio runtime on which it was built, until the last handle to it and to its
/// runs is gone. A runtime that ends first takes it along: what is not flushed is then lost.
#[derive(Clone)]
pub struct Tandem {
    callers: Arc<Callers>,
}

/// The callers' end of the driver.
pub(crate) struct Callers {
    jobs: UnboundedSender<Job>,
    next_run: AtomicU64,
    bounds: Bounds,
}

impl Callers {
    pub(crate) fn new(jobs: UnboundedSender<Job>, bounds: Bounds) -> Self {
        Callers { jobs, next_run: AtomicU64::new(0), bounds }
    }

    /// Sends a request; if the driver is gone, its reply tells.
    pub(crate) fn send(&self, job: Job) {
        let _ = self.jobs.send(job);
    }
}

impl Tandem {
    /// What to run, and on what.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(callers: Callers) -> Self {
        Tandem { callers: Arc::new(callers) }
    }

    /// Open a run. The call is issued at once; dropping the future before its end closes the run
    /// again.
    ///
    /// A run whose last handle has just been dropped is closed first.
    ///
    /// # Errors
    /// `invalid-id`, `invalid-input`, `already-open`, `too-large` (the manifest on the disk is
    /// above the limit, or all documents together are), `storage`, `component-failed`, `closed`
    /// (after [`shutdown`](Tandem::shutdown)).
    pub fn open_run(
        &self,
        options: RunOptions,
    ) -> impl Future<Output = Result<Run, Error>> + Send + 'static {
        let opening = self.start_open(options);
        async move {
            let (handle, recovery) = opening?;
            Ok(Run::new(handle, recovery.await?))
        }
    }

    fn start_open(
        &self,
        mut options: RunOptions,
    ) -> Result<(Handle, Pending<crate::Recovery>), Error> {
        let limit = self.callers.bounds.document_bytes;
        let bytes_max = *options.max_document_bytes.get_or_insert(limit);
        if bytes_max > limit {
            return Err(Error::invalid_input(format!(
                "the run's document limit of {bytes_max} bytes is above the component's of {limit}"
            )));
        }
        let run = RunId(self.callers.next_run.fetch_add(1, Ordering::Relaxed));
        let handle = Handle::new(self.callers.clone(), run, bytes_max);
        let (reply, answer) = Reply::new();
        self.callers.send(Job::Open { run, options, reply });
        Ok((handle, Pending::waiting(answer)))
    }

    /// Close every run, wait for what is in flight, and end. It closes nothing silently: the
    /// outcome of each run that was still open is returned, and after an error what that run had
    /// not written is given up.
    ///
    /// Later calls, of other handles too, get `closed`. A second shutdown ends with the first and
    /// returns an empty list.
    pub async fn shutdown(self) -> Vec<ClosedRun> {
        let (reply, answer) = oneshot::channel();
        self.callers.send(Job::Shutdown { reply });
        // Without an answer the driver had ended before.
        answer.await.unwrap_or_default()
    }
}

impl fmt::Debug for Tandem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tandem").field("bounds", &self.callers.bounds).finish_non_exhaustive()
    }
}
