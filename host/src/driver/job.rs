//! What callers ask the driver for.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::coordination::Coordination;
use crate::error::Error;
use crate::options::{Request, RunOptions};
use crate::report::{ClosedRun, Receipt, Recovery, Stats};

/// Names a run for as long as a handle to it lives, across components.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RunId(pub u64);

/// One request to the driver.
pub(crate) enum Job {
    /// Open a run.
    Open { run: RunId, options: RunOptions, reply: Reply<Recovery> },
    /// Call an open run.
    Call { run: RunId, call: Call },
    /// Call the coordinator.
    Coordinate { call: Coordination },
    /// The last handle of a run is gone.
    Release { run: RunId },
    /// Close every run and end.
    Shutdown { reply: oneshot::Sender<Vec<ClosedRun>> },
}

/// One call of a run.
#[derive(Clone)]
pub(crate) enum Call {
    SetManifest { document: String, reply: Reply<()> },
    MergeManifest { patch: String, reply: Reply<()> },
    Schedule { request: Request, reply: Reply<Receipt> },
    Flush { reply: Reply<Receipt> },
    Close { reply: Reply<Receipt> },
    Stats { reply: Reply<Stats> },
}

/// Where an outcome goes. The first of its clones that answers does.
///
/// The call's own future holds one clone and the driver another: a component that fails drops the
/// futures, and the driver answers in their place.
pub(crate) struct Reply<T>(Arc<Mutex<Option<Answer<T>>>>);

type Answer<T> = oneshot::Sender<Result<T, Error>>;

/// Something that can be told of a failure.
pub(crate) trait Fail: Send {
    /// Whether somebody now knows that the component took changes along.
    fn fail(&self, error: &Error) -> bool;
}

impl<T> Clone for Reply<T> {
    fn clone(&self) -> Self {
        Reply(self.0.clone())
    }
}

impl<T> Reply<T> {
    pub(crate) fn new() -> (Self, oneshot::Receiver<Result<T, Error>>) {
        let (sender, receiver) = oneshot::channel();
        (Reply(Arc::new(Mutex::new(Some(sender)))), receiver)
    }

    /// Whether the caller was still there, and had no answer yet.
    pub(crate) fn send(&self, result: Result<T, Error>) -> bool {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        sender.is_some_and(|sender| sender.send(result).is_ok())
    }
}

impl<T: Send> Fail for Reply<T> {
    fn fail(&self, error: &Error) -> bool {
        self.send(Err(error.clone()))
    }
}

/// Who reads counters does not ask what became of the documents.
struct Reader(Reply<Stats>);

impl Fail for Reader {
    fn fail(&self, error: &Error) -> bool {
        self.0.send(Err(error.clone()));
        false
    }
}

impl Call {
    /// Whether the call may wait for the throttle.
    pub(crate) fn is_throttled(&self) -> bool {
        matches!(self, Call::Schedule { request, .. } if !request.force)
    }

    /// The call's reply, for failures.
    pub(crate) fn fail_later(&self) -> Box<dyn Fail> {
        match self {
            Call::SetManifest { reply, .. } | Call::MergeManifest { reply, .. } => {
                Box::new(reply.clone())
            }
            Call::Schedule { reply, .. } | Call::Flush { reply } | Call::Close { reply } => {
                Box::new(reply.clone())
            }
            Call::Stats { reply } => Box::new(Reader(reply.clone())),
        }
    }

    /// See [`Fail::fail`].
    pub(crate) fn fail(&self, error: &Error) -> bool {
        self.fail_later().fail(error)
    }

    /// Whether the call changes the document.
    pub(crate) fn is_change(&self) -> bool {
        matches!(self, Call::SetManifest { .. } | Call::MergeManifest { .. })
    }
}
