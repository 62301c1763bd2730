//! Opening runs.

use std::collections::VecDeque;
use std::sync::Arc;

use wasmtime::component::ResourceAny;

use super::{Changes, OpenRun, Phase, Registry, RunEntry, RunId, Start};
use crate::error::Error;
use crate::events::ReportedFailures;
use crate::records::Recovery;

/// The most runs that are being opened at once.
const OPENING_MAX: usize = 256;

impl Registry {
    pub(super) fn open(&mut self, open: OpenRun) {
        if self.shutdown.is_some() {
            open.reply.fail(&Error::shut_down());
            return;
        }
        let old = self.releasing.get(&open.options.directory());
        if let Some(entry) = old.and_then(|old| self.runs.get_mut(old)) {
            return entry.after_release.push(open);
        }
        let OpenRun { run, options, reply } = open;
        let entry = RunEntry {
            options: Arc::new(options),
            reported: ReportedFailures::default(),
            phase: Phase::Opening,
            opener: Some(reply),
            waiting: VecDeque::new(),
            is_changing: false,
            calls: 0,
            is_closed: false,
            is_released: false,
            is_close_asked: false,
            changes: Changes::default(),
            unreported: None,
            after_release: Vec::new(),
        };
        self.runs.insert(run, entry);
        self.opens.push_back(run);
    }

    /// The next run that may be opened.
    pub(super) fn next_open(&mut self) -> Option<Start> {
        let run = *self.opens.front()?;
        let Some(entry) = self.runs.get(&run) else {
            self.opens.pop_front();
            return self.next_open();
        };
        if self.opening >= OPENING_MAX {
            return None;
        }
        let options = entry.options.clone();
        self.opens.pop_front();
        self.opening += 1;
        Some(Start::Open { run, options })
    }

    /// An open has ended.
    pub(in crate::driver) fn opened(
        &mut self,
        run: RunId,
        result: Result<(ResourceAny, Recovery), Error>,
    ) {
        self.opening = self.opening.saturating_sub(1);
        if !self.runs.contains_key(&run) {
            return self.drops.extend(result.ok().map(|(resource, _)| resource));
        }
        match result {
            Ok((resource, recovery)) => self.enter(run, resource, recovery),
            Err(error) => self.stay_shut(run, &error),
        }
        self.advance(run);
    }

    fn enter(&mut self, run: RunId, resource: ResourceAny, recovery: Recovery) {
        let Some(entry) = self.runs.get_mut(&run) else { return };
        entry.phase = Phase::Open(resource);
        entry.reported = ReportedFailures::default();
        if let Some(opener) = entry.opener.take() {
            opener.send(Ok(recovery));
        }
        self.enqueue_waiting(run);
    }

    fn stay_shut(&mut self, run: RunId, error: &Error) {
        let Some(entry) = self.runs.get_mut(&run) else { return };
        entry.phase = Phase::Shut;
        for queued in std::mem::take(&mut entry.waiting) {
            queued.call.fail(error);
            if queued.call.is_change() {
                // It was refused, by an error that says so.
                entry.changes.ended(None, false);
            }
        }
        if let Some(opener) = entry.opener.take() {
            opener.fail(error);
            // No handle was given out.
            self.remove(run);
        }
    }
}
