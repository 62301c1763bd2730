//! A completed run's summary and its task's history, and the removal of runs.

mod history;
mod leftovers;
mod lock;
mod queue;
mod remove;
mod semaphore;
pub mod settings;
mod snapshot;
mod source;
mod summary;
mod tree;

use std::cell::RefCell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use futures::channel::oneshot;

use crate::error::{Channel, Code, Error, Failure, Operation};
use crate::limits::Documents;
pub use crate::records::{Recorded, TaskHistory};
use crate::storage::durable::{Durability, Reached, Written, sync_directories};
use crate::storage::{Opened, StepError, Storage, ancestors, open_or_create_dir, replace, temp};
use queue::{Pending, Target, Unrecorded};
pub use remove::{LeftReason, LeftRun, Removed};
use semaphore::ByteSemaphore;
use settings::{HistoryLayout, HistorySettings, RecordSettings};
use snapshot::Addition;
use source::HistoryFile;
pub use summary::Summary;

/// Records runs and tells histories.
pub struct Histories<S: Storage>(Rc<Shared<S>>);

/// What all runs that are being recorded share.
struct Shared<S: Storage> {
    storage: Rc<S>,
    /// The runs that wait for a history, for as long as there are any.
    queues: RefCell<BTreeMap<Rc<Target>, Vec<Pending>>>,
    /// Bounds the summaries in memory.
    summaries: Rc<Documents>,
    /// Bounds the histories in memory.
    semaphore: ByteSemaphore,
    /// Directories whose entries, and those of all directories above, are known to be durable.
    durable: RefCell<BTreeSet<String>>,
    /// Locks that were not acquired, by path: a lock expires for the component as a whole, so that
    /// short waits add up.
    seen: RefCell<BTreeMap<String, lock::Observation>>,
    /// Summaries that are being written, and who wants to write the same file next.
    writing: RefCell<BTreeMap<String, VecDeque<oneshot::Sender<()>>>>,
}

/// How many directories and locks are remembered.
const REMEMBERED_MAX: usize = 1024;

impl<S: Storage> Shared<S> {
    /// Opens or creates a directory. What is new is not durable, whatever was known of its name.
    async fn open_or_create_dir(&self, path: &str) -> Result<Opened<S::Dir>, Failure> {
        let opened = open_or_create_dir(&*self.storage, path).await?;
        if opened.was_missing {
            let top = path.split('/').next();
            self.durable.borrow_mut().retain(|known| {
                known != path && !(opened.has_new_parent && known.split('/').next() == top)
            });
        }
        Ok(opened)
    }

    /// What was seen of a lock.
    fn recall(&self, lock: &lock::LockPath) -> Option<lock::Observation> {
        self.seen.borrow_mut().remove(&lock.full())
    }

    fn remember(&self, lock: &lock::LockPath, waiter: lock::Waiter) {
        let Some(seen) = waiter.seen() else { return };
        let (path, mut known) = (lock.full(), self.seen.borrow_mut());
        // Histories in several directories can have one lock.
        let seen = match known.remove(&path) {
            Some(other) => seen.and(other),
            None => seen,
        };
        if known.len() >= REMEMBERED_MAX {
            let oldest = known.iter().min_by_key(|(_, seen)| seen.since_ns());
            if let Some(path) = oldest.map(|(path, _)| path.clone()) {
                known.remove(&path);
            }
        }
        known.insert(path, seen);
    }

    /// Waits until nobody else writes the file `path`, so that of two recordings of one run the
    /// later one's summary stays, as in the history.
    async fn wait_for_turn(&self, path: &str) {
        let turn = match self.writing.borrow_mut().entry(path.to_owned()) {
            Entry::Vacant(place) => {
                place.insert(VecDeque::new());
                None
            }
            Entry::Occupied(mut next) => {
                let (sender, receiver) = oneshot::channel();
                next.get_mut().push_back(sender);
                Some(receiver)
            }
        };
        if let Some(turn) = turn {
            let _ = turn.await;
        }
    }

    /// Lets the next one write the file.
    fn end_turn(&self, path: &str) {
        let mut writing = self.writing.borrow_mut();
        // A sender that is dropped says that it is the next one's turn.
        if writing.get_mut(path).is_some_and(|next| next.pop_front().is_none()) {
            writing.remove(path);
        }
    }

    /// Makes the entries of a directory durable, and those of the directories above if they are not
    /// known to be. `remembered` is the one that is known from then on: the directory itself or the
    /// one above it.
    async fn sync(
        &self,
        opened: &Opened<S::Dir>,
        path: &str,
        remembered: &str,
    ) -> Result<Reached, StepError> {
        let is_durable = |path: &str| self.durable.borrow().contains(path);
        let parent = path.rsplit_once('/').map_or(".", |(parent, _)| parent);
        let skip = if is_durable(path) {
            usize::MAX
        } else if is_durable(parent) {
            ancestors(path).count() - 1
        } else {
            0
        };
        let reached = sync_directories(&*self.storage, &opened.dir, path, skip).await?;
        if reached == Reached::Durable && !is_durable(remembered) {
            let mut durable = self.durable.borrow_mut();
            if durable.len() >= REMEMBERED_MAX {
                durable.clear();
            }
            durable.insert(remembered.to_owned());
        }
        Ok(reached)
    }
}

impl<S: Storage> Histories<S> {
    /// Nothing is recorded yet.
    pub fn new(storage: Rc<S>, summaries: Rc<Documents>) -> Self {
        Histories(Rc::new(Shared {
            storage,
            queues: RefCell::default(),
            summaries,
            semaphore: ByteSemaphore::default(),
            durable: RefCell::default(),
            seen: RefCell::default(),
            writing: RefCell::default(),
        }))
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
        let path = file(&settings.layout, &summary.task_id).path();
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
        let place = file(&settings.layout, &settings.task_id);
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

fn file(layout: &HistoryLayout, task_id: &str) -> HistoryFile {
    let directory = layout.directory(task_id);
    HistoryFile { directory, name: layout.name.clone(), task_id: task_id.to_owned() }
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
    let history_file = file(&settings.layout, &summary.task_id);
    shared.enqueue(history_file.clone(), &settings.runs_root, pending);
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
