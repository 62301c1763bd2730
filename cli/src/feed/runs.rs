//! The runs that the feed has opened, and what is done with them in which order.
//!
//! Requests of one run are issued in the order of their lines. While a run is being opened or
//! closed they wait, without delaying other runs; otherwise each is issued as it comes, and its
//! answer is sent when it is there. To record a run and to read a history wait for no other request.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use futures::stream::{FuturesUnordered, StreamExt};
use tandem_host::{
    ClosedRun, Error, HistoryOptions, Receipt, RecordOptions, Recorded, Request as Flags, Run,
    RunOptions, Stats, Tandem, TaskHistory, Unsaved,
};

use super::limits::{CLOSED_RUNS_MAX, Limits, Share};
use super::name::{Id, Name};
use super::output::Output;
use super::records::Unrecorded;
use super::reply::{self, Counted, HistoryAnswer, Opened, Payload, Problem};
use super::request::{Action, Ask, Refusal, Request};
use crate::plain::message;

/// The runs, and the calls in flight.
pub struct Runs {
    tandem: Tandem,
    limits: Limits,
    output: Output,
    slots: HashMap<Rc<Name>, Slot>,
    /// Closed runs, the oldest first.
    closed: VecDeque<(Rc<Name>, u64)>,
    closes: u64,
    in_flight: FuturesUnordered<Pin<Box<dyn Future<Output = Completion>>>>,
    /// Opens and closes in flight.
    gates: usize,
    /// Histories that wait to be read.
    waiting_histories: usize,
    /// Runs that are not on the disk as they were asked to be.
    unwritten: BTreeSet<Unwritten>,
    unrecorded: Unrecorded,
}

/// A run that is not on the disk, and why.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unwritten {
    pub name: Name,
    pub why: String,
}

struct Slot {
    phase: Phase,
    /// What waits for the open or close in flight.
    waiting: VecDeque<Asked>,
}

enum Phase {
    Opening,
    Open(Run),
    Closing(Run),
    /// With the counters at the close and the number of that close.
    Closed(Box<Stats>, u64),
}

/// A request without its run.
struct Asked {
    id: Id,
    action: Action,
    share: Share,
}

/// Whom to answer.
struct Ticket {
    name: Rc<Name>,
    id: Id,
    share: Share,
}

/// A call has ended.
enum Completion {
    Opened(Ticket, Result<Run, Error>),
    Answered(Ticket, Result<Payload, Error>),
    Closed(Ticket, Result<Receipt, Error>, Box<Stats>, Unsaved),
    ShutDown(Vec<ClosedRun>),
    Recorded(Id, Share, Option<Name>, Result<Recorded, Error>),
    Flushed,
    HistoryAdmitted(Id, Result<Share, Share>, Box<HistoryOptions>),
    HistoryRead(Id, Share, Result<TaskHistory, Error>),
}

impl Runs {
    pub fn new(tandem: Tandem, limits: Limits, output: Output) -> Self {
        Runs {
            tandem,
            limits,
            output,
            slots: HashMap::new(),
            closed: VecDeque::new(),
            closes: 0,
            in_flight: FuturesUnordered::new(),
            gates: 0,
            waiting_histories: 0,
            unwritten: BTreeSet::new(),
            unrecorded: Unrecorded::default(),
        }
    }

    /// Takes the next line.
    pub fn take(&mut self, request: Result<Request, Refusal>, share: Share) {
        match request {
            Ok(Request { id, ask: Ask::Run(name, action) }) => {
                self.accept(Rc::new(name), Asked { id, action, share });
            }
            Ok(Request { id, ask: Ask::Record(options, summary, name) }) => {
                self.record(id, share, *options, summary, name);
            }
            Ok(Request { id, ask: Ask::History(options) }) => {
                self.waiting_histories += 1;
                let limits = self.limits.clone();
                self.in_flight.push(Box::pin(async move {
                    Completion::HistoryAdmitted(id, limits.admit_history(share).await, options)
                }));
            }
            Err(Refusal { id, problem }) => {
                self.output.send(reply::line(id.as_ref(), Err(&problem)), share);
            }
        }
    }

