//! Opening runs.

use std::collections::VecDeque;

use wasmtime::component::ResourceAny;

use super::{Account, Entry, Open, Phase, Registry, RunId, Start};
use crate::error::Error;
use crate::report::Recovery;

/// The most runs that are being opened at once.
const OPENING_MAX: usize = 256;

impl Registry {
    pub(super) fn open(&mut self, open: Open) {
        if self.shutdown.is_some() {
            open.reply.fail(&Error::shut_down());
            return;
        }
        let old = self.releasing.get(&open.options.directory());
        if let Some(entry) = old.and_then(|old| self.runs.get_mut(old)) {
            return entry.after_release.push(open);
        }
        let Open { run, options, reply } = open;
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

    /// The next run that may be opened.
    pub(super) fn next_open(&mut self) -> Option<Start> {
        let run = *self.opens.front()?;
        let Some(entry) = self.runs.get(&run) else {
            self.opens.pop_front();
            return self.next_open();
        };
        let limit = entry.document_bytes_max(self.bounds);
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
        Some(Start::Open { run, options })
    }

    /// An open has ended.
    pub(in crate::driver) fn opened(
        &mut self,
        run: RunId,
        result: Result<(ResourceAny, Recovery), Error>,
    ) {
        self.opening = self.opening.saturating_sub(1);
        let Some(entry) = self.runs.get(&run) else {
            return self.drops.extend(result.ok().map(|(resource, _)| resource));
        };
        self.reserved = self.reserved.saturating_sub(entry.document_bytes_max(self.bounds));
        let result = result.and_then(|(resource, recovery)| {
            self.hold_recovered(run, &recovery).inspect_err(|_| self.drops.push(resource))?;
            Ok((resource, recovery))
        });
        match result {
            Ok((resource, recovery)) => self.enter(run, resource, recovery),
            Err(error) => self.stay_shut(run, &error),
        }
        self.advance(run);
    }

    /// Counts the document that a run was opened with.
    fn hold_recovered(&mut self, run: RunId, recovery: &Recovery) -> Result<(), Error> {
        let Some(entry) = self.runs.get(&run) else { return Ok(()) };
        let bytes = recovery.document.as_ref().map_or(0, |text| text.len() as u64);
        let mut account = entry.account;
        let held = account.held();
        account.recovered(bytes);
        if bytes > 0 {
            self.admit(held, account.held())?;
        }
        self.charge(held, account.held());
        if let Some(entry) = self.runs.get_mut(&run) {
            entry.account = account;
        }
        Ok(())
    }

    fn enter(&mut self, run: RunId, resource: ResourceAny, recovery: Recovery) {
        let Some(entry) = self.runs.get_mut(&run) else { return };
        entry.phase = Phase::Open(resource);
        if let Some(opener) = entry.opener.take() {
            opener.send(Ok(recovery));
        }
        for queued in std::mem::take(&mut entry.waiting) {
            self.enqueue(queued);
        }
    }

    fn stay_shut(&mut self, run: RunId, error: &Error) {
        let Some(entry) = self.runs.get_mut(&run) else { return };
        entry.phase = Phase::Shut;
        for queued in std::mem::take(&mut entry.waiting) {
            queued.call.fail(error);
        }
        let held = entry.account.held();
        entry.account.lost();
        let opener = entry.opener.take();
        self.charge(held, 0);
        if let Some(opener) = opener {
            opener.fail(error);
            // No handle was given out.
            self.remove(run);
        }
    }
}
