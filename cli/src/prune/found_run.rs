//! A run that is over.

use std::time::{Duration, SystemTime};

use super::end_state::EndState;

/// A sign of life keeps any run for so long.
pub const ALIVE_FOR: Duration = Duration::from_secs(30);

/// A run that is over.
#[derive(Debug)]
pub struct FoundRun {
    pub run: String,
    pub state: EndState,
    /// When it ended, or else when it last gave a sign; never later than now.
    pub ended: SystemTime,
    /// How recent a sign of life is that keeps it: one in progress tells how long it may be silent.
    pub alive_for: Duration,
}

impl FoundRun {
    /// One of which only what was recorded is there.
    pub fn recorded(run: String, ended: SystemTime) -> Self {
        let ended = ended.min(SystemTime::now());
        FoundRun { run, state: EndState::Recorded, ended, alive_for: ALIVE_FOR }
    }
}
