//! What the driver knows: runs, calls that wait, calls in flight. It outlives the component.
//!
//! The driver hands in what callers ask for ([`Registry::accept`]) and how calls ended
//! ([`Registry::opened`], [`Registry::ended`], [`Registry::task_call_ended`]), and takes what is to
//! start now ([`Registry::next_start`]). Nothing here waits for anything.

mod call;
mod changes;
mod close;
mod failure;
mod open;
mod shutdown;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use wasmtime::component::ResourceAny;

use self::changes::Changes;
use self::shutdown::Shutdown;
use super::admission::{Admission, CallPool, POOL_MAX};
use super::bounds::Bounds;
use super::job::{Job, OpenRun, RunCall, RunId, TaskCall};
use super::reply::{Reply, TellFailure};
use super::task_calls::{Slot, TaskCalls};
use crate::error::Error;
use crate::events::ReportedFailures;
use crate::records::{Receipt, Recovery, RunOptions};
use crate::report::Unsaved;

/// Runs and calls.
pub(super) struct Registry {
    runs: BTreeMap<RunId, RunEntry>,
    /// Runs that a call or a caller wants open, in order.
    opens: VecDeque<RunId>,
    opening: usize,
    admission: Admission<QueuedCall>,
    order: u64,
    /// Who is told if the component fails, for each call in flight.
    in_flight: HashMap<Ticket, (RunId, TellFailure)>,
    ticket: u64,
    task_calls: TaskCalls,
    /// Directories of runs whose last handle is gone and that are still being closed.
    releasing: HashMap<String, RunId>,
    drops: Vec<ResourceAny>,
    shutdown: Option<Shutdown>,
}

/// Names a call in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ticket(u64);

/// A run that somebody holds, or that is being closed.
struct RunEntry {
    options: Arc<RunOptions>,
    /// Of what it counts since it was opened in this component.
    reported: ReportedFailures,
    phase: Phase,
    /// The caller of `open_run`, until it has its answer.
    opener: Option<Reply<Recovery>>,
    /// Calls that wait for the run to be opened, or for the change before them to end.
    waiting: VecDeque<QueuedCall>,
    /// A change waits for admission or is in flight.
    is_changing: bool,
    /// Calls that wait for admission or are in flight.
    calls: usize,
    is_closed: bool,
    is_released: bool,
    /// The driver itself has asked for a close.
    is_close_asked: bool,
    changes: Changes,
    /// A component failed and took changes along, and no caller is known to have been told.
    unreported: Option<Error>,
    /// Opens of the same run that wait until this one is out of the way.
    after_release: Vec<OpenRun>,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// Not open in this component.
    Shut,
    /// Wants to be opened, or is.
    Opening,
    Open(ResourceAny),
}

/// A call with what is kept about it.
struct QueuedCall {
    run: RunId,
    call: RunCall,
    asker: Asker,
    bytes: u64,
}

/// Who wants a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    Caller,
    Release,
    Shutdown,
}

/// A call that is to start now.
pub(super) enum Start {
    Open {
        run: RunId,
        options: Arc<RunOptions>,
    },
    Call {
        ticket: Ticket,
        resource: ResourceAny,
        options: Arc<RunOptions>,
        reported: ReportedFailures,
        call: RunCall,
        after: After,
    },
    TaskCall {
        slot: Slot,
        call: TaskCall,
    },
}

/// What the registry wants back when a call has ended.
pub(super) struct After {
    run: RunId,
    pool: CallPool,
    asker: Asker,
    bytes: u64,
}

/// What a call did, as far as the registry cares.
pub(super) enum Effect {
    /// A document, or a patch of one, was accepted as a revision, or refused.
    Changed {
        revision: Option<u64>,
        is_whole: bool,
    },
    /// A revision is on the disk, if it is told.
    Wrote {
        revision: Option<u64>,
    },
    /// As that, and what is unsaved is to be told.
    Asked {
        revision: Option<u64>,
        reply: Reply<Unsaved>,
    },
    Closed {
        outcome: Result<Receipt, Error>,
        revision: Option<u64>,
        reply: Reply<Receipt>,
    },
}

impl Registry {
    pub(super) fn new(bounds: Bounds) -> Self {
        Registry {
            runs: BTreeMap::new(),
            opens: VecDeque::new(),
            opening: 0,
            admission: Admission::new(POOL_MAX, bounds.total_bytes),
            order: 0,
            in_flight: HashMap::new(),
            ticket: 0,
            task_calls: TaskCalls::new(bounds),
            releasing: HashMap::new(),
            drops: Vec::new(),
            shutdown: None,
        }
    }

    /// Whether nothing is to be done and nothing in flight.
    pub(super) fn is_idle(&self) -> bool {
        self.opens.is_empty()
            && self.opening == 0
            && self.admission.is_empty()
            && self.in_flight.is_empty()
            && self.task_calls.is_idle()
            && self.drops.is_empty()
    }

    /// Whether the driver is to end.
    pub(super) fn is_shut_down(&self) -> bool {
        self.shutdown.is_some() && self.is_idle()
    }

    /// Takes a request.
    pub(super) fn accept(&mut self, job: Job) {
        match job {
            Job::Open(open) => self.open(open),
            Job::Call { run, call } => self.call(run, call),
            Job::TaskCall(call) if self.shutdown.is_some() => call.fail(&Error::shut_down()),
            Job::TaskCall(call) => self.task_calls.push(call),
            Job::Release { run } => self.release(run),
            Job::Shutdown { reply } => self.shut_down(reply),
            #[cfg(any(test, feature = "testing"))]
            Job::Pause { until } => drop(until.recv()),
        }
    }

    /// The next call that may start.
    pub(super) fn next_start(&mut self) -> Option<Start> {
        if let Some(start) = self.next_open() {
            return Some(start);
        }
        if let Some((slot, call)) = self.task_calls.next_start() {
            return Some(Start::TaskCall { slot, call });
        }
        self.next_call()
    }

    /// A call that belongs to no run has ended.
    pub(super) fn task_call_ended(&mut self, slot: Slot) {
        self.task_calls.ended(slot);
    }
}
