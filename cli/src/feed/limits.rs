//! How much the feed takes before it stops reading.

use std::sync::Arc;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// The longest line: the largest document that the library takes by default, and room for the
/// rest of a request.
pub const LINE_BYTES_MAX: usize = 17 * 1024 * 1024;
/// The longest `id`, which is kept for as long as its request is.
pub const ID_BYTES_MAX: usize = 4 * 1024;
/// Requests that were read and whose answers are not written.
const REQUESTS_MAX: usize = 4_096;
/// The lines of these requests together.
const REQUEST_BYTES_MAX: u32 = 64 * 1024 * 1024;
/// Requests that wait for the throttle; the library keeps up to this many in order.
const THROTTLED_MAX: usize = 8_192;
/// Histories that are read and whose answers are not written: each can have many megabytes.
const HISTORIES_MAX: usize = 4;
/// Runs that were closed and whose counters are still told.
pub const CLOSED_RUNS_MAX: usize = 16_384;

/// What is left of the limits.
#[derive(Clone)]
pub struct Limits {
    requests: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    throttled: Arc<Semaphore>,
    histories: Arc<Semaphore>,
}

/// A request's share, given back when it is dropped, after its answer was written.
pub struct Share {
    _request: OwnedSemaphorePermit,
    _bytes: Option<OwnedSemaphorePermit>,
    _history: Option<OwnedSemaphorePermit>,
}

impl Limits {
    pub fn new() -> Self {
        Limits {
            requests: Arc::new(Semaphore::new(REQUESTS_MAX)),
            bytes: Arc::new(Semaphore::new(REQUEST_BYTES_MAX as usize)),
            throttled: Arc::new(Semaphore::new(THROTTLED_MAX)),
            histories: Arc::new(Semaphore::new(HISTORIES_MAX)),
        }
    }

    /// Waits until a line of this length may be taken. What holds the others' shares ends without
    /// any further line, so this wait ends.
    pub async fn admit(&self, line_bytes: usize) -> Result<Share, AcquireError> {
        let bytes = u32::try_from(line_bytes).unwrap_or(u32::MAX).min(REQUEST_BYTES_MAX);
        let request = self.requests.clone().acquire_owned().await?;
        let bytes = self.bytes.clone().acquire_many_owned(bytes).await?;
        Ok(Share { _request: request, _bytes: Some(bytes), _history: None })
    }

    /// A share for a request that may wait long, if there is one left.
    ///
    /// It is of another kind: a line that would end the wait must still be read.
    pub fn throttled(&self) -> Option<Share> {
        let request = self.throttled.clone().try_acquire_owned().ok()?;
        Some(Share { _request: request, _bytes: None, _history: None })
    }

    /// Waits until a history may be read, which is when others' answers are read. Gives the share
    /// back as it was if none may be read any more.
    pub async fn admit_history(self, share: Share) -> Result<Share, Share> {
        match self.histories.acquire_owned().await {
            Ok(history) => Ok(Share { _history: Some(history), ..share }),
            Err(_) => Err(share),
        }
    }

    /// From now on no history may be read.
    pub fn end_histories(&self) {
        self.histories.close();
    }
}
