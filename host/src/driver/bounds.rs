//! The bounds of what documents and histories may take.

/// In bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// One document or patch.
    pub document_bytes: u64,
    /// All documents together.
    pub total_bytes: u64,
    /// One history.
    pub history_bytes: u64,
}
