//! One component and its runs.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::builder::Builder;
use crate::driver::{Bounds, Coordination, Job, Reply, RunId};
use crate::error::Error;
use crate::options::{Channel, HistoryOptions, RecordOptions, RunOptions};
use crate::report::{ClosedRun, History, Recorded};
use crate::run::{Handle, Pending, Run};

/// A component that keeps any number of runs, and the histories of their tasks, below one
/// directory. Clones are handles to the same.
///
/// It lives on the tokio runtime on which it was built, until the last handle to it and to its
/// runs is gone and every run that was to be recorded is. A runtime that ends first takes it along:
/// what is not flushed or recorded is then lost.
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
        let bytes_max =
            bounded("the run's document limit", &mut options.max_document_bytes, limit)?;
        let run = RunId(self.callers.next_run.fetch_add(1, Ordering::Relaxed));
        let handle = Handle::new(self.callers.clone(), run, bytes_max);
        let (reply, answer) = Reply::new();
        self.callers.send(Job::Open { run, options, reply });
        Ok((handle, Pending::waiting(answer)))
    }

    /// Record a completed run: write its summary, and merge it into its task's history. Both writes
    /// are in flight at the same time.
    ///
    /// The summary is a JSON object with at least three members that are strings: `taskId`, the
    /// task of the options; `runId`; and `timestamp`, of the form
    /// `YYYY-MM-DDTHH:MM:SS[.fraction]Z`. Runs of one task that are recorded at the same time, by any number of processes, are all
    /// kept. The run need not be open, nor have been.
    ///
    /// The call is issued at once; dropping the [`Pending`] ends only the wait. It may wait for the
    /// lock of the history, and the component lives until it ends, even if every handle is gone.
    ///
    /// # Errors
    /// Before anything is written: `invalid-id`, `invalid-input`, `too-large` (the summary),
    /// `closed` (after [`shutdown`](Tandem::shutdown)). The summary is written and the history is
    /// not: `locked`, `history`. The summary is not written: `storage`, whose
    /// [`beside`](Error::beside) tells if the history is not either. `component-failed`. To record
    /// the run again is always safe.
    pub fn record_run(
        &self,
        options: RecordOptions,
        summary: impl Into<String>,
    ) -> Pending<Recorded> {
        match check_summary(self.callers.bounds, options, summary.into()) {
            Ok((options, summary)) => {
                self.coordinate(|reply| Coordination::Record { options, summary, reply })
            }
            Err(error) => Pending::failed(error),
        }
    }

    /// Read the history of a task, and change nothing. No history is an empty one. The call is
    /// issued at once.
    ///
    /// # Errors
    /// `invalid-id`, `invalid-input`, `too-large` (the file is above the limit), `storage`,
    /// `history` (the file holds no history of the task), `component-failed`, `closed` (after
    /// [`shutdown`](Tandem::shutdown)).
    pub fn history(&self, mut options: HistoryOptions) -> Pending<History> {
        let limit = self.callers.bounds.history_bytes;
        match bounded("the history limit", &mut options.max_history_bytes, limit) {
            Ok(_) => self.coordinate(|reply| Coordination::History { options, reply }),
            Err(error) => Pending::failed(error),
        }
    }

    fn coordinate<T>(&self, call: impl FnOnce(Reply<T>) -> Coordination) -> Pending<T> {
        let (reply, answer) = Reply::new();
        self.callers.send(Job::Coordinate { call: call(reply) });
        Pending::waiting(answer)
    }

    /// Close every run, wait for what is in flight, and end. It closes nothing silently: the
    /// outcome of each run that was still open is returned, and after an error what that run had
    /// not written is given up.
    ///
    /// Runs that are being recorded are waited for, for as long as they wait for a lock. Later
    /// calls, of other handles too, get `closed`. A second shutdown ends with the first and returns
    /// an empty list.
    pub async fn shutdown(self) -> Vec<ClosedRun> {
        let (reply, answer) = oneshot::channel();
        self.callers.send(Job::Shutdown { reply });
        // Without an answer the driver had ended before.
        answer.await.unwrap_or_default()
    }
}

/// Checks the size of a document or a patch on this side of the boundary.
pub(crate) fn check_document(what: &str, text: &str, bytes_max: u64) -> Result<(), Error> {
    let bytes = text.len() as u64;
    if bytes > bytes_max {
        let message = format!("{what} takes {bytes} bytes, above max_document_bytes: {bytes_max}");
        return Err(Error::too_large(Channel::Manifest, message));
    }
    Ok(())
}

/// Checks a summary and the limits of its record on this side of the boundary.
pub(crate) fn check_summary(
    bounds: Bounds,
    mut options: RecordOptions,
    summary: String,
) -> Result<(RecordOptions, String), Error> {
    bounded("the history limit", &mut options.max_history_bytes, bounds.history_bytes)?;
    let limit = bounds.document_bytes;
    let bytes_max = bounded("the summary limit", &mut options.max_summary_bytes, limit)?;
    let bytes = summary.len() as u64;
    if bytes > bytes_max {
        let message = format!("summary takes {bytes} bytes, above max_summary_bytes: {bytes_max}");
        return Err(Error::too_large(Channel::Summary, message));
    }
    Ok((options, summary))
}

/// A limit of one call, by default the component's and never above it.
pub(crate) fn bounded(what: &str, bytes_max: &mut Option<u64>, limit: u64) -> Result<u64, Error> {
    let bytes_max = *bytes_max.get_or_insert(limit);
    if bytes_max > limit {
        return Err(Error::invalid_input(format!(
            "{what} of {bytes_max} bytes is above the component's of {limit}"
        )));
    }
    Ok(bytes_max)
}

impl fmt::Debug for Tandem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tandem").field("bounds", &self.callers.bounds).finish_non_exhaustive()
    }
}
