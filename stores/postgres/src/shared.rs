//! What all requests of a store share.

use std::time::Duration;

use tokio::time::Instant;

use crate::pool::Pool;

/// A store that is open.
pub(crate) struct Shared {
    pub pool: Pool,
    pub patience: Duration,
    pub is_read_confirmed: bool,
}

impl Shared {
    /// When a request that comes now is to be sent at last.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }
}
