//! Why a store cannot be used.

use crate::{Promise, Trouble};

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It did not answer, or refused what was asked. To try again later can help.
    #[error("the store cannot be used")]
    Store(#[from] Trouble),
    /// It writes although a condition does not hold, or does not if it does: several hosts would
    /// overwrite each other. Nothing but another store helps.
    #[error("the store does not keep conditions: {0}")]
    IgnoresConditions(String),
    /// What it acknowledges survives less than is asked for. Its settings, or another store, help.
    #[error("the store promises too little: {0}")]
    PromisesTooLittle(Promise),
}
