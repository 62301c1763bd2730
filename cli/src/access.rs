//! What is to be done where runs are kept.

/// What is to be done where runs are kept.
#[derive(Clone, Copy)]
pub enum Access {
    /// Who only reads needs fewer rights.
    Read,
    Write,
}
