//! One store of runs.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::callers::{Callers, Pending};
use crate::driver::{Bounds, Job, OpenRun, TaskCall};
use crate::error::Error;
use crate::records::{
    Channel, HistoryOptions, RecordOptions, Recorded, Recovery, RemoveOptions, Removed, RunOptions,
    TaskHistory,
};
use crate::report::ClosedRun;
use crate::run::{Run, RunHandle};

/// Keeps any number of runs, and the histories of their tasks, below one directory. Clones are
/// handles to the same.
///
/// The component lives on a thread of its own, so calls can be made and awaited on any runtime, on
/// several, or on none; see [`blocking`](crate::blocking) for callers that would rather wait. What
/// ends, and what then becomes of calls that were made:
///
/// | what ends | what follows |
/// |---|---|
/// | the future of a call | nothing: the call is made all the same |
/// | a runtime of the embedder | nothing |
/// | the last handle to a run | what is dirty is flushed and the run is closed, in the background |
/// | the last handle to the whole | runs that are recorded are waited for, then the thread ends, in the background |
/// | [`shutdown`](Tandem::shutdown) | as that, and it is waited for, and tells |
/// | `main`, or the process | what was not acknowledged may be lost; no file is ever half written |
/// | a `fork`, in the child | there is no thread: each call, also one that was made before, is `closed`; one that is opened there works, unless another thread was just opening one at the moment of the fork; the parent goes on |
/// | nothing, but a disk call hangs | its call waits; if it was made in place, as cheap ones are, so does every run of the component, until it ends |
#[derive(Clone)]
#[must_use = "a Tandem ends when its last handle goes"]
pub struct Tandem {
    pub(crate) callers: Arc<Callers>,
}

impl Tandem {
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

    fn start_open(&self, options: RunOptions) -> Result<(RunHandle, Pending<Recovery>), Error> {
        options.check()?;
        // One above the component's is refused by the component.
        let limit = self.callers.bounds.document_bytes;
        let bytes_max = options.max_document_bytes.unwrap_or(limit).min(limit);
        let run = self.callers.next_run();
        let shard = self.callers.shard_of(|| options.directory());
        let handle = RunHandle::new(self.callers.clone(), shard, run, bytes_max);
        let recovery = self.callers.ask(shard, |reply| Job::Open(OpenRun { run, options, reply }));
        Ok((handle, recovery))
    }

    /// Record a completed run: write its summary, and merge it into its task's history. Both writes
    /// are in flight at the same time.
    ///
    /// The summary is a JSON object with at least three members that are strings: `taskId`, `runId`
    /// and `timestamp`, which has the form `YYYY-MM-DDTHH:MM:SS[.fraction]Z`. Runs of one task that
    /// are recorded at the same time, by any number of processes, are all kept. The run need not be
    /// open, nor have been.
    ///
    /// The call is issued at once; dropping the [`Pending`] ends only the wait. It may wait for the
    /// lock of the history, and the component lives until it ends, even if every handle is gone.
    ///
    /// # Errors
    /// Before anything is written: `invalid-id`, `invalid-input`, `too-large` (the summary, or
    /// all that are being recorded together),
    /// `closed` (after [`shutdown`](Tandem::shutdown)). The summary is written and the history is
    /// not: `locked`, `history`. The summary is not written: `storage` or `conflict`, whose
    /// [`beside`](Error::beside) tells if the history is not either. `component-failed`. To record
    /// the run again is always safe.
    pub fn record_run(
        &self,
        summary: impl Into<String>,
        options: RecordOptions,
    ) -> Pending<Recorded> {
        let summary = summary.into();
        if let Err(error) = check_summary(self.callers.bounds, &summary, &options) {
            return Pending::failed(error);
        }
        let shard = self.callers.shard_of(|| options.history(&summary));
        self.callers.ask(shard, |reply| Job::TaskCall(TaskCall::Record { summary, options, reply }))
    }

    /// Remove the directories of runs of a task, with all that is in them, whoever put it there. The
    /// entries in the history stay unless [`from_history`](RemoveOptions::from_history) is set. The
    /// call is issued at once; dropping the [`Pending`] ends only the wait.
    ///
    /// A run that is open or has shown a sign of life lately is left, and so is what is no
    /// directory; [`Removed::left`] tells. That a run is open is known to the component that has it
    /// open: with [`shards`](crate::Builder::shards), and with other processes, its signs of life
    /// tell. A process that is killed leaves each directory as it was, or renamed; the next call for
    /// the task removes what it renamed, also one that names no run.
    ///
    /// # Errors
    /// `invalid-id`, `invalid-input`, `locked`, `storage`, `history` (the file holds no history of
    /// the task), `component-failed`, `closed` (after [`shutdown`](Tandem::shutdown)). After
    /// `storage` and `component-failed`, entries may be removed and directories renamed: the next
    /// call goes on. After any other error nothing is removed.
    pub fn remove_runs(
        &self,
        runs: impl IntoIterator<Item = impl Into<String>>,
        options: RemoveOptions,
    ) -> Pending<Removed> {
        if let Err(error) = options.check() {
            return Pending::failed(error);
        }
        let runs = runs.into_iter().map(Into::into).collect();
        let shard = self.callers.shard_of(|| options.history());
        self.callers.ask(shard, |reply| Job::TaskCall(TaskCall::Remove { runs, options, reply }))
    }

    /// Read the history of a task, and change nothing. No history is an empty one. The call is
    /// issued at once.
    ///
    /// # Errors
    /// `invalid-id`, `invalid-input`, `too-large` (the file is above the limit), `storage`,
    /// `history` (the file holds no history of the task), `component-failed`, `closed` (after
    /// [`shutdown`](Tandem::shutdown)).
    pub fn history(&self, options: HistoryOptions) -> Pending<TaskHistory> {
        let shard = self.callers.shard_of(|| options.history());
        self.callers.ask(shard, |reply| Job::TaskCall(TaskCall::History { options, reply }))
    }

    /// Close every run, wait for what is in flight, and end. It closes nothing silently: the
    /// outcome of each run that was still open is returned, and after an error what that run had
    /// not written is given up.
    ///
    /// Runs that are being recorded are waited for, for as long as they wait for a lock. Later
    /// calls, of other handles too, get `closed`. A second shutdown ends with the first and returns
    /// an empty list.
    pub async fn shutdown(self) -> Vec<ClosedRun> {
        self.callers.shut_down().await
    }
}

/// Checks the size of a summary before it crosses the boundary.
fn check_summary(bounds: Bounds, summary: &str, options: &RecordOptions) -> Result<(), Error> {
    options.check()?;
    let limit = bounds.document_bytes;
    let bytes_max = options.max_summary_bytes.unwrap_or(limit).min(limit);
    let bytes = summary.len() as u64;
    if bytes > bytes_max {
        let message = format!("summary takes {bytes} bytes, above max_summary_bytes: {bytes_max}");
        return Err(Error::too_large(Channel::Summary, message));
    }
    Ok(())
}

impl fmt::Debug for Tandem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tandem").field("bounds", &self.callers.bounds).finish_non_exhaustive()
    }
}
