//! What callers ask the driver for.

use tokio::sync::oneshot;

use super::reply::{Reply, TellFailure};
use crate::error::Error;
use crate::records::{
    HistoryOptions, Receipt, RecordOptions, Recorded, Recovery, RemoveOptions, Removed, Request,
    Revised, RunOptions, Stats, TaskHistory,
};
use crate::report::{ClosedRun, Unsaved};

/// Names a run for as long as a handle to it lives, across components.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RunId(pub u64);

/// One request to the driver.
pub(crate) enum Job {
    /// Open a run.
    Open(OpenRun),
    /// Call an open run.
    Call { run: RunId, call: RunCall },
    /// Call what belongs to no run.
    TaskCall(TaskCall),
    /// The last handle of a run is gone.
    Release { run: RunId },
    /// Close every run and end.
    Shutdown { reply: oneshot::Sender<Vec<ClosedRun>> },
    /// Stand still until this says so, or is gone.
    #[cfg(any(test, feature = "testing"))]
    Pause { until: std::sync::mpsc::Receiver<()> },
}

/// To open a run.
pub(crate) struct OpenRun {
    pub run: RunId,
    pub options: RunOptions,
    pub reply: Reply<Recovery>,
}

/// One call of a run.
pub(crate) enum RunCall {
    Set { document: String, reply: Reply<Revised> },
    Merge { patch: String, reply: Reply<Revised> },
    Mark { request: Request, reply: Reply<()> },
    Schedule { request: Request, reply: Reply<Receipt> },
    Flush { reply: Reply<Receipt> },
    Close { reply: Reply<Receipt> },
    Stats { reply: Reply<Stats> },
    Unsaved { reply: Reply<Unsaved> },
}

/// One call that is about a task, and belongs to no open run.
pub(crate) enum TaskCall {
    Record { summary: String, options: RecordOptions, reply: Reply<Recorded> },
    Remove { runs: Vec<String>, options: RemoveOptions, reply: Reply<Removed> },
    History { options: HistoryOptions, reply: Reply<TaskHistory> },
}

impl RunCall {
    /// Its name in the WIT; of what is asked of the driver, one like it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            RunCall::Set { .. } => "set",
            RunCall::Merge { .. } => "merge",
            RunCall::Mark { .. } => "mark",
            RunCall::Schedule { .. } => "schedule",
            RunCall::Flush { .. } => "flush",
            RunCall::Close { .. } => "close",
            RunCall::Stats { .. } => "stats",
            RunCall::Unsaved { .. } => "unsaved",
        }
    }

    /// Whether the call may wait for the throttle.
    pub(crate) fn is_throttled(&self) -> bool {
        matches!(self, RunCall::Schedule { request, .. } if !request.force)
    }

    /// Whether the call changes the document.
    pub(crate) fn is_change(&self) -> bool {
        matches!(self, RunCall::Set { .. } | RunCall::Merge { .. })
    }

    /// Whether the call only reads. Who makes one does not ask what became of the documents.
    pub(crate) fn is_read(&self) -> bool {
        matches!(self, RunCall::Stats { .. } | RunCall::Unsaved { .. })
    }

    /// The bytes of the document or patch that it carries.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            RunCall::Set { document: text, .. } | RunCall::Merge { patch: text, .. } => {
                text.len() as u64
            }
            _ => 0,
        }
    }

    /// Tells the caller of a failure, once the call itself is on its way.
    pub(crate) fn tell_failure(&self) -> TellFailure {
        match self {
            RunCall::Set { reply, .. } | RunCall::Merge { reply, .. } => reply.tell_failure(),
            RunCall::Mark { reply, .. } => reply.tell_failure(),
            RunCall::Schedule { reply, .. }
            | RunCall::Flush { reply }
            | RunCall::Close { reply } => reply.tell_failure(),
            RunCall::Stats { reply } => unheard(reply),
            RunCall::Unsaved { reply } => unheard(reply),
        }
    }

    /// As what [`tell_failure`](RunCall::tell_failure) returns.
    pub(crate) fn fail(&self, error: &Error) -> bool {
        self.tell_failure()(error)
    }
}

/// Tells a caller that does not ask what became of the documents.
fn unheard<T: Send + 'static>(reply: &Reply<T>) -> TellFailure {
    let tell_failure = reply.tell_failure();
    Box::new(move |error| {
        tell_failure(error);
        false
    })
}

impl TaskCall {
    /// Tells the caller of a failure, once the call itself is on its way.
    pub(crate) fn tell_failure(&self) -> TellFailure {
        match self {
            TaskCall::Record { reply, .. } => reply.tell_failure(),
            TaskCall::Remove { reply, .. } => reply.tell_failure(),
            TaskCall::History { reply, .. } => reply.tell_failure(),
        }
    }

    pub(crate) fn fail(&self, error: &Error) {
        match self {
            TaskCall::Record { reply, .. } => reply.fail(error),
            TaskCall::Remove { reply, .. } => reply.fail(error),
            TaskCall::History { reply, .. } => reply.fail(error),
        };
    }
}
