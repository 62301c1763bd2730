//! What a shutdown remembers until it is over.

use tokio::sync::oneshot;

use crate::report::ClosedRun;

/// The end that somebody has asked for.
#[derive(Default)]
pub(super) struct Shutdown {
    /// Who asked for it, the first one first.
    pub(super) replies: Vec<oneshot::Sender<Vec<ClosedRun>>>,
    pub(super) closed: Vec<ClosedRun>,
}
