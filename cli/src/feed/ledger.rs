//! What of a run's changes is known to be on the disk.
//!
//! A component that fails takes unwritten documents with it, and a run that is opened anew after
//! that closes without complaint. So the feed keeps count, to tell at the end what was lost.

/// One run's changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Documents and patches that were asked for.
    changes: u64,
    /// How many of them were asked for before a request that is known to have written them.
    written: u64,
    /// Failures of the component that may have hit this run.
    losses: u64,
    /// Whether a change was lost and no whole document came after it.
    is_lost: bool,
}

/// The ledger at the time of a request.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    changes: u64,
    losses: u64,
}

impl Ledger {
    /// A document or a patch is asked for now.
    pub fn change(&mut self) {
        self.changes += 1;
    }

    /// A request is made now.
    pub fn mark(&self) -> Mark {
        Mark { changes: self.changes, losses: self.losses }
    }

    /// The whole document of the request made at `mark` was taken.
    pub fn set(&mut self, mark: Mark) {
        if mark.losses == self.losses {
            self.is_lost = false;
        }
    }

    /// The request made at `mark` wrote everything that came before it.
    pub fn written(&mut self, mark: Mark) {
        if mark.losses == self.losses {
            self.written = self.written.max(mark.changes);
        }
    }

    /// The component failed.
    pub fn component_failed(&mut self) {
        self.losses += 1;
        self.is_lost |= self.changes > self.written;
        self.written = self.changes;
    }

    /// Whether changes were given up.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_was_not_written_is_lost_with_its_component() {
        let mut ledger = Ledger::default();
        ledger.change();
        ledger.component_failed();
        assert!(ledger.is_lost());
    }

    #[test]
    fn a_written_change_is_not_lost() {
        let mut ledger = Ledger::default();
        ledger.change();
        let flush = ledger.mark();
        ledger.written(flush);
        ledger.component_failed();
        assert!(!ledger.is_lost());
    }

    #[test]
    fn a_change_after_the_flush_was_asked_for_is_lost() {
        let mut ledger = Ledger::default();
        ledger.change();
        let flush = ledger.mark();
        ledger.change();
        ledger.written(flush);
        ledger.component_failed();
        assert!(ledger.is_lost());
    }

    #[test]
    fn a_whole_document_after_the_failure_heals_and_a_patch_does_not() {
        let mut ledger = Ledger::default();
        ledger.change();
        let before = ledger.mark();
        ledger.component_failed();
        ledger.set(before);
        assert!(ledger.is_lost());
        ledger.change();
        ledger.written(ledger.mark());
        assert!(ledger.is_lost());
        ledger.change();
        ledger.set(ledger.mark());
        assert!(!ledger.is_lost());
    }
}
