//! A completed run's summary and its task's history, and the removal of runs.

mod history;
mod leftovers;
mod lock;
mod pending;
mod queue;
mod remove;
mod semaphore;
pub mod settings;
mod shared;
mod snapshot;
mod source;
mod summary;
mod tree;

use std::rc::Rc;

use futures::channel::oneshot;

use crate::error::{Channel, Code, Error, Failure, Operation};
use crate::limits::Documents;
pub use crate::records::{LeftReason, LeftRun, Recorded, Removed, TaskHistory};
use crate::storage::durable::{Durability, Reached, Written};
use crate::storage::{Storage, replace, temp};
use pending::{Addition, Pending, Unrecorded};
use settings::{HistorySettings, RecordSettings};
use shared::Shared;
use source::HistoryFile;
pub use summary::Summary;

/// Records runs and tells histories.
pub struct Histories<S: Storage>(Rc<Shared<S>>);

impl<S: Storage> Histories<S> {
    /// Nothing is recorded yet.
    pub fn new(storage: Rc<S>, summaries: Rc<Documents>) -> Self {
        Histories(Rc::new(Shared::new(storage, summaries)))
    }

    /// Writes the summary and merges it into the history.
    ///
    /// # Errors
    /// As [`Histories::check`], and as [`Histories::record`].
    pub async fn record_run(
        &self,
        summary: &str,
        settings: RecordSettings,
    ) -> Result<Recorded, Error> {
        let summary = self.check(summary, &settings)?;
        self.record(summary, settings).await
    }

    /// Checks a summary before anything is written.
    ///
    /// # Errors
    /// [`Error::InvalidId`], [`Error::InvalidInput`], [`Error::TooLarge`].
    pub fn check(&self, summary: &str, settings: &RecordSettings) -> Result<Summary, Error> {
        let task_id = settings.task_id.as_deref();
        Summary::parse(summary, task_id, settings.max_summary_bytes, &self.0.summaries)
    }

    /// Writes a summary that was checked and merges it into the history.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Conflict`], [`Error::History`], [`Error::Locked`].
    pub async fn record(
        &self,
        summary: Summary,
        settings: RecordSettings,
    ) -> Result<Recorded, Error> {
        let (summary, settings) = (Rc::new(summary), Rc::new(settings));
        let path = HistoryFile::of(&settings.layout, &summary.task_id).path();
        let (sender, receiver) = oneshot::channel();
        // A task of its own, so that a caller that goes away leaves nothing half done.
        let shared = self.0.clone();
        self.0.storage.spawn(Box::pin(async move {
            let _ = sender.send(record(shared, summary, settings).await);
        }));
        // Without an answer the task is gone, and with it whoever could ask.
        receiver.await.unwrap_or(Err(Error::Closed { path }))
    }

    /// Reads the history.
    ///
    /// # Errors
    /// [`Error::InvalidId`], [`Error::InvalidInput`], [`Error::TooLarge`], [`Error::Storage`],
    /// [`Error::Corrupt`].
    pub async fn history(&self, settings: HistorySettings) -> Result<TaskHistory, Error> {
        let storage = &*self.0.storage;
        let limit = settings.max_history_bytes;
        let place = HistoryFile::of(&settings.layout, &settings.task_id);
        let dir = match storage.open_dir(&place.directory).await {
            Ok(dir) => dir,
            Err(Code::NO_ENTRY) => return Ok(no_history()),
            Err(code) => {
                let failure = place.failure((Operation::Open, code));
                return Err(Failure { path: place.directory, ..failure }.into());
            }
        };
        let Some(source) = place.find(storage, &dir).await? else {
            return Ok(no_history());
        };
        // No more than the limit is read.
        let _permit = self.0.semaphore.acquire(source.size.min(limit)).await;
        let too_large = |failure: Failure| match failure {
            Failure { path, code: Code::FILE_TOO_LARGE, .. } => Error::TooLarge {
                channel: Channel::History,
                what: "history on the disk",
                option: "max_history_bytes",
                path: Some(path),
                bytes: source.size,
                limit,
            },
            failure => failure.into(),
        };
        let Some(content) = source.read(storage, &dir, limit).await.map_err(too_large)? else {
            return Ok(no_history());
        };
        match source.parse(storage, &content).await? {
            Some(history) => Ok(TaskHistory {
                last_run_at: history.last_run_at().to_owned(),
                total: u32::try_from(history.len()).unwrap_or(u32::MAX),
                runs: history.newest(settings.limit.map_or(usize::MAX, |limit| limit as usize)),
            }),
            None if source.is_legacy() => Ok(no_history()),
            None => Err(Error::Corrupt { path: place.path() }),
        }
    }
}

