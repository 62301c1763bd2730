//! What the driver knows: runs, calls that wait, calls in flight. It outlives the component.
//!
//! The driver hands in what callers ask for ([`Registry::accept`]) and how calls ended
//! ([`Registry::opened`], [`Registry::ended`], [`Registry::task_call_ended`]), and takes what is to
//! start now ([`Registry::next_start`]). Nothing here waits for anything.

mod call;
mod close;
mod failure;
mod open;

use std::collections::{BTreeMap, HashMap, VecDeque};

use wasmtime::component::ResourceAny;

use self::close::Shutdown;
use super::admission::{Admission, POOL_MAX, Pool};
use super::bounds::Bounds;
use super::budget::{Account, Mark};
use super::job::{Call, Job, Open, RunId, TaskCall};
use super::reply::{Reply, TellFailure};
use super::task_calls::{Slot, TaskCalls};
use crate::error::{Error, too_many_documents};
use crate::options::RunOptions;
use crate::report::{Receipt, Recovery};

/// Runs and calls.
pub(super) struct Registry {
    bounds: Bounds,
    runs: BTreeMap<RunId, Entry>,
    /// Runs that a call or a caller wants open, in order.
    opens: VecDeque<RunId>,
    opening: usize,
    /// What the runs being opened may turn out to hold.
    reserved: u64,
    /// What all runs hold.
    used: u64,
    admission: Admission<Queued>,
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
struct Entry {
    options: RunOptions,
    phase: Phase,
    /// The caller of `open_run`, until it has its answer.
    opener: Option<Reply<Recovery>>,
    /// Calls that wait for the run to be opened.
    waiting: VecDeque<Queued>,
    /// Calls that wait for admission or are in flight.
    calls: usize,
    is_closed: bool,
    is_released: bool,
    /// The driver itself has asked for a close.
    is_close_asked: bool,
    account: Account,
    /// A component failed and took changes along, and no caller is known to have been told.
    untold: Option<Error>,
    /// Opens of the same run that wait until this one is out of the way.
    after_release: Vec<Open>,
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
struct Queued {
    run: RunId,
    call: Call,
    purpose: Purpose,
    /// The size of the document or patch that it carries.
    bytes: u64,
}

/// Who wants a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Caller,
    Release,
    Shutdown,
}

/// A call that is to start now.
pub(super) enum Start {
    Open { run: RunId, options: RunOptions },
    Call { ticket: Ticket, resource: ResourceAny, call: Call, after: After },
    TaskCall { slot: Slot, call: TaskCall },
}

/// What the registry wants back when a call has ended.
pub(super) struct After {
    run: RunId,
    pool: Pool,
    purpose: Purpose,
    bytes: u64,
    mark: Mark,
}

/// What a call did, as far as the registry cares.
pub(super) enum Effect {
    Nothing,
    Set { is_ok: bool },
    Merged { is_ok: bool },
    Wrote { manifest_bytes: Option<u64> },
    Closed(Result<Receipt, Error>),
}

impl Registry {
    pub(super) fn new(bounds: Bounds) -> Self {
        Registry {
            bounds,
            runs: BTreeMap::new(),
            opens: VecDeque::new(),
            opening: 0,
            reserved: 0,
            used: 0,
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

    /// Counts what a run holds now in place of `held`.
    fn charge(&mut self, held: u64, holds: u64) {
        self.used = self.used.saturating_sub(held).saturating_add(holds);
    }

    /// Whether a run may hold `holds` in place of `held`.
    fn admit(&self, held: u64, holds: u64) -> Result<(), Error> {
        let (total, bytes_max) =
            (self.used.saturating_sub(held).saturating_add(holds), self.bounds.total_bytes);
        if holds > held && total > bytes_max {
            return Err(too_many_documents(total, bytes_max));
        }
        Ok(())
    }
}

impl Entry {
    /// The largest document of the run.
    fn document_bytes_max(&self, bounds: Bounds) -> u64 {
        self.options.max_document_bytes.unwrap_or(bounds.document_bytes)
    }
}
