//! How a run stands.

use serde::Serialize;

/// How a run stands.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// In progress, and its heartbeat is recent.
    Live,
    /// In progress, and its heartbeat is old: whoever kept it is gone or stands still.
    Stale,
    /// Not started yet.
    Queued,
    /// Ended well.
    Done,
    /// Ended badly.
    Failed,
    /// Ended on demand.
    Cancelled,
    /// It has a manifest with a status that readers do not know, or without one.
    #[default]
    Unknown,
    /// It has a directory and no manifest yet.
    Empty,
    /// Something is in the way of its manifest.
    Unreadable,
}

impl State {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            State::Live => "live",
            State::Stale => "stale",
            State::Queued => "queued",
            State::Done => "done",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
            State::Unknown => "unknown",
            State::Empty => "empty",
            State::Unreadable => "unreadable",
        }
    }
}
