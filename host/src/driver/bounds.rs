//! The bounds of what documents and histories may take.

use crate::glue::bindings::records;

/// In bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// One document or patch.
    pub document_bytes: u64,
    /// All documents of open runs together.
    pub total_bytes: u64,
    /// One history.
    pub history_bytes: u64,
}

impl Bounds {
    /// As the component is told them, which counts its documents itself.
    pub(super) fn limits(self) -> records::Limits {
        records::Limits {
            max_document_bytes: Some(self.document_bytes),
            max_total_document_bytes: Some(self.total_bytes),
            max_history_bytes: Some(self.history_bytes),
        }
    }
}
