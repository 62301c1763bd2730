//! Open runs: each one's document, its throttle, its flushes.

pub mod channel;
pub mod document;
pub mod flush;
pub mod recovery;
pub mod schedule;
pub mod settings;
pub mod stats;

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures::channel::oneshot;

use crate::error::{Channel, Error, Failure};
use crate::limits::{Counted, Documents};
use crate::records;
pub use crate::records::{Receipt, Recovery, Revised, Scheduled};
use crate::registry::Registration;
pub use crate::registry::Registry;
use crate::storage::Storage;
use crate::storage::durable::Written;
use crate::time::timestamp;
use channel::RunChannel;
use document::Target;
use flush::Job;
use schedule::{RunChannels, Schedule, Step};
use settings::RunSettings;
use stats::Counters;

const NS_PER_MS: u64 = 1_000_000;

impl Receipt {
    /// Nothing was written.
    const NONE: Receipt = Receipt { manifest: None, heartbeat: None, revision: None };

    /// What a later flush wrote counts.
    fn and(self, later: Receipt) -> Receipt {
        Receipt {
            manifest: later.manifest.or(self.manifest),
            heartbeat: later.heartbeat.or(self.heartbeat),
            revision: later.revision.or(self.revision),
        }
    }
}

/// What every request that a flush covered gets.
pub type Outcome = Result<Receipt, Error>;

/// Gets the outcome of the flush that covers its request.
struct Caller {
    sender: oneshot::Sender<Outcome>,
    /// What earlier flushes wrote of a request whose channels were taken one after the other.
    so_far: Receipt,
}

impl Caller {
    fn new() -> (Caller, oneshot::Receiver<Outcome>) {
        let (sender, outcome) = oneshot::channel();
        (Caller { sender, so_far: Receipt::NONE }, outcome)
    }

    fn note(&mut self, receipt: Receipt) {
        self.so_far = self.so_far.and(receipt);
    }

    fn answer(mut self, outcome: &Outcome) {
        let outcome = outcome.clone().map(|receipt| {
            self.note(receipt);
            self.so_far
        });
        // A caller that went away wants no answer.
        let _ = self.sender.send(outcome);
    }
}

/// An open run. Dropped without [`Run::close`], it ends the flush in flight, answers waiting
/// requests with [`Error::Closed`], and gives up what was not written.
pub struct Run<S: Storage>(Rc<Inner<S>>);

struct Inner<S: Storage> {
    storage: Rc<S>,
    settings: RunSettings,
    /// The run's directory, and its key in the registry.
    registration: Registration,
    state: RefCell<State>,
}

struct State {
    /// The document as its file is to hold it.
    document: Option<Box<[u8]>>,
    /// Whether it was written by others, who may indent otherwise.
    is_found: bool,
    /// Its share of the documents of all runs.
    counted: Counted,
    /// Of the document.
    revision: u64,
    /// That of the manifest's file, if a flush has written it.
    written_revision: Option<u64>,
    schedule: Schedule<Caller>,
    phase: Phase,
    /// Whether a task runs that takes the schedule's steps.
    is_driven: bool,
    /// Wakes that task from its wait for a time.
    waker: Option<Waker>,
    ancestors_synced: bool,
    counters: Counters,
}

enum Phase {
    Open,
    /// The callers of `close` that wait for its outcome.
    Closing(Vec<oneshot::Sender<Outcome>>),
    Closed,
}

impl<S: Storage> Run<S> {
    /// Opens a run.
    ///
    /// # Errors
    /// [`Error::InvalidId`], [`Error::InvalidInput`], [`Error::AlreadyOpen`], [`Error::TooLarge`],
    /// [`Error::Storage`].
    pub async fn open(
        storage: Rc<S>,
        registry: &Registry,
        documents: &Rc<Documents>,
        settings: RunSettings,
    ) -> Result<(Self, Recovery), Error> {
        let directory = settings.directory()?;
        let registration = Registration::new(registry, directory)?;
        let mut counted = Counted::new(documents, Channel::Manifest);
        let recovery =
            recovery::recover(&*storage, registration.directory(), &settings, &mut counted).await?;
        let intervals_ms = [settings.manifest_interval_ms, settings.heartbeat_interval_ms];
        let state = State {
            document: recovery.document.as_deref().map(|text| text.as_bytes().into()),
            is_found: true,
            counted,
            revision: 0,
            written_revision: None,
            schedule: Schedule::new(intervals_ms),
            phase: Phase::Open,
            is_driven: false,
            waker: None,
            ancestors_synced: false,
            counters: Counters::default(),
        };
        let inner = Inner { storage, settings, registration, state: RefCell::new(state) };
        Ok((Run(Rc::new(inner)), recovery))
    }

