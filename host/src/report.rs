//! What the library itself knows of a run.

use serde::Serialize;

use crate::error::Error;
use crate::records::{Receipt, RunOptions};

/// What of a run's document is not on the disk, as far as is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unsaved {
    /// Whether a change that was accepted, or is on its way, is not known to be written.
    pub is_dirty: bool,
    /// Whether the component failed and took a change along that is not known to be written, and no
    /// whole document was set since. Only of the last revision that was [marked](crate::Run::mark)
    /// can it be that the file has it.
    pub is_lost: bool,
}

/// A run that [`Tandem::shutdown`](crate::Tandem::shutdown) found open and closed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClosedRun {
    /// The run's task.
    pub task_id: String,
    /// The run.
    pub run_id: String,
    /// The outcome of its close. After an error, what was not written is given up.
    pub outcome: Result<Receipt, Error>,
    /// What of it is not on the disk now, as far as is known.
    pub unsaved: Unsaved,
}

impl ClosedRun {
    pub(crate) fn new(
        options: &RunOptions,
        outcome: Result<Receipt, Error>,
        unsaved: Unsaved,
    ) -> Self {
        let RunOptions { task_id, run_id, .. } = options.clone();
        ClosedRun { task_id, run_id, outcome, unsaved }
    }
}
