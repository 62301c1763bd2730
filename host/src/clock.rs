//! The clocks that the component sees.

use std::sync::Arc;
use std::time::Duration;

use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};

/// The time of day, as heartbeats show it.
pub trait WallClock: Send + Sync + 'static {
    /// How long ago 1970 began, in UTC.
    fn since_epoch(&self) -> Duration;
}

/// A clock that never goes back: what the throttle, the back-off and the wait for a lock go by.
///
/// Sleeping goes by the runtime's time and not by this clock's: who waits for a moment of it sleeps
/// for as long as it says is left when the wait begins. A clock that is set forward by hand
/// therefore ends no sleep that has begun.
pub trait MonotonicClock: Send + Sync + 'static {
    /// Nanoseconds since some moment that stays the same for the life of the clock.
    fn now_ns(&self) -> u64;
}

/// The clocks of every store; the host's own where nothing else is chosen.
#[derive(Clone, Default)]
pub(crate) struct Clocks {
    wall: Option<Arc<dyn WallClock>>,
    monotonic: Option<Arc<dyn MonotonicClock>>,
}

impl Clocks {
    pub(crate) fn set_wall(&mut self, clock: impl WallClock) {
        self.wall = Some(Arc::new(clock));
    }

    pub(crate) fn set_monotonic(&mut self, clock: impl MonotonicClock) {
        self.monotonic = Some(Arc::new(clock));
    }

    pub(crate) fn install(&self, wasi: &mut WasiCtxBuilder) {
        if let Some(clock) = &self.wall {
            wasi.wall_clock(Wall(clock.clone()));
        }
        if let Some(clock) = &self.monotonic {
            wasi.monotonic_clock(Monotonic(clock.clone()));
        }
    }
}

struct Wall(Arc<dyn WallClock>);
struct Monotonic(Arc<dyn MonotonicClock>);

/// The component never asks for it.
const RESOLUTION_NS: u64 = 1;

impl HostWallClock for Wall {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(RESOLUTION_NS)
    }

    fn now(&self) -> Duration {
        self.0.since_epoch()
    }
}

impl HostMonotonicClock for Monotonic {
    fn resolution(&self) -> u64 {
        RESOLUTION_NS
    }

    fn now(&self) -> u64 {
        self.0.now_ns()
    }
}
