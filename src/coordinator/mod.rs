//! The coordinator: a completed run's summary and its task's history.

mod history;
mod lock;
pub mod options;
mod queue;
mod room;
mod snapshot;
mod source;
mod summary;

use std::cell::RefCell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use futures::channel::oneshot;

use crate::error::{Channel, Code, Error, Failure, Operation};
use crate::storage::durable::{Durability, Reached, Written, sync_directories};
use crate::storage::{Opened, StepError, Storage, ancestors, open_or_create_dir, replace, temp};
use options::{HistoryOptions, RecordOptions};
use queue::{Request, Target};
use room::Room;
use snapshot::Wish;
use source::Place;
use summary::Summary;

/// What recording a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The summary.
    pub summary: Written,
    /// The history.
    pub history: Written,
    /// How many entries the history has.
    pub runs: u32,
    /// Whether the run itself was dropped as too old.
    pub is_dropped: bool,
    /// Where corrupt files were kept.
    pub set_aside: Vec<String>,
    /// How many abandoned temporary files were removed.
    pub swept: u32,
}

/// A task's history as it is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskHistory {
    /// The timestamp of the newest run.
    pub last_run_at: String,
    /// How many entries there are.
    pub total: u32,
    /// The text of entries, newest first.
    pub runs: Vec<String>,
}

/// Records runs and tells histories.
pub struct Coordinator<S: Storage>(Rc<Shared<S>>);

/// What all runs that are being recorded share.
struct Shared<S: Storage> {
    storage: Rc<S>,
    /// The runs that wait for a history, for as long as there are any.
    queues: RefCell<BTreeMap<Rc<Target>, Vec<Request>>>,
    room: Room,
    /// Directories whose entries, and those of all directories above, are known to be durable.
    durable: RefCell<BTreeSet<String>>,
    /// Locks that were not acquired, by path: a lock expires for the component as a whole, so that
    /// short waits add up.
    seen: RefCell<BTreeMap<String, lock::Seen>>,
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
    fn recall(&self, lock: &lock::Place) -> Option<lock::Seen> {
        self.seen.borrow_mut().remove(&lock.path())
    }

