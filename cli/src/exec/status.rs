//! Where what `exec` runs stands.

use serde::Serialize;

/// Where a run or a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A command that was not started yet.
    Pending,
    /// A command that runs.
    Running,
    /// A run whose command is not over.
    InProgress,
    /// Exit code 0.
    Succeeded,
    /// Any other end.
    Failed,
    /// Ended badly, as the answer to a signal that asked it to end.
    Cancelled,
    /// A command that was never started.
    Skipped,
}
