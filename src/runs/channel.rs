//! The two files that a run keeps while it lives.

use crate::error::Channel;

/// One of the two files of an open run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunChannel {
    /// The run's JSON document.
    Manifest,
    /// The liveness file.
    Heartbeat,
}

impl RunChannel {
    /// Both, in the order in which errors are reported.
    pub const ALL: [RunChannel; 2] = [RunChannel::Manifest, RunChannel::Heartbeat];
}

impl From<RunChannel> for Channel {
    fn from(channel: RunChannel) -> Self {
        match channel {
            RunChannel::Manifest => Channel::Manifest,
            RunChannel::Heartbeat => Channel::Heartbeat,
        }
    }
}