    /// Whether no request of a run waits for another one.
    pub fn is_settled(&self) -> bool {
        self.gates == 0
    }

    /// Whether a history waits to be read, which can last for as long as nobody reads the answers.
    pub fn has_waiting_history(&self) -> bool {
        self.waiting_histories > 0
    }

    /// Answers the histories that wait without reading them, and those to come.
    pub fn end_histories(&self) {
        self.limits.end_histories();
    }

    /// Writes what every open run holds. A run whose write fails tells so when it is closed.
    pub fn flush(&mut self) {
        for slot in self.slots.values() {
            if let Phase::Open(run) = &slot.phase {
                let flush = run.flush();
                self.in_flight.push(Box::pin(async move {
                    // A run whose write fails tells so when it is closed.
                    let _ = flush.await;
                    Completion::Flushed
                }));
            }
        }
    }

    /// Whether no call is in flight.
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Closes every run that is open.
    pub fn shut_down(&mut self) {
        let tandem = self.tandem.clone();
        self.in_flight.push(Box::pin(async move { Completion::ShutDown(tandem.shutdown().await) }));
    }

    /// Waits for one call to end, and answers it. Never ends while none is in flight.
    pub async fn next(&mut self) {
        match self.in_flight.next().await {
            Some(event) => self.ended(event),
            None => std::future::pending().await,
        }
    }

    /// What is left: where answers are written, and the runs that are not on the disk.
    pub fn finish(mut self) -> (Output, BTreeSet<Unwritten>) {
        let unrecorded = self.unrecorded.all();
        self.unwritten.extend(unrecorded.map(|(name, why)| Unwritten { name, why }));
        (self.output, self.unwritten)
    }

    fn record(
        &mut self,
        id: Id,
        share: Share,
        options: RecordOptions,
        summary: String,
        name: Option<Name>,
    ) {
        if let Some(name) = &name {
            self.unrecorded.started(name.clone());
        }
        let recording = self.tandem.record_run(summary, options);
        self.in_flight
            .push(Box::pin(async move { Completion::Recorded(id, share, name, recording.await) }));
    }

    fn accept(&mut self, name: Rc<Name>, asked: Asked) {
        let Some(slot) = self.slots.get_mut(&name) else {
            return match asked.action {
                Action::Open(options) => self.open(name, asked.id, asked.share, *options),
                _ => self.refuse(&asked.id, asked.share, &Problem::not_open(&name)),
            };
        };
        match &slot.phase {
            Phase::Opening | Phase::Closing(_) => slot.waiting.push_back(asked),
            Phase::Open(run) => {
                let run = run.clone();
                self.call(name, run, asked);
            }
            Phase::Closed(stats, _) => {
                let Asked { id, action, share } = asked;
                let payload = match action {
                    Action::Open(options) => return self.open(name, id, share, *options),
                    Action::Close => Payload::Written(Receipt::default()),
                    Action::Stats => Payload::Counted(Box::new(Counted::from(Stats::clone(stats)))),
                    _ => return self.refuse(&id, share, &Problem::closed(&name)),
                };
                self.output.send(reply::line(Some(&id), Ok(&payload)), share);
            }
        }
    }

    fn open(&mut self, name: Rc<Name>, id: Id, share: Share, options: RunOptions) {
        let slot = Slot { phase: Phase::Opening, waiting: VecDeque::new() };
        self.slots.insert(name.clone(), slot);
        self.gates += 1;
        let ticket = Ticket { name, id, share };
        let opening = self.tandem.open_run(options);
        self.in_flight.push(Box::pin(async move { Completion::Opened(ticket, opening.await) }));
    }

