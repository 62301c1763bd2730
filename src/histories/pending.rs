//! A run that waits for its history to be written, and what it waits for.

use std::rc::Rc;

use futures::channel::oneshot;

use super::lock::LockPath;
use super::settings::RecordSettings;
use super::source::{HistoryFile, Unread};
use super::summary::Summary;
use crate::error::{Another, Error, Failure, LockHolder};
use crate::storage::durable::Written;

/// A run that is to be merged into the history.
pub struct Addition {
    /// The run.
    pub summary: Rc<Summary>,
    /// How it is to be recorded.
    pub settings: Rc<RecordSettings>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The history.
    pub written: Written,
    /// How many entries it has.
    pub runs: u32,
    /// Runs that were kept although they are later, because a clock was ahead.
    pub ahead: Vec<String>,
    /// Where a corrupt history was copied.
    pub set_aside: Vec<String>,
    /// How many abandoned temporary files were removed.
    pub swept: u32,
}

/// A run that waits for its history to be written.
pub struct Pending {
    /// What is to be merged.
    pub addition: Addition,
    /// Until when it waits for the lock.
    pub deadline_ns: u64,
    /// Gets the outcome.
    pub caller: oneshot::Sender<Result<Snapshot, Unrecorded>>,
}

/// Why a run is not in its history.
#[derive(Debug, Clone)]
pub enum Unrecorded {
    /// Another holder kept the lock.
    Locked(Failure, Option<LockHolder>),
    /// A step failed.
    Failed(Failure),
    /// The history is another task's.
    OfAnother(Another),
}

impl Unrecorded {
    /// What failed.
    pub fn into_failure(self) -> Failure {
        match self {
            Unrecorded::Locked(failure, _) | Unrecorded::Failed(failure) => failure,
            Unrecorded::OfAnother(another) => another.into_failure(),
        }
    }
}

impl From<Unread> for Unrecorded {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Failed(failure) => Unrecorded::Failed(failure),
            Unread::OfAnother(another) => Unrecorded::OfAnother(another),
        }
    }
}

impl From<Unrecorded> for Error {
    fn from(unrecorded: Unrecorded) -> Self {
        match unrecorded {
            Unrecorded::Locked(failure, holder) => Error::Locked { failure, holder },
            Unrecorded::Failed(failure) => Error::History(failure),
            Unrecorded::OfAnother(another) => Error::UnrecordedOfAnother(another),
        }
    }
}

/// A history and its lock.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueKey {
    pub file: HistoryFile,
    pub lock: LockPath,
}
