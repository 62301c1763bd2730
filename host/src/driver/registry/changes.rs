//! What of a run's changes is known to be on the disk.
//!
//! A component that fails takes along what it had not written, and a run that is opened anew after
//! that closes without complaint.

use crate::report::Unsaved;

/// One run's changes, by the revisions that the component tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// The last revision that was accepted.
    accepted: u64,
    /// The last one that is known to be written. What `open` found is on the disk.
    written: u64,
    /// Documents and patches on their way.
    in_flight: usize,
    /// Some were lost, and no whole document came since.
    is_lost: bool,
}

impl Changes {
    /// A document or a patch is on its way.
    pub(super) fn started(&mut self) {
        self.in_flight += 1;
    }

    /// It was accepted as a revision, or refused.
    pub(super) fn ended(&mut self, revision: Option<u64>, is_whole: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(revision) = revision {
            self.accepted = self.accepted.max(revision);
            self.is_lost &= !is_whole;
        }
    }

    /// A revision is on the disk. An older one may be told later.
    pub(super) fn written(&mut self, revision: u64) {
        self.written = self.written.max(revision);
    }

    /// Whether there are changes that are not known to be on the disk, or are on their way.
    pub(super) fn is_dirty(&self) -> bool {
        self.in_flight > 0 || self.accepted > self.written
    }

    /// The component is gone. The next one counts anew.
    pub(super) fn lost(&mut self) {
        *self = Changes { is_lost: self.is_lost || self.is_dirty(), ..Changes::default() };
    }

    pub(super) fn unsaved(&self) -> Unsaved {
        Unsaved { is_dirty: self.is_dirty(), is_lost: self.is_lost }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(changes: &[u64]) -> Changes {
        let mut run = Changes::default();
        for &revision in changes {
            run.started();
            run.ended(Some(revision), false);
        }
        run
    }

    #[test]
    fn what_is_written_is_not_lost_with_its_component() {
        let mut run = after(&[1, 2]);
        run.written(2);
        assert_eq!(run.unsaved(), Unsaved::default());
        run.lost();
        assert_eq!(run.unsaved(), Unsaved::default());
    }

    #[test]
    fn a_change_after_the_revision_that_was_written_is_lost() {
        let mut run = after(&[1, 2]);
        run.written(1);
        assert_eq!(run.unsaved(), Unsaved { is_dirty: true, is_lost: false });
        run.lost();
        assert_eq!(run.unsaved(), Unsaved { is_dirty: false, is_lost: true });
    }

    #[test]
    fn a_change_on_its_way_is_lost_and_one_that_was_refused_is_none() {
        let mut run = Changes::default();
        run.started();
        run.ended(None, true);
        assert!(!run.is_dirty());
        run.started();
        run.lost();
        assert!(run.unsaved().is_lost);
    }

    #[test]
    fn a_whole_document_after_the_failure_heals_and_a_patch_does_not() {
        let mut run = after(&[1]);
        run.lost();
        run.started();
        run.ended(Some(1), false);
        run.written(1);
        assert!(run.unsaved().is_lost);
        run.started();
        run.ended(Some(2), true);
        assert!(!run.unsaved().is_lost);
    }

    #[test]
    fn a_receipt_that_comes_late_does_not_undo_what_a_newer_one_told() {
        let mut run = after(&[1, 2]);
        run.written(2);
        run.written(1);
        assert!(!run.is_dirty());
    }

    #[test]
    fn the_next_component_counts_anew() {
        let mut run = after(&[1, 2, 3]);
        run.written(3);
        run.lost();
        run.started();
        run.ended(Some(1), true);
        assert!(run.is_dirty());
    }
}