fn no_history() -> TaskHistory {
    TaskHistory { last_run_at: String::new(), total: 0, runs: Vec::new() }
}

/// Starts both writes before it waits for either.
async fn record<S: Storage>(
    shared: Rc<Shared<S>>,
    summary: Rc<Summary>,
    settings: Rc<RecordSettings>,
) -> Result<Recorded, Error> {
    let (caller, history) = oneshot::channel();
    let now_ns = shared.storage.monotonic_ns();
    let pending = Pending {
        addition: Addition { summary: summary.clone(), settings: settings.clone() },
        deadline_ns: now_ns.saturating_add(settings.lock_wait_ms.saturating_mul(1_000_000)),
        caller,
    };
    let history_file = HistoryFile::of(&settings.layout, &summary.task_id);
    queue::enqueue(&shared, history_file.clone(), &settings.runs_root, pending);
    let path = format!("{}/{}", settings.runs_root, summary.task_id);
    let path = format!("{path}/{}/{}", summary.run_id, settings.summary_name);
    shared.wait_for_turn(&path).await;
    let summary = write_summary(&shared, &summary, &settings).await;
    shared.end_turn(&path);
    // The queue answers every run.
    let history = history.await.unwrap_or_else(|_| {
        let failure = history_file.failure((Operation::Write, Code("interrupted")));
        Err(Unrecorded::Failed(failure))
    });
    match (summary, history) {
        (Ok((summary, swept)), Ok(snapshot)) => Ok(Recorded {
            summary,
            history: snapshot.written,
            runs: snapshot.runs,
            ahead: snapshot.ahead,
            set_aside: snapshot.set_aside,
            swept: swept + snapshot.swept,
        }),
        (Ok(_), Err(unrecorded)) => Err(unrecorded.into()),
        (Err(first), history) => {
            Err(Error::of_files(first, history.err().map(Unrecorded::into_failure)))
        }
    }
}

/// Replaces the summary's file, and counts the temporary files that were swept.
async fn write_summary<S: Storage>(
    shared: &Shared<S>,
    summary: &Summary,
    settings: &RecordSettings,
) -> Result<(Written, u32), Failure> {
    let storage = &*shared.storage;
    let above = format!("{}/{}", settings.runs_root, summary.task_id);
    let directory = format!("{above}/{}", summary.run_id);
    let of_summary = |failure| Failure { channel: Some(Channel::Summary), ..failure };
    let failure = |(operation, code)| {
        let path = format!("{directory}/{}", settings.summary_name);
        of_summary(Failure { channel: None, operation, path, code })
    };
    let opened = shared.open_or_create_dir(&directory).await.map_err(of_summary)?;
    let mut swept = 0;
    if !opened.is_new
        && let Ok(names) = storage.list(&opened.dir).await
    {
        let age = settings.sweep_after;
        swept = temp::sweep_names(storage, &opened.dir, &directory, &names, age).await;
    }
    let content = summary.text.as_bytes().to_vec();
    let bytes = content.len() as u64;
    let is_durable = settings.summary_durability == Durability::Durable;
    replace::replace(storage, &opened.dir, &settings.summary_name, content, is_durable)
        .await
        .map_err(failure)?;
    let reached = if is_durable {
        shared.sync(&opened, &directory, &above).await.map_err(failure)?
    } else {
        Reached::Visible
    };
    Ok((Written { reached, bytes }, swept))
}

#[cfg(test)]
mod tests;
