//! What to open, what to write when, what to record and what to read.

mod history;
mod record;
mod request;
mod run;

use serde::{Deserialize, Serialize};

pub use history::HistoryOptions;
pub use record::RecordOptions;
pub use request::Request;
pub use run::RunOptions;

/// One of the files of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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

/// What a successful write is asked to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// The file is replaced atomically and not synced. It survives a crash of the process; after
    /// a power loss it may be old, absent, empty or torn.
    Visible,
    /// The data is synced, the file is replaced atomically, then its directory is synced. It
    /// survives a power loss.
    Durable,
}
