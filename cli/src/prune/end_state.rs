//! How a run stands that is not live.

use serde::Serialize;

use crate::status::state::State;

/// The states of runs that are not live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum EndState {
    /// Ended well
    Done,
    /// Ended badly
    Failed,
    /// Ended on demand
    Cancelled,
    /// In progress, but its keeper is gone
    Stale,
    /// It has a directory and no manifest
    Empty,
    /// Of what it kept, only its summary is there; with --history, also only an entry
    Recorded,
    /// Not started yet
    Queued,
    /// Its manifest has another status
    Unknown,
    /// Its manifest cannot be read
    Unreadable,
}

impl EndState {
    /// That of a run, unless it is live.
    pub fn of(state: State) -> Option<Self> {
        match state {
            State::Live => None,
            State::Stale => Some(EndState::Stale),
            State::Queued => Some(EndState::Queued),
            State::Done => Some(EndState::Done),
            State::Failed => Some(EndState::Failed),
            State::Cancelled => Some(EndState::Cancelled),
            State::Unknown => Some(EndState::Unknown),
            State::Empty => Some(EndState::Empty),
            State::Unreadable => Some(EndState::Unreadable),
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            EndState::Done => "done",
            EndState::Failed => "failed",
            EndState::Cancelled => "cancelled",
            EndState::Stale => "stale",
            EndState::Empty => "empty",
            EndState::Recorded => "recorded",
            EndState::Queued => "queued",
            EndState::Unknown => "unknown",
            EndState::Unreadable => "unreadable",
        }
    }
}
