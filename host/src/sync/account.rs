//! How many bytes of documents the component holds. Its memory is bounded, and running out of it
//! loses every run.

use std::collections::BTreeMap;

use crate::driver::{Bounds, over_budget};
use crate::error::Error;

/// The documents of all open runs.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    held: BTreeMap<u64, u64>,
    total: u64,
}

impl Accounts {
    /// What the run's document has at most.
    pub(super) fn of(&self, run: u64) -> u64 {
        self.held.get(&run).copied().unwrap_or(0)
    }

    /// Whether the run's document may have so many bytes.
    ///
    /// # Errors
    /// `too-large`.
    pub(super) fn admit(&self, run: u64, bytes: u64, bounds: Bounds) -> Result<(), Error> {
        let held = self.of(run);
        let total = (self.total - held).saturating_add(bytes);
        if bytes > held && total > bounds.total_bytes {
            return Err(over_budget(total, bounds.total_bytes));
        }
        Ok(())
    }

    /// The run's document has so many bytes now.
    pub(super) fn set(&mut self, run: u64, bytes: u64) {
        let held = self.held.insert(run, bytes).unwrap_or(0);
        self.total = (self.total - held).saturating_add(bytes);
    }

    /// The run is gone.
    pub(super) fn remove(&mut self, run: u64) {
        self.total -= self.held.remove(&run).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_of_all_runs_have_one_limit() {
        let bounds = Bounds { document_bytes: 10, total_bytes: 15, history_bytes: 1 };
        let mut accounts = Accounts::default();
        accounts.set(1, 10);
        assert!(accounts.admit(2, 5, bounds).is_ok());
        assert!(accounts.admit(2, 6, bounds).is_err());
        assert!(accounts.admit(1, 15, bounds).is_ok());
        accounts.set(2, 5);
        accounts.set(1, 4);
        assert!(accounts.admit(2, 11, bounds).is_ok());
        accounts.remove(2);
        assert!(accounts.admit(1, 15, bounds).is_ok());
        assert!(accounts.admit(1, 16, bounds).is_err());
    }

    #[test]
    fn a_document_that_does_not_grow_is_always_admitted() {
        let bounds = Bounds { document_bytes: 10, total_bytes: 15, history_bytes: 1 };
        let mut accounts = Accounts::default();
        accounts.set(1, 20);
        assert!(accounts.admit(1, 20, bounds).is_ok());
    }
}
