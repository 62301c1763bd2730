//! The clocks and the randomness of a component: the system's where a test chooses nothing else.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use tandem_host::{MonotonicClock, WallClock};
use tandem_simulator::sim::blocking::Surroundings;

#[derive(Clone)]
pub(super) struct Clocks {
    wall: Option<Arc<dyn WallClock>>,
    monotonic: Option<Arc<dyn MonotonicClock>>,
    start: Instant,
}

impl Default for Clocks {
    fn default() -> Self {
        Clocks { wall: None, monotonic: None, start: Instant::now() }
    }
}

impl Clocks {
    pub(super) fn set_wall(&mut self, clock: impl WallClock) {
        self.wall = Some(Arc::new(clock));
    }

    pub(super) fn set_monotonic(&mut self, clock: impl MonotonicClock) {
        self.monotonic = Some(Arc::new(clock));
    }

    pub(super) fn are_the_systems(&self) -> bool {
        self.wall.is_none() && self.monotonic.is_none()
    }
}

impl Surroundings for Clocks {
    fn now_ns(&self) -> u64 {
        match &self.monotonic {
            Some(clock) => clock.now_ns(),
            None => u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX),
        }
    }

    fn since_epoch(&self) -> Duration {
        match &self.wall {
            Some(clock) => clock.since_epoch(),
            None => UNIX_EPOCH.elapsed().unwrap_or_default(),
        }
    }

    fn wait_until(&self, when_ns: u64) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let left_ns = when_ns.saturating_sub(self.now_ns());
        Box::pin(tokio::time::sleep(Duration::from_nanos(left_ns)))
    }

    fn fill(&self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(8) {
            // Each is seeded from the system's randomness.
            let random = RandomState::new().hash_one(()).to_le_bytes();
            piece.copy_from_slice(&random[..piece.len()]);
        }
    }
}
