//! What all runs that are being recorded share.

use std::cell::RefCell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use futures::channel::oneshot;

use super::lock::{LockPath, Observation, Waiter};
use super::pending::{Pending, QueueKey};
use super::semaphore::ByteSemaphore;
use crate::error::Failure;
use crate::limits::Documents;
use crate::storage::durable::{Reached, sync_directories};
use crate::storage::{Opened, StepError, Storage, ancestors, open_or_create_dir};

/// What all runs that are being recorded share.
pub struct Shared<S: Storage> {
    pub storage: Rc<S>,
    /// The runs that wait for a history, for as long as there are any.
    pub queues: RefCell<BTreeMap<Rc<QueueKey>, Vec<Pending>>>,
    /// Bounds the summaries in memory.
    pub summaries: Rc<Documents>,
    /// Bounds the histories in memory.
    pub semaphore: ByteSemaphore,
    /// Directories whose entries, and those of all directories above, are known to be durable.
    durable: RefCell<BTreeSet<String>>,
    /// Locks that were not acquired, by path: a lock expires for the component as a whole, so that
    /// short waits add up.
    seen: RefCell<BTreeMap<String, Observation>>,
    /// Summaries that are being written, and who wants to write the same file next.
    writing: RefCell<BTreeMap<String, VecDeque<oneshot::Sender<()>>>>,
}

/// How many directories and locks are remembered.
const REMEMBERED_MAX: usize = 1024;

impl<S: Storage> Shared<S> {
    /// Nothing is recorded yet.
    pub fn new(storage: Rc<S>, summaries: Rc<Documents>) -> Self {
        Shared {
            storage,
            queues: RefCell::default(),
            summaries,
            semaphore: ByteSemaphore::default(),
            durable: RefCell::default(),
            seen: RefCell::default(),
            writing: RefCell::default(),
        }
    }

    /// Opens or creates a directory. What is new is not durable, whatever was known of its name.
    pub async fn open_or_create_dir(&self, path: &str) -> Result<Opened<S::Dir>, Failure> {
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
    pub fn recall(&self, lock: &LockPath) -> Option<Observation> {
        self.seen.borrow_mut().remove(&lock.full())
    }

    pub fn remember(&self, lock: &LockPath, waiter: Waiter) {
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
    pub async fn wait_for_turn(&self, path: &str) {
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
    pub fn end_turn(&self, path: &str) {
        let mut writing = self.writing.borrow_mut();
        // A sender that is dropped says that it is the next one's turn.
        if writing.get_mut(path).is_some_and(|next| next.pop_front().is_none()) {
            writing.remove(path);
        }
    }

    /// Makes the entries of a directory durable, and those of the directories above if they are not
    /// known to be. `remembered` is the one that is known from then on: the directory itself or the
    /// one above it.
    pub async fn sync(
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

    /// Does something with those who wait in a queue.
    pub fn with_pending<T>(
        &self,
        target: &QueueKey,
        act: impl FnOnce(&mut Vec<Pending>) -> T,
    ) -> T {
        match self.queues.borrow_mut().get_mut(target) {
            Some(pending) => act(pending),
            None => act(&mut Vec::new()),
        }
    }

    /// Ends a queue that nobody waits in.
    pub fn end_if_empty(&self, target: &QueueKey) -> bool {
        let mut queues = self.queues.borrow_mut();
        let is_empty = queues.get(target).is_none_or(Vec::is_empty);
        if is_empty {
            queues.remove(target);
        }
        is_empty
    }
}