    /// Issues a call of an open run. Nothing here waits, so calls are issued in order.
    fn call(&mut self, name: Rc<Name>, run: Run, asked: Asked) {
        let Some(slot) = self.slots.get_mut(&name) else { return };
        let Asked { id, action, mut share } = asked;
        match action {
            Action::Open(_) => self.refuse(&id, share, &Problem::already_open(&name)),
            Action::Set(document) => {
                let set = run.set(document);
                let ticket = Ticket { name, id, share };
                self.answer(ticket, set, Payload::Revised);
            }
            Action::Merge(patch) => {
                let merge = run.merge(patch);
                let ticket = Ticket { name, id, share };
                self.answer(ticket, merge, Payload::Revised);
            }
            Action::Mark(flags) => {
                let mark = run.mark(flags);
                let ticket = Ticket { name, id, share };
                self.answer(ticket, mark, |()| Payload::Done {});
            }
            Action::Schedule(flags) => {
                let flags = self.throttle(flags, &mut share);
                let written = run.schedule(flags);
                let ticket = Ticket { name, id, share };
                self.answer(ticket, written, Payload::Written);
            }
            Action::Flush => {
                let written = run.flush();
                let ticket = Ticket { name, id, share };
                self.answer(ticket, written, Payload::Written);
            }
            Action::Stats => {
                let stats = run.stats();
                let ticket = Ticket { name, id, share };
                self.answer(ticket, stats, |stats| {
                    Payload::Counted(Box::new(Counted::from(stats)))
                });
            }
            Action::Close => {
                slot.phase = Phase::Closing(run.clone());
                self.gates += 1;
                let ticket = Ticket { name, id, share };
                let closing = run.close();
                self.in_flight.push(Box::pin(async move {
                    let outcome = closing.await;
                    // Only a component that just failed has no counters.
                    let (stats, unsaved) = match outcome {
                        Ok(_) => (run.stats().await, run.unsaved().await),
                        Err(_) => (Ok(Stats::default()), Ok(Unsaved::default())),
                    };
                    let (stats, unsaved) = (stats.unwrap_or_default(), unsaved.unwrap_or_default());
                    Completion::Closed(ticket, outcome, Box::new(stats), unsaved)
                }));
            }
        }
    }

    /// A request that waits for the throttle must not keep a line from being read that would end
    /// its wait, so it has a share of another kind. When too many wait already, it is made at
    /// once: a write too early is no harm.
    fn throttle(&self, flags: Flags, share: &mut Share) -> Flags {
        if flags.force {
            return flags;
        }
        match self.limits.throttled() {
            Some(throttled) => {
                *share = throttled;
                flags
            }
            None => flags.force(),
        }
    }

