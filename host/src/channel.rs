//! The files of a run.

use serde::{Deserialize, Serialize};

/// One of the files of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Channel {
    /// The run's JSON document: what the run is and where it stands.
    Manifest,
    /// The liveness file: one ISO-8601 UTC timestamp with milliseconds and a newline.
    Heartbeat,
    /// The JSON document of a completed run, written once.
    Summary,
    /// The summaries of all completed runs of a task.
    History,
}
