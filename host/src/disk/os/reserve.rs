//! A descriptor that is kept for syncs of directories.
//!
//! Each sync of a directory has it open twice for a moment. Where descriptors are few, syncs that are
//! made at once could hold all of them and wait for one more each. With the reserve one of them goes
//! on, and gives the others what it held.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::fs::Dir;

use super::failed::Failed;
use super::open::reopened;

/// Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Reserve(Arc<Mutex<Option<File>>>);

impl Reserve {
    pub(super) fn new(root: &Dir) -> Self {
        Reserve(Arc::new(Mutex::new(reopened(root).ok())))
    }

    /// Syncs a directory; where no descriptor is left, with the reserved one.
    pub(super) fn sync(&self, dir: &Dir) -> Result<(), Failed> {
        match reopened(dir) {
            Err(failed) if failed.lacks_descriptor() => {}
            opened => {
                let opened = opened?;
                opened.sync_all()?;
                self.fill(opened);
                return Ok(());
            }
        }
        let mut reserve = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(reserve.take());
        let opened = reopened(dir)?;
        // What is open now is the reserve from here on: nobody else gets its place.
        Ok(reserve.insert(opened).sync_all()?)
    }

    /// Somebody else may have taken its place once.
    fn fill(&self, opened: File) {
        if let Ok(mut reserve) = self.0.try_lock() {
            reserve.get_or_insert(opened);
        }
    }
}
