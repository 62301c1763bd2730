//! The clocks that the component sees.

use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};

type Make<T> = Box<dyn Fn() -> Box<T> + Send + Sync>;

/// The clocks of every store; the host's own where nothing else is chosen.
#[derive(Default)]
pub(crate) struct Clocks {
    wall: Option<Make<dyn HostWallClock + Send>>,
    monotonic: Option<Make<dyn HostMonotonicClock + Send>>,
}

impl Clocks {
    pub(crate) fn set_wall(&mut self, clock: impl HostWallClock + Clone + Sync + 'static) {
        self.wall = Some(Box::new(move || Box::new(clock.clone())));
    }

    pub(crate) fn set_monotonic(
        &mut self,
        clock: impl HostMonotonicClock + Clone + Sync + 'static,
    ) {
        self.monotonic = Some(Box::new(move || Box::new(clock.clone())));
    }

    pub(crate) fn install(&self, wasi: &mut WasiCtxBuilder) {
        if let Some(make) = &self.wall {
            wasi.wall_clock(Wall(make()));
        }
        if let Some(make) = &self.monotonic {
            wasi.monotonic_clock(Monotonic(make()));
        }
    }
}

/// wasmtime-wasi takes a clock by its type, which is erased here.
struct Wall(Box<dyn HostWallClock + Send>);
struct Monotonic(Box<dyn HostMonotonicClock + Send>);

impl HostWallClock for Wall {
    fn resolution(&self) -> std::time::Duration {
        self.0.resolution()
    }

    fn now(&self) -> std::time::Duration {
        self.0.now()
    }
}

impl HostMonotonicClock for Monotonic {
    fn resolution(&self) -> u64 {
        self.0.resolution()
    }

    fn now(&self) -> u64 {
        self.0.now()
    }
}
