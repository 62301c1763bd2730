//! Closing runs: those that nobody holds any more, and all of them at the end.

use tokio::sync::oneshot;
use wasmtime::component::ResourceAny;

use super::shutdown::Shutdown;
use super::{Asker, OpenRun, Phase, QueuedCall, Registry, RunId};
use crate::driver::job::RunCall;
use crate::driver::reply::Reply;
use crate::records::Receipt;
use crate::report::ClosedRun;

impl Registry {
    pub(super) fn release(&mut self, run: RunId) {
        if let Some(entry) = self.runs.get_mut(&run) {
            entry.is_released = true;
            self.releasing.insert(entry.options.directory(), run);
            return self.advance(run);
        }
        // Its open may still wait for another run to be closed. Nobody would release it later.
        for entry in self.runs.values_mut() {
            entry.after_release.retain(|open: &OpenRun| open.run != run);
        }
    }

    pub(super) fn shut_down(&mut self, reply: oneshot::Sender<Vec<ClosedRun>>) {
        self.shutdown.get_or_insert_default().replies.push(reply);
        self.advance_all();
    }

    pub(super) fn advance_all(&mut self) {
        for run in self.runs.keys().copied().collect::<Vec<_>>() {
            self.advance(run);
        }
    }

    /// Closes and drops a run that nobody holds any more, one step at a time.
    pub(super) fn advance(&mut self, run: RunId) {
        let is_shutdown = self.shutdown.is_some();
        let Some(entry) = self.runs.get_mut(&run) else { return };
        if !entry.is_released && !is_shutdown {
            return;
        }
        match entry.phase {
            Phase::Opening => {}
            Phase::Shut => {
                let outcome = entry.unreported.take().map_or(Ok(Receipt::default()), Err);
                let is_worth_telling = outcome.is_err() || entry.changes.unsaved().is_lost;
                if let Some(shutdown) = self.shutdown.as_mut().filter(|_| is_worth_telling) {
                    shutdown.closed.push(entry.closed(outcome));
                }
                self.remove(run);
            }
            Phase::Open(_) if !entry.is_closed && !entry.is_close_asked => {
                entry.is_close_asked = true;
                let asker = if entry.is_released { Asker::Release } else { Asker::Shutdown };
                let (reply, _) = Reply::new();
                self.enqueue(QueuedCall { run, call: RunCall::Close { reply }, asker, bytes: 0 });
            }
            Phase::Open(resource) if entry.calls == 0 => {
                self.drops.push(resource);
                self.remove(run);
            }
            Phase::Open(_) => {}
        }
    }

    pub(super) fn remove(&mut self, run: RunId) {
        let Some(entry) = self.runs.remove(&run) else { return };
        let directory = entry.options.directory();
        if self.releasing.get(&directory) == Some(&run) {
            self.releasing.remove(&directory);
        }
        for open in entry.after_release {
            self.open(open);
        }
    }

    /// Resources that no call uses and nobody holds.
    pub(in crate::driver) fn take_drops(&mut self) -> Vec<ResourceAny> {
        std::mem::take(&mut self.drops)
    }

    /// Tells who asked for the shutdown that it is done. The first of them gets the outcomes.
    pub(in crate::driver) fn finish(&mut self) {
        let Some(Shutdown { replies, mut closed }) = self.shutdown.take() else { return };
        for reply in replies {
            // A caller that went away leaves them to the next one.
            closed = reply.send(closed).err().unwrap_or_default();
        }
    }
}