    fn answer<T: 'static>(
        &mut self,
        ticket: Ticket,
        call: impl Future<Output = Result<T, Error>> + 'static,
        payload: impl FnOnce(T) -> Payload + 'static,
    ) {
        self.in_flight.push(Box::pin(async move {
            let result = call.await;
            Completion::Answered(ticket, result.map(payload))
        }));
    }

    fn refuse(&self, id: &Id, share: Share, problem: &Problem) {
        self.output.send(reply::line(Some(id), Err(problem)), share);
    }

    fn ended(&mut self, event: Completion) {
        match event {
            Completion::Opened(ticket, result) => self.opened(ticket, result),
            Completion::Answered(ticket, result) => self.answered(ticket, result),
            Completion::Closed(ticket, outcome, stats, unsaved) => {
                self.closed(ticket, outcome, stats, unsaved);
            }
            Completion::ShutDown(runs) => self.shut(runs),
            Completion::Recorded(id, share, name, result) => {
                self.recorded(&id, share, name, result)
            }
            Completion::Flushed => {}
            Completion::HistoryAdmitted(id, Ok(share), options) => {
                self.waiting_histories -= 1;
                let reading = self.tandem.history(*options);
                self.in_flight.push(Box::pin(async move {
                    Completion::HistoryRead(id, share, reading.await)
                }));
            }
            Completion::HistoryAdmitted(id, Err(share), options) => {
                self.waiting_histories -= 1;
                self.refuse(&id, share, &Problem::not_read(&options.task_id));
            }
            Completion::HistoryRead(id, share, Ok(history)) => {
                let answer = Payload::History(HistoryAnswer::from(history));
                self.output.send(reply::line(Some(&id), Ok(&answer)), share);
            }
            Completion::HistoryRead(id, share, Err(error)) => self.failed(&id, share, &error),
        }
    }

    fn opened(&mut self, ticket: Ticket, result: Result<Run, Error>) {
        let Ticket { name, id, share, .. } = ticket;
        self.gates -= 1;
        let Some(slot) = self.slots.get_mut(&name) else { return };
        let waiting = std::mem::take(&mut slot.waiting);
        match result {
            Ok(run) => {
                let opened = Payload::Opened(Opened::from(run.recovered()));
                slot.phase = Phase::Open(run);
                self.output.send(reply::line(Some(&id), Ok(&opened)), share);
            }
            Err(error) => {
                self.slots.remove(&name);
                self.failed(&id, share, &error);
            }
        }
        for asked in waiting {
            self.accept(name.clone(), asked);
        }
    }

    fn answered(&mut self, ticket: Ticket, result: Result<Payload, Error>) {
        let Ticket { id, share, .. } = ticket;
        let payload = match result {
            Ok(payload) => payload,
            Err(error) => return self.failed(&id, share, &error),
        };
        self.output.send(reply::line(Some(&id), Ok(&payload)), share);
    }

    fn closed(
        &mut self,
        ticket: Ticket,
        outcome: Result<Receipt, Error>,
        stats: Box<Stats>,
        unsaved: Unsaved,
    ) {
        let Ticket { name, id, share } = ticket;
        self.gates -= 1;
        let Some(slot) = self.slots.get_mut(&name) else { return };
        let waiting = std::mem::take(&mut slot.waiting);
        match outcome {
            Ok(receipt) => {
                if unsaved.is_lost {
                    self.unwritten.insert(Unwritten::lost(&name));
                }
                self.closes += 1;
                slot.phase = Phase::Closed(stats, self.closes);
                self.closed.push_back((name.clone(), self.closes));
                self.output.send(reply::line(Some(&id), Ok(&Payload::Written(receipt))), share);
                self.forget_closed();
            }
            Err(error) => {
                // The run stays open. So does its handle, which was kept for this.
                if let Phase::Closing(run) = &slot.phase {
                    slot.phase = Phase::Open(run.clone());
                }
                self.failed(&id, share, &error);
            }
        }
        for asked in waiting {
            self.accept(name.clone(), asked);
        }
    }

    fn recorded(
        &mut self,
        id: &Id,
        share: Share,
        name: Option<Name>,
        result: Result<Recorded, Error>,
    ) {
        match result {
            Ok(recorded) => {
                if let Some(name) = name {
                    self.unrecorded.recorded(&name);
                }
                self.output.send(reply::line(Some(id), Ok(&Payload::Recorded(recorded))), share);
            }
            Err(error) => {
                if let Some(name) = name {
                    self.unrecorded.failed(name, &error);
                }
                self.failed(id, share, &error);
            }
        }
    }

    /// Forgets the oldest closed runs: a feed can see any number of them.
    fn forget_closed(&mut self) {
        while self.closed.len() > CLOSED_RUNS_MAX {
            let Some((name, close)) = self.closed.pop_front() else { return };
            let is_same = |slot: &Slot| matches!(slot.phase, Phase::Closed(_, of) if of == close);
            if self.slots.get(&name).is_some_and(is_same) {
                self.slots.remove(&name);
            }
        }
    }

    fn shut(&mut self, runs: Vec<ClosedRun>) {
        for run in runs {
            let name = Name { task: run.task_id, run: run.run_id };
            match run.outcome {
                Err(error) => {
                    self.unwritten.insert(Unwritten { name, why: message(&error) });
                }
                Ok(_) if run.unsaved.is_lost => {
                    self.unwritten.insert(Unwritten::lost(&name));
                }
                Ok(_) => {}
            }
        }
    }

    fn failed(&mut self, id: &Id, share: Share, error: &Error) {
        self.refuse(id, share, &Problem::from(error));
    }
}

impl Unwritten {
    fn lost(name: &Name) -> Self {
        let why = "the component failed and took what was not written yet";
        Unwritten { name: name.clone(), why: why.to_owned() }
    }
}