    /// Replaces the document and marks the manifest dirty.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::InvalidInput`], [`Error::Closed`]; nothing changed.
    pub fn set(&self, document: &str) -> Result<Revised, Error> {
        self.0.change(|limit, _| document::format(document, limit))
    }

    /// Changes the document by a merge patch and marks the manifest dirty.
    ///
    /// # Errors
    /// As [`Run::set`].
    pub fn merge(&self, patch: &str) -> Result<Revised, Error> {
        self.0.change(|limit, state| {
            let target = state.document.as_deref();
            let target = target.map(|document| Target::new(document, !state.is_found));
            document::merge(target.transpose()?, patch, limit)
        })
    }

    /// Marks channels dirty and asks for their flush as [`Run::schedule`] does, but does not wait for
    /// it.
    ///
    /// # Errors
    /// [`Error::InvalidInput`], [`Error::Closed`].
    pub fn mark(&self, flags: RunChannels, force: bool) -> Result<(), Error> {
        self.0.check_request(flags)?;
        self.0.note(flags, force);
        if S::HAS_EVENT_LOOP {
            self.0.drive();
        }
        Ok(())
    }

    /// Marks channels dirty and waits for the flush that covers the request.
    ///
    /// # Errors
    /// [`Error::InvalidInput`], [`Error::Storage`], [`Error::Conflict`], [`Error::Closed`].
    pub async fn schedule(&self, flags: RunChannels, force: bool) -> Outcome {
        self.0.check_request(flags)?;
        let (caller, outcome) = Caller::new();
        if !self.0.request(flags, force, caller) {
            return Ok(Receipt::NONE);
        }
        self.0.drive();
        outcome.await.unwrap_or_else(|_| Err(self.0.closed()))
    }

    /// Marks channels dirty and writes what may be written now, on a storage without an event loop.
    /// What the throttle or a back-off holds back is left for a later call.
    ///
    /// # Errors
    /// As [`Run::schedule`]; of a write that an earlier call asked for, too.
    pub async fn schedule_now(&self, flags: RunChannels, force: bool) -> Result<Scheduled, Error> {
        let run = &*self.0;
        run.check_request(flags)?;
        run.note(flags, force);
        let mut written = Ok(Receipt::NONE);
        loop {
            let now_ns = run.storage.monotonic_ns();
            let step = run.state.borrow().schedule.step(now_ns);
            let wait_ns = match step {
                Step::Flush => {
                    let outcome = run.flush_once().await;
                    written = written.and_then(|so_far: Receipt| Ok(so_far.and(outcome?)));
                    continue;
                }
                Step::WaitUntil(at_ns) => Some(at_ns.saturating_sub(now_ns)),
                Step::Idle => None,
            };
            let call_again_in_ms = wait_ns.map(|wait_ns| wait_ns.div_ceil(NS_PER_MS));
            return written.map(|receipt| Scheduled { receipt, call_again_in_ms });
        }
    }

    /// Writes everything that is dirty.
    ///
    /// # Errors
    /// As [`Run::schedule`].
    pub async fn flush(&self) -> Outcome {
        self.schedule(RunChannels::NONE, true).await
    }

    /// Releases waiting requests, flushes what is dirty, and closes the run if that succeeds.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Conflict`]; the run stays open then. [`Error::Closed`] if it was
    /// dropped meanwhile.
    pub async fn close(&self) -> Outcome {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.0.state.borrow_mut();
            match &mut state.phase {
                Phase::Closed => return Ok(Receipt::NONE),
                Phase::Closing(callers) => callers.push(sender),
                Phase::Open => {
                    state.phase = Phase::Closing(vec![sender]);
                    // A task of its own, so that a caller that goes away leaves no run half closed.
                    self.0.storage.spawn(Box::pin(close(self.0.clone())));
                }
            }
        }
        receiver.await.unwrap_or_else(|_| Err(self.0.closed()))
    }

    /// The counters.
    pub fn stats(&self) -> records::Stats {
        let state = self.0.state.borrow();
        state.counters.report(state.schedule.dirty(), state.revision, state.written_revision)
    }
}

