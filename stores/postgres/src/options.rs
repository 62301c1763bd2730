//! What a store is opened with.

use std::fmt;
use std::time::Duration;

/// How many connections a store has at most by default.
const CONNECTIONS: usize = 4;

/// How long a store waits by default.
const PATIENCE: Duration = Duration::from_secs(10);

/// How large a body may be by default, in bytes.
const BODY_BYTES_MAX: usize = 64 << 20;

/// With what a store is opened. The crate's page tells what an address may have.
#[derive(Clone)]
pub struct Options {
    pub(crate) url: String,
    pub(crate) connections: usize,
    pub(crate) patience: Duration,
    pub(crate) body_bytes_max: usize,
    pub(crate) is_read_confirmed: bool,
    pub(crate) is_read_only: bool,
}

impl Options {
    /// An address, with everything else as it is by default.
    pub fn new(url: impl Into<String>) -> Self {
        Options {
            url: url.into(),
            connections: CONNECTIONS,
            patience: PATIENCE,
            body_bytes_max: BODY_BYTES_MAX,
            is_read_confirmed: false,
            is_read_only: false,
        }
    }

    /// How many connections the store opens at most, each when it is first needed: 2 to 64, by
    /// default 4.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// How long a request waits for a server that takes it, and then once more for an answer: 100
    /// milliseconds to an hour, by default 10 seconds. What was not sent by then is refused; what was
    /// sent and not answered is unknown. A large body has to get there within this time.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How many bytes a body may have at most: up to 512 MiB, by default 64 MiB. What is larger is
    /// refused without asking the server.
    pub fn body_bytes_max(mut self, bytes: usize) -> Self {
        self.body_bytes_max = bytes;
        self
    }

    /// Whether each [`get`](tandem_documents::Documents::get) waits until the standbys have
    /// confirmed that its server still is the primary. It then costs as much as a durable write. By
    /// default it does not.
    pub fn confirms_reads(mut self, confirms: bool) -> Self {
        self.is_read_confirmed = confirms;
        self
    }

    /// For who only reads: a user that may select suffices, also in sessions that are read-only, and
    /// writes of documents are refused.
    pub fn read_only(mut self) -> Self {
        self.is_read_only = true;
        self
    }

    /// The rule that these options break.
    pub(crate) fn broken_rule(&self) -> Option<String> {
        if !(2..=64).contains(&self.connections) {
            return Some(format!("connections must be 2 to 64: {}", self.connections));
        }
        if !(Duration::from_millis(100)..=Duration::from_secs(3600)).contains(&self.patience) {
            return Some(format!("patience must be 100 ms to 1 h: {:?}", self.patience));
        }
        if self.body_bytes_max > 512 << 20 {
            return Some(format!("body bytes must be at most 536870912: {}", self.body_bytes_max));
        }
        None
    }
}

/// Without the address, which may have a password.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("connections", &self.connections)
            .field("patience", &self.patience)
            .field("body_bytes_max", &self.body_bytes_max)
            .field("confirms_reads", &self.is_read_confirmed)
            .field("read_only", &self.is_read_only)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_out_of_their_bounds_name_the_rule() {
        let options = Options::new("postgres://h/d");
        assert_eq!(options.broken_rule(), None);
        let rule = options.clone().connections(1).broken_rule().unwrap();
        assert_eq!(rule, "connections must be 2 to 64: 1");
        assert!(options.clone().patience(Duration::ZERO).broken_rule().is_some());
        assert!(options.body_bytes_max(usize::MAX).broken_rule().is_some());
    }

    #[test]
    fn debug_shows_no_address() {
        let text = format!("{:?}", Options::new("postgres://u:hunter2@h/d"));
        assert!(!text.contains("hunter2"), "{text}");
    }
}
