//! What becomes of runs and calls when the component fails.

use std::collections::HashSet;

use super::{Phase, Registry, RunId};
use crate::driver::job::{Job, RunCall};
use crate::error::{Cause, Error};

impl Registry {
    /// The component is gone: answers everybody who waits for it. Runs that are held by a caller
    /// stay, to be opened anew.
    pub(in crate::driver) fn lose(&mut self, cause: &Cause) {
        let error = Error::component_failed(cause);
        let reported_in = self.fail_calls(&error);
        self.task_calls.fail_all(&error);
        self.opens.clear();
        self.drops.clear();
        self.opening = 0;
        self.releasing.clear();
        for (run, mut entry) in std::mem::take(&mut self.runs) {
            for open in entry.after_release.drain(..) {
                open.reply.fail(&error);
            }
            let is_unsaved = entry.changes.is_dirty();
            entry.changes.lost();
            let is_reported = entry.is_close_asked && !entry.is_released && !entry.is_closed;
            if let Some(shutdown) = self.shutdown.as_mut().filter(|_| is_reported) {
                shutdown.closed.push(entry.closed(Err(error.clone())));
            }
            if let Some(opener) = entry.opener.take() {
                opener.fail(&error);
            } else if !entry.is_released {
                entry.phase = Phase::Shut;
                entry.calls = 0;
                entry.is_changing = false;
                entry.is_close_asked = false;
                let is_known = is_reported || reported_in.contains(&run);
                if !is_known && !entry.is_closed && is_unsaved {
                    entry.unreported = Some(error.clone());
                }
                self.runs.insert(run, entry);
            }
        }
        // A run that was being opened when the shutdown came has not been told of yet.
        self.advance_all();
    }

    /// Fails the calls in flight and those that wait, and tells in which runs a caller heard of it.
    fn fail_calls(&mut self, error: &Error) -> HashSet<RunId> {
        let in_flight = self.in_flight.drain().map(|(_, called)| called);
        let waiting = self.runs.values_mut().flat_map(|entry| entry.waiting.drain(..));
        let queued = self.admission.drain().chain(waiting);
        in_flight
            .chain(queued.map(|queued| (queued.run, queued.call.tell_failure())))
            .filter_map(|(run, tell_failure)| tell_failure(error).then_some(run))
            .collect()
    }

    /// A request that came before the failure was known.
    pub(in crate::driver) fn refuse(&mut self, job: Job, cause: &Cause) {
        let error = Error::component_failed(cause);
        match job {
            _ if self.shutdown.is_some() => self.accept(job),
            Job::Release { .. } | Job::Shutdown { .. } => self.accept(job),
            Job::Open(open) => {
                open.reply.fail(&error);
            }
            Job::TaskCall(call) => call.fail(&error),
            Job::Call { run, call } => self.refuse_call(run, &call, error),
            #[cfg(any(test, feature = "testing"))]
            Job::Pause { .. } => self.accept(job),
        }
    }

    fn refuse_call(&mut self, run: RunId, call: &RunCall, error: Error) {
        let is_reported = call.fail(&error);
        let Some(entry) = self.runs.get_mut(&run).filter(|entry| !entry.is_closed) else { return };
        if call.is_change() {
            // As one that was in flight.
            entry.changes.started();
            entry.changes.lost();
        }
        if is_reported {
            entry.unreported = None;
        } else if call.is_change() {
            entry.unreported = Some(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::bounds::Bounds;
    use crate::driver::job::OpenRun;
    use crate::driver::reply::Reply;
    use crate::records::RunOptions;

    #[test]
    fn a_change_that_comes_too_late_for_its_component_is_lost_as_one_in_flight_is() {
        let bounds = Bounds { document_bytes: 100, total_bytes: 100, history_bytes: 100 };
        let mut registry = Registry::new(bounds);
        let run = RunId(1);
        let (reply, _opened) = Reply::new();
        registry.open(OpenRun { run, options: RunOptions::new("task", "run"), reply });
        let cause = Cause::new(wasmtime::Error::msg("a trap"));
        let (reply, _answer) = Reply::new();
        registry.refuse(Job::Call { run, call: RunCall::Stats { reply } }, &cause);
        assert!(!registry.runs[&run].changes.unsaved().is_lost);
        let (reply, _answer) = Reply::new();
        let document = "{}".to_owned();
        registry.refuse(Job::Call { run, call: RunCall::Set { document, reply } }, &cause);
        assert!(registry.runs[&run].changes.unsaved().is_lost);
    }
}
