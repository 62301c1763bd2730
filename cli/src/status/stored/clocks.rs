//! When documents were written, by the clock of who reads them.

use std::time::{Duration, SystemTime};

use tandem_documents::{Document, Documents, Trouble};

/// The time of a store, and of who asked for it.
pub struct Clocks {
    store: SystemTime,
    own: SystemTime,
}

impl Clocks {
    /// # Errors
    /// The store's.
    pub async fn ask<D: Documents>(store: &D) -> Result<Self, Trouble> {
        Ok(Clocks { store: store.time().await?, own: SystemTime::now() })
    }

    /// When a document was written, by the own clock; none if nobody can tell.
    pub fn own(&self, document: &Document) -> Option<SystemTime> {
        let age = self.store.duration_since(document.modified?).unwrap_or(Duration::ZERO);
        self.own.checked_sub(age)
    }
}
