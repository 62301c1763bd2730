//! A layer that keeps a log of what happened.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Call, Layer};
use crate::disk::ErrorCode;

/// When an event happened in the life of its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The call reached this layer.
    Started,
    /// The call left this layer.
    Ended(Result<(), ErrorCode>),
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The call; both its events carry the same `id`.
    pub call: Call,
    /// Its start or its end.
    pub moment: Moment,
}

/// Records the start and the end of every call, in order. Clones share the log.
///
/// Put it innermost to see only what reaches the disk, outermost to see also what other layers
/// refuse.
#[derive(Clone, Debug, Default)]
pub struct Record {
    log: Arc<Mutex<Vec<Event>>>,
}

impl Record {
    /// An empty log.
    pub fn new() -> Self {
        Record::default()
    }

    /// Everything so far.
    pub fn events(&self) -> Vec<Event> {
        self.log().clone()
    }

    /// Everything so far, and the log is empty afterwards.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.log())
    }

    /// The calls that started, in order.
    pub fn started(&self) -> Vec<Call> {
        let log = self.log();
        log.iter().filter(|e| e.moment == Moment::Started).map(|e| e.call.clone()).collect()
    }

    /// How many calls started that match.
    pub fn count(&self, matches: impl Fn(&Call) -> bool) -> usize {
        self.log().iter().filter(|e| e.moment == Moment::Started && matches(&e.call)).count()
    }

    fn log(&self) -> MutexGuard<'_, Vec<Event>> {
        // A log is whole after every push, whatever panicked.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Layer for Record {
    async fn before(&self, call: &Call) -> Result<(), ErrorCode> {
        self.log().push(Event { call: call.clone(), moment: Moment::Started });
        Ok(())
    }

    async fn after(&self, call: &Call, outcome: Result<(), ErrorCode>) -> Result<(), ErrorCode> {
        self.log().push(Event { call: call.clone(), moment: Moment::Ended(outcome) });
        outcome
    }
}
