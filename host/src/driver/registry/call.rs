//! Calls of runs.

use super::{
    After, Asker, CallPool, Effect, Phase, QueuedCall, Registry, RunEntry, RunId, Start, Ticket,
};
use crate::driver::job::RunCall;
use crate::error::Error;
use crate::records::{Receipt, Stats};
use crate::report::ClosedRun;

impl Registry {
    pub(super) fn call(&mut self, run: RunId, call: RunCall) {
        let entry = self.runs.get_mut(&run).filter(|_| self.shutdown.is_none());
        let Some(entry) = entry else {
            // Without an entry, its open failed and no handle was given out.
            call.fail(&Error::shut_down());
            return;
        };
        if entry.phase == Phase::Shut {
            if entry.is_closed {
                return entry.answer_closed(&call);
            }
            if let RunCall::Unsaved { reply } = call {
                // It is known without the component.
                reply.send(Ok(entry.changes.unsaved()));
                return;
            }
        }
        if let Some(error) = entry.unreported.take_if(|_| !call.is_read()) {
            if !call.fail(&error) {
                entry.unreported = Some(error);
            }
            return;
        }
        if call.is_change() {
            entry.changes.started();
        }
        let bytes = call.bytes();
        self.enqueue(QueuedCall { run, call, asker: Asker::Caller, bytes });
    }

    /// Puts a call where it waits: for its run to be open, for the change before it, or for
    /// admission.
    ///
    /// While a callback of the component stands still, which it does when a timer is given up,
    /// wasmtime keeps what is called meanwhile by numbers that it uses again, so calls in flight can
    /// reach the component in another order than they were started in. A change ends by itself and
    /// soon, so what must come after it is not started before.
    pub(super) fn enqueue(&mut self, queued: QueuedCall) {
        let run = queued.run;
        let Some(entry) = self.runs.get_mut(&run) else { return };
        match entry.phase {
            Phase::Open(_) if entry.is_changing => entry.waiting.push_back(queued),
            Phase::Open(_) => {
                entry.is_changing = queued.call.is_change();
                entry.calls += 1;
                let pool =
                    if queued.call.is_throttled() { CallPool::Throttled } else { CallPool::Prompt };
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

    /// Goes on with the calls that waited, up to the next change.
    pub(super) fn enqueue_waiting(&mut self, run: RunId) {
        while let Some(entry) = self.runs.get_mut(&run)
            && matches!(entry.phase, Phase::Open(_))
            && !entry.is_changing
            && let Some(queued) = entry.waiting.pop_front()
        {
            self.enqueue(queued);
        }
    }

    /// The next call of a run that may start.
    pub(super) fn next_call(&mut self) -> Option<Start> {
        while let Some((pool, queued)) = self.admission.pop() {
            let QueuedCall { run, call, asker, bytes } = queued;
            let entry = self.runs.get(&run);
            let open = entry.and_then(|entry| match entry.phase {
                Phase::Open(resource) => {
                    Some((resource, entry.options.clone(), entry.reported.clone()))
                }
                Phase::Shut | Phase::Opening => None,
            });
            let Some((resource, options, reported)) = open else {
                self.admission.ended(pool, bytes);
                continue;
            };
            self.ticket += 1;
            let ticket = Ticket(self.ticket);
            self.in_flight.insert(ticket, (run, call.tell_failure()));
            let after = After { run, pool, asker, bytes };
            return Some(Start::Call { ticket, resource, options, reported, call, after });
        }
        None
    }

    /// A call of a run has ended.
    pub(in crate::driver) fn ended(&mut self, ticket: Ticket, after: After, effect: Effect) {
        self.in_flight.remove(&ticket);
        self.admission.ended(after.pool, after.bytes);
        let Some(entry) = self.runs.get_mut(&after.run) else { return };
        entry.calls = entry.calls.saturating_sub(1);
        match effect {
            Effect::Changed { revision, is_whole } => {
                entry.changes.ended(revision, is_whole);
                entry.is_changing = false;
            }
            Effect::Wrote { revision } => entry.wrote(revision),
            Effect::Asked { revision, reply } => {
                entry.wrote(revision);
                reply.send(Ok(entry.changes.unsaved()));
            }
            Effect::Closed { outcome, revision, reply } => {
                entry.is_closed |= outcome.is_ok();
                entry.wrote(revision);
                reply.send(outcome.clone());
                if let (Asker::Shutdown, Some(shutdown)) = (after.asker, &mut self.shutdown) {
                    let unreported = entry.unreported.take();
                    let outcome = outcome.and_then(|receipt| unreported.map_or(Ok(receipt), Err));
                    shutdown.closed.push(entry.closed(outcome));
                }
            }
        }
        self.enqueue_waiting(after.run);
        self.advance(after.run);
    }
}

impl RunEntry {
    fn wrote(&mut self, revision: Option<u64>) {
        if let Some(revision) = revision {
            self.changes.written(revision);
        }
    }

    /// What the shutdown tells of the run.
    pub(super) fn closed(&self, outcome: Result<Receipt, Error>) -> ClosedRun {
        ClosedRun::new(&self.options, outcome, self.changes.unsaved())
    }

    /// A closed run answers as the component does, after the component that closed it is gone.
    fn answer_closed(&self, call: &RunCall) {
        match call {
            RunCall::Close { reply } => reply.send(Ok(Receipt::default())),
            RunCall::Stats { reply } => reply.send(Ok(Stats::default())),
            RunCall::Unsaved { reply } => reply.send(Ok(self.changes.unsaved())),
            other => other.fail(&Error::run_closed(&self.options.directory())),
        };
    }
}
