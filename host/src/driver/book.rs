//! What the driver knows: runs, waiting calls, calls in flight. It outlives the component.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use tokio::sync::oneshot;
use wasmtime::component::ResourceAny;

use super::admission::{Admission, POOL_MAX, Pool};
use super::budget::{Account, Mark, indented_len};
use super::coordination::{Coordination, Coordinations, Slot};
use super::job::{Call, Fail, Job, Reply, RunId};
use crate::error::{Cause, Error};
use crate::options::{Channel, RunOptions};
use crate::report::{ClosedRun, Receipt, Recovery, Stats};

/// The most runs that are being opened at once.
const OPENING_MAX: usize = 256;

/// The bounds of what documents and histories may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// One document or patch.
    pub document_bytes: u64,
    /// All documents together.
    pub total_bytes: u64,
    /// One history.
    pub history_bytes: u64,
}

/// Runs and calls.
pub(crate) struct Book {
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
    in_flight: HashMap<Ticket, (RunId, Box<dyn Fail>)>,
    ticket: u64,
    coordinations: Coordinations,
    /// Directories of runs whose last handle is gone and that are still being closed.
    releasing: HashMap<String, RunId>,
    drops: Vec<ResourceAny>,
    shutdown: Option<Shutdown>,
}

/// Names a call in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket(u64);

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
    after_release: Vec<Job>,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// Not open in this component.
    Shut,
    /// Wants to be opened, or is.
    Opening,
    Open(ResourceAny),
}

/// A call with what the book keeps about it.
pub(crate) struct Queued {
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

struct Shutdown {
    /// Who asked for it, the first one first.
    replies: Vec<oneshot::Sender<Vec<ClosedRun>>>,
    closed: Vec<ClosedRun>,
}

/// A call that is to start now.
pub(crate) enum Start {
    Open { ticket: Ticket, run: RunId, options: RunOptions },
    Call { ticket: Ticket, resource: ResourceAny, call: Call, after: After },
    Coordinate { slot: Slot, call: Coordination },
}

/// What the book wants back when a call has ended.
pub(crate) struct After {
    run: RunId,
    pool: Pool,
    purpose: Purpose,
    bytes: u64,
    mark: Mark,
}

/// What a call did, as far as the book cares.
pub(crate) enum Effect {
    Nothing,
    Set { is_ok: bool },
    Merged { is_ok: bool },
    Wrote { manifest_bytes: Option<u64> },
    Closed(Result<Receipt, Error>),
}

impl Book {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Book {
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
            coordinations: Coordinations::new(bounds),
            releasing: HashMap::new(),
            drops: Vec::new(),
            shutdown: None,
        }
    }

