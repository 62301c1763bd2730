//! What becomes of runs and calls when the component fails.

use std::collections::HashSet;

use super::{Phase, Registry, RunId};
use crate::driver::job::{Call, Job};
use crate::error::{Cause, Error};
use crate::report::ClosedRun;

impl Registry {
    /// The component is gone: answers everybody who waits for it. Runs that are held by a caller
    /// stay, to be opened anew.
    pub(in crate::driver) fn lose(&mut self, cause: &Cause) {
        let error = Error::component_failed(cause);
        let told = self.fail_calls(&error);
        self.task_calls.fail_all(&error);
        self.opens.clear();
        self.drops.clear();
        self.opening = 0;
        self.reserved = 0;
        self.used = 0;
        self.releasing.clear();
        for (run, mut entry) in std::mem::take(&mut self.runs) {
            for open in entry.after_release.drain(..) {
                open.reply.fail(&error);
            }
            let is_reported = entry.is_close_asked && !entry.is_released && !entry.is_closed;
            if let Some(shutdown) = self.shutdown.as_mut().filter(|_| is_reported) {
                shutdown.closed.push(ClosedRun::new(&entry.options, Err(error.clone())));
            }
            if let Some(opener) = entry.opener.take() {
                opener.fail(&error);
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

    fn refuse_call(&mut self, run: RunId, call: &Call, error: Error) {
        let is_told = call.fail(&error);
        let Some(entry) = self.runs.get_mut(&run) else { return };
        if is_told {
            entry.untold = None;
        } else if call.is_change() && !entry.is_closed {
            entry.untold = Some(error);
        }
    }
}
