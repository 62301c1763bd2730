//! One component after the other, in a thread of its own.

use std::sync::{Arc, mpsc};

use wasmtime::Store;
use wasmtime_wasi::runtime::in_tokio;

use super::account::Accounts;
use super::calls::{Calls, Held};
use super::meter::Meter;
use super::{Job, Shared};
use crate::clock::Clocks;
use crate::driver::Bounds;
use crate::engine::{self, Compiled, Limits, Ticking};
use crate::error::{Cause, Error, ErrorKind};
use crate::glue::linker::State;
use crate::glue::sync::bindings::{TandemSync, TandemSyncPre};
use crate::glue::sync::linker::{SyncFilesystem, linker};

/// What an instance is made of, without what answers for its files.
pub(crate) struct Parts {
    pub compiled: Arc<Compiled>,
    pub clocks: Clocks,
    pub limits: Limits,
    pub bounds: Bounds,
}

/// The component, and what it takes to start it anew.
pub(super) struct Instance<F: SyncFilesystem> {
    parts: Parts,
    files: F,
    pre: TandemSyncPre<State<F>>,
    meter: Meter,
    live: Option<Live<F>>,
    /// Counts the components that failed.
    pub generation: u64,
    pub next_run: u64,
    pub accounts: Accounts,
    _ticking: Arc<Ticking>,
}

/// A running component.
pub(super) struct Live<F: SyncFilesystem> {
    pub store: Store<State<F>>,
    pub tandem: TandemSync,
}

/// Starts the thread. The component itself starts with the first call.
pub(crate) fn start<F: SyncFilesystem>(parts: Parts, files: F) -> Result<Shared, Error> {
    let pre = linker::<F>(&parts.compiled.engine)
        .and_then(|linker| linker.instantiate_pre(&parts.compiled.component))
        .and_then(TandemSyncPre::new)
        .map_err(Error::component_unusable)?;
    let unusable = |error: std::io::Error| Error::component_unusable(error.into());
    let ticking = parts.compiled.tick().map_err(unusable)?;
    let bounds = parts.bounds;
    let mut instance = Instance {
        parts,
        files,
        pre,
        meter: Meter::default(),
        live: None,
        generation: 0,
        next_run: 0,
        accounts: Accounts::default(),
        _ticking: ticking,
    };
    let (jobs, received) = mpsc::channel::<Job>();
    // A caller may be in a runtime, in which wasmtime's blocking calls are not allowed.
    let thread = std::thread::Builder::new().name("tandem-sync".to_owned()).spawn(move || {
        for job in received {
            job(&mut instance as &mut dyn Calls);
        }
    });
    Ok(Shared::new(jobs, thread.map_err(unusable)?, bounds))
}

impl<F: SyncFilesystem> Instance<F> {
    pub(super) fn bounds(&self) -> Bounds {
        self.parts.bounds
    }

    /// The running component, or a new one.
    pub(super) fn live(&mut self) -> Result<&mut Live<F>, Error> {
        self.meter.start();
        if self.live.is_none() {
            // Only writes can be on their way: into a temporary file, or into the record of a lock.
            in_tokio(self.files.settled());
            let Parts { compiled, clocks, limits, .. } = &self.parts;
            let live = engine::store(&compiled.engine, &self.files, clocks, limits).and_then(
                |mut store| {
                    self.meter.watch(&mut store, limits);
                    let tandem = self.pre.instantiate(&mut store)?;
                    Ok(Live { store, tandem })
                },
            );
            self.live = Some(live.map_err(Error::component_unusable)?);
        }
        self.live.as_mut().ok_or_else(Error::shut_down)
    }

    /// The component is gone, and every run in it.
    pub(super) fn failed(&mut self, trap: wasmtime::Error) -> Error {
        self.live = None;
        self.generation += 1;
        self.accounts = Accounts::default();
        Error::component_failed(&Cause::new(trap))
    }

    /// Whether the run is one of the running component.
    pub(super) fn check(&self, held: Held) -> Result<(), Error> {
        if held.generation == self.generation {
            return Ok(());
        }
        let message = "the component that held the run failed: open the run again";
        Err(Error::new(ErrorKind::ComponentFailed, message))
    }
}