    /// Whether nothing is to be done and nothing in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.opens.is_empty()
            && self.admission.is_empty()
            && self.in_flight.is_empty()
            && self.coordinations.is_idle()
            && self.drops.is_empty()
    }

    /// Whether the driver is to end.
    pub(crate) fn is_shut_down(&self) -> bool {
        self.shutdown.is_some() && self.is_idle()
    }

    /// Takes a request.
    pub(crate) fn accept(&mut self, job: Job) {
        match job {
            Job::Open { run, options, reply } => self.open(run, options, reply),
            Job::Call { run, call } => self.call(run, call),
            Job::Coordinate { call } if self.shutdown.is_some() => {
                call.fail(&Error::shut_down());
            }
            Job::Coordinate { call } => self.coordinations.push(call),
            Job::Release { run } => self.release(run),
            Job::Shutdown { reply } => {
                let new = || Shutdown { replies: Vec::new(), closed: Vec::new() };
                self.shutdown.get_or_insert_with(new).replies.push(reply);
                self.advance_all();
            }
        }
    }

    fn release(&mut self, run: RunId) {
        if let Some(entry) = self.runs.get_mut(&run) {
            entry.is_released = true;
            self.releasing.insert(directory(&entry.options), run);
            return self.advance(run);
        }
        // Its open may still wait for another run to be closed. Nobody would release it later.
        let is_other = |job: &Job| !matches!(job, Job::Open { run: open, .. } if *open == run);
        for entry in self.runs.values_mut() {
            entry.after_release.retain(is_other);
        }
    }

    fn advance_all(&mut self) {
        for run in self.runs.keys().copied().collect::<Vec<_>>() {
            self.advance(run);
        }
    }

    fn open(&mut self, run: RunId, options: RunOptions, reply: Reply<Recovery>) {
        if self.shutdown.is_some() {
            reply.send(Err(Error::shut_down()));
            return;
        }
        let old = self.releasing.get(&directory(&options));
        if let Some(entry) = old.and_then(|old| self.runs.get_mut(old)) {
            return entry.after_release.push(Job::Open { run, options, reply });
        }
        let entry = Entry {
            options,
            phase: Phase::Opening,
            opener: Some(reply),
            waiting: VecDeque::new(),
            calls: 0,
            is_closed: false,
            is_released: false,
            is_close_asked: false,
            account: Account::default(),
            untold: None,
            after_release: Vec::new(),
        };
        self.runs.insert(run, entry);
        self.opens.push_back(run);
    }

    fn call(&mut self, run: RunId, call: Call) {
        let entry = self.runs.get_mut(&run).filter(|_| self.shutdown.is_none());
        let Some(entry) = entry else {
            // Without an entry, its open failed and no handle was given out.
            call.fail(&Error::shut_down());
            return;
        };
        if entry.is_closed && entry.phase == Phase::Shut {
            return answer_closed(&entry.options, &call);
        }
        let is_stats = matches!(call, Call::Stats { .. });
        if let Some(error) = entry.untold.take_if(|_| !is_stats) {
            if !call.fail(&error) {
                entry.untold = Some(error);
            }
            return;
        }
        // What is above the run's own limit is refused by the component.
        let limit = document_limit(&entry.options, self.bounds);
        let mut account = entry.account;
        let bytes = match &call {
            Call::SetManifest { document, .. } => {
                let bytes = indented_len(document).min(limit);
                account.set_started(bytes);
                bytes
            }
            Call::MergeManifest { patch, .. } => {
                let bytes = indented_len(patch).min(limit);
                account.merge_started(bytes, limit);
                bytes
            }
            _ => 0,
        };
        let (held, will_hold) = (entry.account.held(), account.held());
        let total = self.used.saturating_sub(held).saturating_add(will_hold);
        if will_hold > held && total > self.bounds.total_bytes {
            call.fail(&over_budget(total, self.bounds.total_bytes));
            return;
        }
        entry.account = account;
        self.used = total;
        self.enqueue(Queued { run, call, purpose: Purpose::Caller, bytes });
    }

    /// Puts a call where it waits: for its run to be open, or for admission.
    fn enqueue(&mut self, queued: Queued) {
        let run = queued.run;
        let Some(entry) = self.runs.get_mut(&run) else { return };
        match entry.phase {
            Phase::Open(_) => {
                entry.calls += 1;
                let pool = if queued.call.is_throttled() { Pool::Throttled } else { Pool::Prompt };
                // The order is that of the queues. A call that waited for its run is behind those
                // that did not.
                self.order += 1;
                self.admission.push(pool, self.order, queued.bytes, queued);
            }
            Phase::Opening => entry.waiting.push_back(queued),
            Phase::Shut => {
                entry.waiting.push_back(queued);
                entry.phase = Phase::Opening;
                self.opens.push_back(run);
            }
        }
    }

    /// The next call that may start.
    pub(crate) fn next_start(&mut self) -> Option<Start> {
        if let Some(start) = self.next_open() {
            return Some(start);
        }
        if let Some((slot, call)) = self.coordinations.next_start() {
            return Some(Start::Coordinate { slot, call });
        }
        while let Some((pool, queued)) = self.admission.pop() {
            let Queued { run, call, purpose, bytes } = queued;
            let Some(entry) = self.runs.get(&run) else {
                self.admission.ended(pool, bytes);
                continue;
            };
            let Phase::Open(resource) = entry.phase else {
                self.admission.ended(pool, bytes);
                continue;
            };
            let after = After { run, pool, purpose, bytes, mark: entry.account.mark() };
            let ticket = self.ticket(run, call.fail_later());
            return Some(Start::Call { ticket, resource, call, after });
        }
        None
    }

    fn next_open(&mut self) -> Option<Start> {
        let run = *self.opens.front()?;
        let Some(entry) = self.runs.get(&run) else {
            self.opens.pop_front();
            return self.next_open();
        };
        let limit = document_limit(&entry.options, self.bounds);
        // One run is always opened, whatever it may hold: its size is known only then.
        let total = self.used.saturating_add(self.reserved).saturating_add(limit);
        let fits = total <= self.bounds.total_bytes && self.opening < OPENING_MAX;
        if self.opening > 0 && !fits {
            return None;
        }
        let options = entry.options.clone();
        self.opens.pop_front();
        self.opening += 1;
        self.reserved += limit;
        // The opener and the calls that wait are the entry's own.
        let ticket = self.ticket(run, Box::new(Nobody));
        Some(Start::Open { ticket, run, options })
    }

    fn ticket(&mut self, run: RunId, fail: Box<dyn Fail>) -> Ticket {
        self.ticket += 1;
        let ticket = Ticket(self.ticket);
        self.in_flight.insert(ticket, (run, fail));
        ticket
    }

    /// An open has ended.
    pub(crate) fn opened(
        &mut self,
        ticket: Ticket,
        run: RunId,
        result: Result<(ResourceAny, Recovery), Error>,
    ) {
        self.in_flight.remove(&ticket);
        self.opening = self.opening.saturating_sub(1);
        let Some(entry) = self.runs.get_mut(&run) else {
            return self.drops.extend(result.ok().map(|(resource, _)| resource));
        };
        let limit = document_limit(&entry.options, self.bounds);
        self.reserved = self.reserved.saturating_sub(limit);
        let result = result.and_then(|(resource, recovery)| {
            let bytes = recovery.document.as_ref().map_or(0, |text| text.len() as u64);
            let mut account = entry.account;
            let held = account.held();
            account.recovered(bytes);
            let total = self.used.saturating_sub(held).saturating_add(account.held());
            if bytes > 0 && total > self.bounds.total_bytes {
                self.drops.push(resource);
                return Err(over_budget(total, self.bounds.total_bytes));
            }
            entry.account = account;
            self.used = total;
            Ok((resource, recovery))
        });
        match result {
            Ok((resource, recovery)) => {
                entry.phase = Phase::Open(resource);
                if let Some(opener) = entry.opener.take() {
                    opener.send(Ok(recovery));
                }
                for queued in std::mem::take(&mut entry.waiting) {
                    self.enqueue(queued);
                }
            }
            Err(error) => {
                entry.phase = Phase::Shut;
                for queued in std::mem::take(&mut entry.waiting) {
                    queued.call.fail(&error);
                }
                self.used = self.used.saturating_sub(entry.account.held());
                entry.account.lost();
                if let Some(opener) = entry.opener.take() {
                    opener.send(Err(error));
                    // No handle was given out.
                    return self.remove(run);
                }
            }
        }
        self.advance(run);
    }

    /// A call has ended.
    pub(crate) fn ended(&mut self, ticket: Ticket, after: After, effect: Effect) {
        self.in_flight.remove(&ticket);
        self.admission.ended(after.pool, after.bytes);
        let Some(entry) = self.runs.get_mut(&after.run) else { return };
        entry.calls = entry.calls.saturating_sub(1);
        let held = entry.account.held();
        match effect {
            Effect::Nothing => {}
            Effect::Set { is_ok } => entry.account.set_ended(after.bytes, is_ok),
            Effect::Merged { is_ok } => {
                let limit = document_limit(&entry.options, self.bounds);
                entry.account.merge_ended(after.bytes, limit, is_ok);
            }
            Effect::Wrote { manifest_bytes: Some(bytes) } => {
                entry.account.written(after.mark, bytes);
            }
            Effect::Wrote { manifest_bytes: None } => {}
            Effect::Closed(outcome) => {
                entry.is_closed |= outcome.is_ok();
                if let (Purpose::Shutdown, Some(shutdown)) = (after.purpose, &mut self.shutdown) {
                    let untold = entry.untold.take();
                    let outcome = outcome.and_then(|receipt| untold.map_or(Ok(receipt), Err));
                    shutdown.closed.push(closed_run(&entry.options, outcome));
                }
            }
        }
        self.used = self.used.saturating_sub(held).saturating_add(entry.account.held());
        self.advance(after.run);
    }

    /// A call of the coordinator has ended.
    pub(crate) fn coordinated(&mut self, slot: Slot) {
        self.coordinations.ended(slot);
    }

    /// Closes and drops a run that nobody holds any more, one step at a time.
    fn advance(&mut self, run: RunId) {
        let is_shutdown = self.shutdown.is_some();
        let Some(entry) = self.runs.get_mut(&run) else { return };
        if !entry.is_released && !is_shutdown {
            return;
        }
        match entry.phase {
            Phase::Opening => {}
            Phase::Shut => {
                let untold = entry.untold.take();
                if let (Some(error), Some(shutdown)) = (untold, &mut self.shutdown) {
                    shutdown.closed.push(closed_run(&entry.options, Err(error)));
                }
                self.remove(run);
            }
            Phase::Open(_) if !entry.is_closed && !entry.is_close_asked => {
                entry.is_close_asked = true;
                let purpose = if entry.is_released { Purpose::Release } else { Purpose::Shutdown };
                let (reply, _) = Reply::new();
                self.enqueue(Queued { run, call: Call::Close { reply }, purpose, bytes: 0 });
            }
            Phase::Open(resource) if entry.calls == 0 => {
                self.drops.push(resource);
                self.remove(run);
            }
            Phase::Open(_) => {}
        }
    }

    fn remove(&mut self, run: RunId) {
        let Some(entry) = self.runs.remove(&run) else { return };
        self.used = self.used.saturating_sub(entry.account.held());
        let directory = directory(&entry.options);
        if self.releasing.get(&directory) == Some(&run) {
            self.releasing.remove(&directory);
        }
        for job in entry.after_release {
            self.accept(job);
        }
    }

    /// Resources that no call uses and nobody holds.
    pub(crate) fn take_drops(&mut self) -> Vec<ResourceAny> {
        std::mem::take(&mut self.drops)
    }

    /// The component is gone: answers everybody who waits for it. Runs that are held by a caller
    /// stay, to be opened anew.
    pub(crate) fn lose(&mut self, cause: &Cause) {
        let error = Error::component_failed(cause);
        let told = self.fail_all(&error);
        self.coordinations.fail_all(&error);
        self.opens.clear();
        self.drops.clear();
        self.opening = 0;
        self.reserved = 0;
        self.used = 0;
        self.releasing.clear();
        for (run, mut entry) in std::mem::take(&mut self.runs) {
            for job in entry.after_release.drain(..) {
                fail(job, &error);
            }
            let is_reported = entry.is_close_asked && !entry.is_released && !entry.is_closed;
            if let Some(shutdown) = self.shutdown.as_mut().filter(|_| is_reported) {
                shutdown.closed.push(closed_run(&entry.options, Err(error.clone())));
            }
            if let Some(opener) = entry.opener.take() {
                opener.send(Err(error.clone()));
            } else if !entry.is_released {
                entry.phase = Phase::Shut;
                entry.calls = 0;
                entry.is_close_asked = false;
                let is_told = is_reported || told.contains(&run);
                if !is_told && !entry.is_closed && entry.account.is_unsaved() {
                    entry.untold = Some(error.clone());
                }
                entry.account.lost();
                self.runs.insert(run, entry);
            }
        }
        // A run that was being opened when the shutdown came has not been told of yet.
        self.advance_all();
    }

    /// Fails the calls in flight and those that wait, and tells in which runs a caller heard of it.
    fn fail_all(&mut self, error: &Error) -> HashSet<RunId> {
        let in_flight = self.in_flight.drain().map(|(_, waiter)| waiter);
        let waiting = self.runs.values_mut().flat_map(|entry| entry.waiting.drain(..));
        let queued = self.admission.drain().chain(waiting);
        in_flight
            .chain(queued.map(|queued| (queued.run, queued.call.fail_later())))
            .filter(|(_, waiter)| waiter.fail(error))
            .map(|(run, _)| run)
            .collect()
    }

    /// A request that came before the failure was known.
    pub(crate) fn refuse(&mut self, job: Job, cause: &Cause) {
        let error = Error::component_failed(cause);
        match job {
            _ if self.shutdown.is_some() => self.accept(job),
            Job::Release { .. } | Job::Shutdown { .. } => self.accept(job),
            Job::Open { .. } | Job::Coordinate { .. } => fail(job, &error),
            Job::Call { run, call } => self.refuse_call(run, &call, error),
        }
    }

    fn refuse_call(&mut self, run: RunId, call: &Call, error: Error) {
        let is_told = call.fail(&error);
        let Some(entry) = self.runs.get_mut(&run) else { return };
        if is_told {
            entry.untold = None;
        } else if call.is_change() && !entry.is_closed {
            entry.untold = Some(error);
        }
    }

    /// Tells who asked for the shutdown that it is done. The first of them gets the outcomes.
    pub(crate) fn finish(&mut self) {
        let Some(Shutdown { replies, mut closed }) = self.shutdown.take() else { return };
        for reply in replies {
            // A caller that went away leaves them to the next one.
            closed = reply.send(closed).err().unwrap_or_default();
        }
    }
}