impl<S: Storage> Drop for Run<S> {
    fn drop(&mut self) {
        let mut state = self.0.state.borrow_mut();
        state.phase = Phase::Closed;
        // The callers learn `closed` from their dropped senders.
        state.schedule.abandon();
        state.wake();
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl<S: Storage> Inner<S> {
    fn closed(&self) -> Error {
        Error::Closed { path: self.registration.directory().to_owned() }
    }

    fn check_open(&self) -> Result<(), Error> {
        match self.state.borrow().phase {
            Phase::Open => Ok(()),
            Phase::Closing(_) | Phase::Closed => Err(self.closed()),
        }
    }

    fn check_request(&self, flags: RunChannels) -> Result<(), Error> {
        self.check_open()?;
        if flags.manifest && self.state.borrow().document.is_none() {
            let message = "manifest is scheduled but no document was set";
            return Err(Error::invalid(Channel::Manifest, message));
        }
        Ok(())
    }

    fn change(
        &self,
        new: impl FnOnce(u64, &State) -> Result<Vec<u8>, Error>,
    ) -> Result<Revised, Error> {
        self.check_open()?;
        let mut state = self.state.borrow_mut();
        let limit = self.settings.max_document_bytes;
        // It may be kept for long, in no more than is counted.
        let document = new(limit, &state)?.into_boxed_slice();
        let bytes = document.len() as u64;
        state.counted.resize(bytes)?;
        state.document = Some(document);
        state.is_found = false;
        state.revision += 1;
        state.schedule.set_dirty(RunChannel::Manifest);
        Ok(Revised { revision: state.revision, bytes })
    }

    /// Takes a request; false if there is nothing to wait for.
    fn request(&self, flags: RunChannels, force: bool, caller: Caller) -> bool {
        let mut state = self.state.borrow_mut();
        state.counters.requests += 1;
        state.schedule.request(flags, force, caller).is_none()
    }

    /// Takes a request of a caller that does not wait for its flush.
    fn note(&self, flags: RunChannels, force: bool) {
        let mut state = self.state.borrow_mut();
        state.counters.requests += 1;
        state.schedule.mark(flags, force);
    }

    /// Makes sure that a task takes the schedule's next steps.
    fn drive(self: &Rc<Self>) {
        let mut state = self.state.borrow_mut();
        if state.is_driven {
            state.wake();
        } else {
            state.is_driven = true;
            self.storage.spawn(Box::pin(drive(self.clone())));
        }
    }

    async fn flush_once(&self) -> Outcome {
        let storage = &*self.storage;
        let started_ns = storage.monotonic_ns();
        let revision;
        let (jobs, was_failing, mut ancestors_synced) = {
            let mut state = self.state.borrow_mut();
            let taken = state.schedule.start(started_ns);
            if taken.is_empty() {
                // Abandoned since the step was decided.
                let none = RunChannels::NONE;
                let _ = state.schedule.finish(started_ns, none, none, || 0, |_| ());
                return Ok(Receipt::NONE);
            }
            let was_failing = RunChannels::filter(|c| state.schedule.is_failing(c));
            revision = state.revision;
            (self.jobs(taken, state.document.as_deref()), was_failing, state.ancestors_synced)
        };
        let bytes =
            jobs.each_ref().map(|job| job.as_ref().map_or(0, |job| job.content.len() as u64));
        let outcomes =
            flush::write(storage, self.registration.directory(), jobs, &mut ancestors_synced).await;

        let ended_ns = storage.monotonic_ns();
        let mut state = self.state.borrow_mut();
        state.ancestors_synced = ancestors_synced;
        let failed = RunChannels::filter(|c| matches!(outcomes[c as usize], Some(Err(_))));
        let conflicts = RunChannels::filter(
            |c| matches!(&outcomes[c as usize], Some(Err(failure)) if failure.is_conflict()),
        );
        for channel in RunChannel::ALL {
            if let Some(outcome) = &outcomes[channel as usize] {
                let bytes = bytes[channel as usize];
                state.counters.count_write(channel, outcome, bytes, was_failing.has(channel));
            }
        }
        if matches!(outcomes[RunChannel::Manifest as usize], Some(Ok(_))) {
            state.written_revision = Some(revision);
        }
        let outcome = combine(outcomes, bytes, revision);
        let note = |caller: &mut Caller| {
            if let Ok(receipt) = outcome {
                caller.note(receipt);
            }
        };
        let random = || storage.random();
        let finished = state.schedule.finish(ended_ns, failed, conflicts, random, note);
        let elapsed_ns = ended_ns.saturating_sub(started_ns);
        state.counters.count_flush(elapsed_ns, finished.covered, outcome.as_ref().err());
        state.counters.automatic_retries += u64::from(S::HAS_EVENT_LOOP && !finished.is_asked);
        if RunChannel::ALL.iter().all(|&c| !state.schedule.is_failing(c)) {
            state.counters.last_error = None;
        }
        for caller in finished.answered {
            caller.answer(&outcome);
        }
        outcome
    }

    fn jobs(&self, taken: RunChannels, document: Option<&[u8]>) -> [Option<Job>; 2] {
        let settings = &self.settings;
        let manifest = document.filter(|_| taken.manifest).map(|document| Job {
            name: settings.manifest_name.clone(),
            content: document.to_vec(),
            durability: settings.manifest_durability,
        });
        let heartbeat = taken.heartbeat.then(|| Job {
            name: settings.heartbeat_name.clone(),
            content: format!("{}\n", timestamp(self.storage.wall_clock())).into_bytes(),
            durability: settings.heartbeat_durability,
        });
        [manifest, heartbeat]
    }
}

/// One outcome for every covered request: the manifest's failure comes first.
fn combine(outcomes: [Option<flush::FileOutcome>; 2], bytes: [u64; 2], revision: u64) -> Outcome {
    let [manifest, heartbeat] = outcomes;
    let split = |outcome: Option<flush::FileOutcome>, bytes| match outcome {
        Some(Ok(reached)) => (Some(Written { reached, bytes }), None),
        Some(Err(failure)) => (None, Some(failure)),
        None => (None, None),
    };
    let (manifest, manifest_failure) = split(manifest, bytes[0]);
    let (heartbeat, heartbeat_failure) = split(heartbeat, bytes[1]);
    let (first, beside): (Failure, _) = match (manifest_failure, heartbeat_failure) {
        (None, None) => {
            let revision = manifest.map(|_| revision);
            return Ok(Receipt { manifest, heartbeat, revision });
        }
        (Some(first), beside) => (first, beside),
        (None, Some(first)) => (first, None),
    };
    Err(Error::of_files(first, beside))
}

/// Takes the schedule's steps until there is none, or none that may be left to this task.
async fn drive<S: Storage>(run: Rc<Inner<S>>) {
    loop {
        let now_ns = run.storage.monotonic_ns();
        let step = {
            let mut state = run.state.borrow_mut();
            let step = state.schedule.step(now_ns);
            // Without an event loop, a later call does what is left to a time.
            state.is_driven = match step {
                Step::Idle => false,
                Step::WaitUntil(_) => S::HAS_EVENT_LOOP,
                Step::Flush => true,
            };
            if state.is_driven { step } else { Step::Idle }
        };
        match step {
            Step::Idle => return,
            Step::Flush => {
                // Requests of the same tick come in before the flush takes its flags.
                run.storage.yield_now().await;
                // It is told to those who wait for it, and in the statistics.
                let _ = run.flush_once().await;
            }
            Step::WaitUntil(at_ns) => {
                let mut sleep = pin!(run.storage.sleep_until(at_ns));
                let mut is_asleep = false;
                poll_fn(|context| {
                    let mut state = run.state.borrow_mut();
                    // The waker is gone when somebody has used it.
                    if is_asleep && state.waker.is_none() {
                        return Poll::Ready(());
                    }
                    is_asleep = true;
                    state.waker = Some(context.waker().clone());
                    // A host may let another call in while it is asked for a timer.
                    drop(state);
                    sleep.as_mut().poll(context)
                })
                .await;
            }
        }
    }
}

/// Flushes what is dirty; closed only if all of it is on the disk.
async fn close<S: Storage>(run: Rc<Inner<S>>) {
    let (caller, outcome) = Caller::new();
    let is_clean =
        run.state.borrow_mut().schedule.request(RunChannels::NONE, true, caller).is_some();
    let outcome = if is_clean {
        Ok(Receipt::NONE)
    } else {
        run.drive();
        outcome.await.unwrap_or_else(|_| Err(run.closed()))
    };
    if outcome.is_ok() {
        recovery::sweep(&*run.storage, run.registration.directory(), run.settings.sweep_after)
            .await;
        run.registration.end();
    }
    let mut state = run.state.borrow_mut();
    let next = if outcome.is_ok() { Phase::Closed } else { Phase::Open };
    if outcome.is_ok() {
        state.document = None;
        // Nothing that does not grow is refused.
        let _ = state.counted.resize(0);
    }
    // Dropped while it closed: `Drop` has set `Closed` and the callers know.
    if let Phase::Closing(callers) = std::mem::replace(&mut state.phase, Phase::Closed) {
        state.phase = next;
        for caller in callers {
            let _ = caller.send(outcome.clone());
        }
    }
}

#[cfg(test)]
mod tests;
