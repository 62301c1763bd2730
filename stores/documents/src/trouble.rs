//! Why a store did not answer what it was asked.

use std::error::Error;

use tandem_disk::ErrorCode;

/// What a store failed with. Its message is one sentence for people, without credentials.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Trouble {
    message: String,
    code: ErrorCode,
    is_refused: bool,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Trouble {
    /// Nobody knows what became of the request: the store is away, or its answer was lost.
    pub fn unknown(message: impl Into<String>) -> Self {
        Trouble { message: message.into(), code: ErrorCode::Io, is_refused: false, source: None }
    }

    /// The store refused the request: it was not carried out, and never will be. The code is what
    /// the component tells of it, for example [`ErrorCode::FileTooLarge`],
    /// [`ErrorCode::InsufficientSpace`], [`ErrorCode::ReadOnly`] or [`ErrorCode::Access`]. It must
    /// be none of those that say something else to the component: `NoEntry`, `Exist`, `Unsupported`,
    /// `Invalid`.
    pub fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Trouble { message: message.into(), code, is_refused: true, source: None }
    }

    /// With what it comes from.
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether the request was not carried out, and never will be.
    pub fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// The code by which the component tells of it.
    pub fn code(&self) -> ErrorCode {
        self.code
    }
}
