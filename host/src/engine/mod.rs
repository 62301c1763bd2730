//! The hardened engine and its stores: bounded memory, bounded computing, nothing granted.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use tandem_components::TANDEM;
use wasmtime::component::{Component, ResourceTable};
use wasmtime::{Config, Engine, Store, StoreLimitsBuilder, UpdateDeadline};
use wasmtime_wasi::WasiCtxBuilder;

use crate::clock::Clocks;
use crate::events;
use crate::glue::linker::{Filesystem, State};

#[cfg(feature = "cache")]
mod cache;
mod config;
mod embedded;
mod reservation;

pub(crate) use config::config;
pub(crate) use embedded::Precompiled;
pub(crate) use reservation::Reservation;

/// How often the epoch moves.
pub(crate) const TICK_MS: u64 = 100;

/// A compiled component and the engine it is compiled for.
pub(crate) struct Compiled {
    pub engine: Engine,
    pub component: Component,
    ticking: Mutex<Weak<Ticking>>,
}

/// While one of these lives, the epoch of its engine moves, in the process of this number: one that
/// was forked from it has no thread for that.
pub(crate) struct Ticking(u32);

impl Ticking {
    fn is_here(&self) -> bool {
        self.0 == std::process::id()
    }
}

/// What a store may use.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The component's memory.
    pub memory_bytes: usize,
    /// What one call may hand to the host.
    pub call_bytes: usize,
    /// Ticks of uninterrupted computing.
    pub ticks: u32,
}

/// Counts ticks of computing that nothing interrupts.
#[derive(Debug, Default)]
pub(crate) struct Watchdog {
    ticks: AtomicU32,
    must_not_yield: AtomicBool,
}

impl Compiled {
    /// The component that is built in, loaded once in this process for each way with memory: from
    /// `precompiled` if that was made for such an engine by the same wasmtime, else by compiling it.
    pub(crate) fn embedded(precompiled: Option<Precompiled>) -> wasmtime::Result<Arc<Compiled>> {
        static EMBEDDED: [OnceLock<Arc<Compiled>>; Reservation::ALL.len()] =
            [const { OnceLock::new() }; Reservation::ALL.len()];
        // Held while loading, so that simultaneous callers do it once.
        static LOADING: Mutex<()> = Mutex::new(());

        let _loading = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        let reservation = Reservation::of_process();
        let embedded = &EMBEDDED[reservation as usize];
        if let Some(compiled) = embedded.get() {
            return Ok(compiled.clone());
        }
        Reservation::check()?;
        let compiled = Compiled::load(reservation, precompiled).map_err(explained)?;
        Ok(embedded.get_or_init(|| Arc::new(compiled)).clone())
    }

    /// Any other component.
    pub(crate) fn new(bytes: &[u8]) -> wasmtime::Result<Compiled> {
        let reservation = Reservation::of_process();
        Reservation::check()?;
        Compiled::compile(reservation, bytes).map_err(explained)
    }

    fn load(
        reservation: Reservation,
        precompiled: Option<Precompiled>,
    ) -> wasmtime::Result<Compiled> {
        if let Some(precompiled) = precompiled {
            let began = Instant::now();
            let engine = engine(reservation)?;
            if let Some(component) = precompiled.load(&engine, reservation)? {
                events::component_loaded(true, began.elapsed());
                return Ok(Compiled::of(engine, component));
            }
        }
        Compiled::compile(reservation, TANDEM)
    }

    fn compile(reservation: Reservation, bytes: &[u8]) -> wasmtime::Result<Compiled> {
        let began = Instant::now();
        let mut config = config(reservation);
        keep_compiled(&mut config);
        let engine = Engine::new(&config)?;
        let component = Component::from_binary(&engine, bytes)?;
        events::component_loaded(false, began.elapsed());
        Ok(Compiled::of(engine, component))
    }

    fn of(engine: Engine, component: Component) -> Compiled {
        Compiled { engine, component, ticking: Mutex::new(Weak::new()) }
    }