/// For calls whose callers the book knows otherwise.
struct Nobody;

impl Fail for Nobody {
    fn fail(&self, _error: &Error) -> bool {
        false
    }
}

fn fail(job: Job, error: &Error) {
    match job {
        Job::Open { reply, .. } => reply.fail(error),
        Job::Coordinate { call } => call.fail(error),
        _ => false,
    };
}

/// A closed run answers as the component does, after the component that closed it is gone.
fn answer_closed(options: &RunOptions, call: &Call) {
    match call {
        Call::Close { reply } => reply.send(Ok(Receipt::default())),
        Call::Stats { reply } => reply.send(Ok(Stats::default())),
        other => other.fail(&Error::run_closed(&directory(options))),
    };
}

fn closed_run(options: &RunOptions, outcome: Result<Receipt, Error>) -> ClosedRun {
    ClosedRun { task_id: options.task_id.clone(), run_id: options.run_id.clone(), outcome }
}

fn document_limit(options: &RunOptions, bounds: Bounds) -> u64 {
    options.max_document_bytes.unwrap_or(bounds.document_bytes)
}

pub(crate) fn over_budget(bytes: u64, bytes_max: u64) -> Error {
    let message = format!(
        "the documents of all runs take {bytes} bytes, above max_total_document_bytes: {bytes_max}"
    );
    Error::too_large(Channel::Manifest, message)
}

/// The run's directory, which tells whether two runs are the same.
fn directory(options: &RunOptions) -> String {
    let root = options.runs_root.as_deref().unwrap_or(".runs");
    format!("{root}/{}/cli/{}", options.task_id, options.run_id)
}
