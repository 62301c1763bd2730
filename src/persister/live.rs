//! The two files that a run keeps while it lives.

use crate::error::Channel;

/// One of the two files of an open run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Live {
    /// The run's JSON document.
    Manifest,
    /// The liveness file.
    Heartbeat,
}

impl Live {
    /// Both, in the order in which errors are reported.
    pub const ALL: [Live; 2] = [Live::Manifest, Live::Heartbeat];
}

impl From<Live> for Channel {
    fn from(live: Live) -> Self {
        match live {
            Live::Manifest => Channel::Manifest,
            Live::Heartbeat => Channel::Heartbeat,
        }
    }
}