    /// Keeps the epoch moving as long as the result lives.
    pub(crate) fn tick(&self) -> std::io::Result<Arc<Ticking>> {
        let mut current = self.ticking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ticking) = current.upgrade().filter(|ticking| ticking.is_here()) {
            return Ok(ticking);
        }
        let ticking = Arc::new(Ticking(std::process::id()));
        let (engine, alive) = (self.engine.clone(), Arc::downgrade(&ticking));
        // A thread, because on a runtime of one thread no task runs while the component computes.
        std::thread::Builder::new().name("tandem-epoch".to_owned()).spawn(move || {
            while alive.strong_count() > 0 {
                std::thread::sleep(Duration::from_millis(TICK_MS));
                engine.increment_epoch();
            }
        })?;
        *current = Arc::downgrade(&ticking);
        Ok(ticking)
    }
}

/// With the usual reason why a system does not let code be loaded.
fn explained(error: wasmtime::Error) -> wasmtime::Error {
    let is_refused = matches!(error.downcast_ref::<Errno>(), Some(&(Errno::ACCESS | Errno::PERM)));
    if !is_refused {
        return error;
    }
    error.context("this process may not run code that it loads (MemoryDenyWriteExecute of systemd)")
}

/// An engine that can load what [`precompile`](crate::precompile) made.
pub(crate) fn engine(reservation: Reservation) -> wasmtime::Result<Engine> {
    Engine::new(&config(reservation))
}

/// Has what an engine compiles be kept for the next start, where that is safe.
pub(crate) fn keep_compiled(config: &mut Config) {
    #[cfg(feature = "cache")]
    config.cache(cache::cache());
    #[cfg(not(feature = "cache"))]
    let _ = config;
}

/// A store with its limits, its clocks and its one directory.
pub(crate) fn store<F: Filesystem>(
    engine: &Engine,
    files: &F,
    clocks: &Clocks,
    limits: &Limits,
) -> wasmtime::Result<Store<State<F>>> {
    let mut wasi = WasiCtxBuilder::new();
    clocks.install(&mut wasi);
    files.grant(&mut wasi)?;
    let state = State {
        wasi: wasi.build(),
        table: ResourceTable::new(),
        limits: StoreLimitsBuilder::new()
            .memory_size(limits.memory_bytes)
            .memories(8)
            .tables(64)
            .instances(64)
            .build(),
        files: files.clone(),
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limits);
    store.set_hostcall_fuel(limits.call_bytes);
    store.set_epoch_deadline(1);
    Ok(store)
}

impl Watchdog {
    /// Ends the component of `store` when it has computed for too long.
    pub(crate) fn watch<T: 'static>(self: &Arc<Self>, store: &mut Store<T>, limits: &Limits) {
        let (watchdog, ticks_max) = (self.clone(), limits.ticks);
        store.epoch_deadline_callback(move |_| watchdog.ticked(ticks_max));
    }

    /// The driver runs: whatever computed before has been interrupted.
    pub(crate) fn reset(&self) {
        self.ticks.store(0, Ordering::Relaxed);
    }

    /// Runs `work`, in which the component may not yield.
    pub(crate) fn without_yield<T>(&self, work: impl FnOnce() -> T) -> T {
        self.must_not_yield.store(true, Ordering::Relaxed);
        let result = work();
        self.must_not_yield.store(false, Ordering::Relaxed);
        result
    }

    fn ticked(&self, ticks_max: u32) -> wasmtime::Result<UpdateDeadline> {
        let ticks = self.ticks.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if ticks > ticks_max {
            let computed_ms = u64::from(ticks_max) * TICK_MS;
            return Err(wasmtime::Error::msg(format!(
                "the component computed for more than {computed_ms} ms without a pause"
            )));
        }
        if self.must_not_yield.load(Ordering::Relaxed) {
            Ok(UpdateDeadline::Continue(1))
        } else {
            Ok(UpdateDeadline::Yield(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ticks_in_a_process_does_not_tick_in_one_that_is_forked_from_it() {
        assert!(Ticking(std::process::id()).is_here());
        assert!(!Ticking(std::process::id() + 1).is_here());
    }

    #[test]
    fn the_watchdog_bites_only_after_uninterrupted_ticks() {
        let watchdog = Watchdog::default();
        for _ in 0..3 {
            assert!(matches!(watchdog.ticked(2), Ok(UpdateDeadline::Yield(1))));
            assert!(matches!(watchdog.ticked(2), Ok(UpdateDeadline::Yield(1))));
            watchdog.reset();
        }
        watchdog.without_yield(|| {
            assert!(matches!(watchdog.ticked(2), Ok(UpdateDeadline::Continue(1))));
        });
        assert!(watchdog.ticked(2).is_ok());
        assert!(watchdog.ticked(2).is_err());
    }
}
