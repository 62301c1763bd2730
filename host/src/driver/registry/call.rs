//! Calls of runs.

use super::{After, Effect, Phase, Pool, Purpose, Queued, Registry, RunId, Start, Ticket};
use crate::driver::budget::indented_len;
use crate::driver::job::Call;
use crate::error::Error;
use crate::options::RunOptions;
use crate::report::{ClosedRun, Receipt, Stats};

impl Registry {
    pub(super) fn call(&mut self, run: RunId, call: Call) {
        let entry = self.runs.get_mut(&run).filter(|_| self.shutdown.is_none());
        let Some(entry) = entry else {
            // Without an entry, its open failed and no handle was given out.
            call.fail(&Error::shut_down());
            return;
        };
        if entry.is_closed && entry.phase == Phase::Shut {
            return answer_closed(&entry.options, &call);
        }
        if let Some(error) = entry.untold.take_if(|_| !call.is_stats()) {
            if !call.fail(&error) {
                entry.untold = Some(error);
            }
            return;
        }
        match self.hold(run, &call) {
            Ok(bytes) => self.enqueue(Queued { run, call, purpose: Purpose::Caller, bytes }),
            Err(error) => {
                call.fail(&error);
            }
        }
    }

    /// Counts what a call carries, and tells how much that is.
    fn hold(&mut self, run: RunId, call: &Call) -> Result<u64, Error> {
        let Some(entry) = self.runs.get(&run) else { return Ok(0) };
        // What is above the run's own limit is refused by the component.
        let limit = entry.document_bytes_max(self.bounds);
        let mut account = entry.account;
        let held = account.held();
        let bytes = match call {
            Call::Set { document, .. } => {
                let bytes = indented_len(document).min(limit);
                account.set_started(bytes);
                bytes
            }
            Call::Merge { patch, .. } => {
                let bytes = indented_len(patch).min(limit);
                account.merge_started(bytes, limit);
                bytes
            }
            _ => return Ok(0),
        };
        self.admit(held, account.held())?;
        self.charge(held, account.held());
        if let Some(entry) = self.runs.get_mut(&run) {
            entry.account = account;
        }
        Ok(bytes)
    }

    /// Puts a call where it waits: for its run to be open, or for admission.
    pub(super) fn enqueue(&mut self, queued: Queued) {
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

    /// The next call of a run that may start.
    pub(super) fn next_call(&mut self) -> Option<Start> {
        while let Some((pool, queued)) = self.admission.pop() {
            let Queued { run, call, purpose, bytes } = queued;
            let entry = self.runs.get(&run);
            let open = entry.and_then(|entry| match entry.phase {
                Phase::Open(resource) => Some((resource, entry.account.mark())),
                Phase::Shut | Phase::Opening => None,
            });
            let Some((resource, mark)) = open else {
                self.admission.ended(pool, bytes);
                continue;
            };
            self.ticket += 1;
            let ticket = Ticket(self.ticket);
            self.in_flight.insert(ticket, (run, call.tell_failure()));
            let after = After { run, pool, purpose, bytes, mark };
            return Some(Start::Call { ticket, resource, call, after });
        }
        None
    }

    /// A call of a run has ended.
    pub(in crate::driver) fn ended(&mut self, ticket: Ticket, after: After, effect: Effect) {
        self.in_flight.remove(&ticket);
        self.admission.ended(after.pool, after.bytes);
        let bounds = self.bounds;
        let Some(entry) = self.runs.get_mut(&after.run) else { return };
        entry.calls = entry.calls.saturating_sub(1);
        let held = entry.account.held();
        match effect {
            Effect::Nothing => {}
            Effect::Set { is_ok } => entry.account.set_ended(after.bytes, is_ok),
            Effect::Merged { is_ok } => {
                let limit = entry.document_bytes_max(bounds);
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
                    shutdown.closed.push(ClosedRun::new(&entry.options, outcome));
                }
            }
        }
        let holds = entry.account.held();
        self.charge(held, holds);
        self.advance(after.run);
    }
}

/// A closed run answers as the component does, after the component that closed it is gone.
fn answer_closed(options: &RunOptions, call: &Call) {
    match call {
        Call::Close { reply } => reply.send(Ok(Receipt::default())),
        Call::Stats { reply } => reply.send(Ok(Stats::default())),
        other => other.fail(&Error::run_closed(&options.directory())),
    };
}