    fn remember(&self, lock: &lock::Place, waiter: lock::Waiter) {
        let Some(seen) = waiter.seen() else { return };
        let (path, mut known) = (lock.path(), self.seen.borrow_mut());
        // Histories in several directories can have one lock.
        let seen = match known.remove(&path) {
            Some(other) => seen.and(other),
            None => seen,
        };
        if known.len() < REMEMBERED_MAX {
            known.insert(path, seen);
        }
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

impl<S: Storage> Coordinator<S> {
    /// Nothing is recorded yet.
    pub fn new(storage: Rc<S>) -> Self {
        Coordinator(Rc::new(Shared {
            storage,
            queues: RefCell::default(),
            room: Room::default(),
            durable: RefCell::default(),
            seen: RefCell::default(),
            writing: RefCell::default(),
        }))
    }

    /// Writes the summary and merges it into the history.
    ///
    /// # Errors
    /// [`Error::InvalidId`], [`Error::InvalidInput`], [`Error::TooLarge`]: nothing was written.
    /// [`Error::Storage`], [`Error::History`].
    pub async fn record_run(
        &self,
        summary: &str,
        options: RecordOptions,
    ) -> Result<Recorded, Error> {
        options.check()?;
        let task_id = &options.history.task_id;
        let summary = Rc::new(Summary::parse(summary, task_id, options.max_summary_bytes)?);
        let path = place(options.history.clone()).path();
        let (sender, receiver) = oneshot::channel();
        // A task of its own, so that a caller that goes away leaves nothing half done.
        let shared = self.0.clone();
        self.0.storage.spawn(Box::pin(async move {
            let _ = sender.send(record(shared, summary, options).await);
        }));
        // Without an answer the task is gone, and with it whoever could ask.
        receiver.await.unwrap_or(Err(Error::Closed { path }))
    }

    /// Reads the history.
    ///
    /// # Errors
    /// [`Error::InvalidId`], [`Error::InvalidInput`], [`Error::TooLarge`], [`Error::Storage`],
    /// [`Error::Corrupt`].
    pub async fn history(&self, options: HistoryOptions) -> Result<TaskHistory, Error> {
        options.check()?;
        let storage = &*self.0.storage;
        let limit = options.max_bytes;
        let place = place(options.clone());
        let dir = match storage.open_dir(&place.directory).await {
            Ok(dir) => dir,
            Err(Code::NO_ENTRY) => return Ok(TaskHistory::default()),
            Err(code) => {
                let failure = place.failure((Operation::Open, code));
                return Err(Failure { path: place.directory, ..failure }.into());
            }
        };
        let Some(source) = place.find(storage, &dir).await? else {
            return Ok(TaskHistory::default());
        };
        let _room = self.0.room.take(source.size).await;
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
            return Ok(TaskHistory::default());
        };
        match source.parse(&content)? {
            Some(history) => Ok(TaskHistory {
                last_run_at: history.last_run_at().to_owned(),
                total: u32::try_from(history.len()).unwrap_or(u32::MAX),
                runs: history.newest(options.limit.map_or(usize::MAX, |limit| limit as usize)),
            }),
            None if source.is_legacy() => Ok(TaskHistory::default()),
            None => Err(Error::Corrupt { path: place.path() }),
        }
    }
}

fn place(options: HistoryOptions) -> Place {
    let directory = options.directory();
    Place { directory, name: options.name, task_id: options.task_id }
}

/// Starts both writes before it waits for either.
async fn record<S: Storage>(
    shared: Rc<Shared<S>>,
    summary: Rc<Summary>,
    options: RecordOptions,
) -> Result<Recorded, Error> {
    let (caller, history) = oneshot::channel();
    let request = Request {
        wish: Wish {
            summary: summary.clone(),
            keep_last: options.keep_last,
            is_durable: options.history_durability == Durability::Durable,
            max_bytes: options.history.max_bytes,
            sweep_after: options.sweep_after,
        },
        lease_ms: options.lease_ms,
        deadline_ns: shared
            .storage
            .monotonic_ns()
            .saturating_add(options.lock_wait_ms.saturating_mul(1_000_000)),
        caller,
    };
    shared.enqueue(place(options.history.clone()), &options.runs_root, request);
    let path = format!("{}/{}", options.runs_root, options.history.task_id);
    let path = format!("{path}/{}/{}", summary.run_id, options.summary_name);
    shared.wait_for_turn(&path).await;
    let summary = write_summary(&shared, &summary, &options).await;
    shared.end_turn(&path);
    // The queue answers every request.
    let history = history.await.unwrap_or_else(|_| {
        Err(place(options.history).failure((Operation::Write, Code("interrupted"))))
    });
    match (summary, history) {
        (Ok((summary, swept)), Ok(snapshot)) => Ok(Recorded {
            summary,
            history: snapshot.written,
            runs: snapshot.runs,
            is_dropped: snapshot.is_dropped,
            set_aside: snapshot.set_aside,
            swept: swept + snapshot.swept,
        }),
        (Ok(_), Err(failure)) => Err(Error::History(failure)),
        (Err(first), history) => Err(Error::Storage { first, beside: history.err() }),
    }
}

/// Replaces the summary's file, and counts the temporary files that were swept.
async fn write_summary<S: Storage>(
    shared: &Shared<S>,
    summary: &Summary,
    options: &RecordOptions,
) -> Result<(Written, u32), Failure> {
    let storage = &*shared.storage;
    let above = format!("{}/{}", options.runs_root, options.history.task_id);
    let directory = format!("{above}/{}", summary.run_id);
    let of_summary = |failure| Failure { channel: Some(Channel::Summary), ..failure };
    let failure = |(operation, code)| {
        let path = format!("{directory}/{}", options.summary_name);
        of_summary(Failure { channel: None, operation, path, code })
    };
    let opened = shared.open_or_create_dir(&directory).await.map_err(of_summary)?;
    let mut swept = 0;
    if !opened.is_new
        && let Ok(names) = storage.list(&opened.dir).await
    {
        let age = options.sweep_after;
        swept = temp::sweep_names(storage, &opened.dir, &directory, &names, age).await;
    }
    let content = summary.text.clone().into_bytes();
    let bytes = content.len() as u64;
    let is_durable = options.summary_durability == Durability::Durable;
    replace::replace(storage, &opened.dir, &options.summary_name, content, is_durable)
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
