//! Tries the component on disks that fail and crash, and checks what it promises.

mod acknowledged;
mod blocking;
mod concurrent;
mod crash;
mod fault;
mod fingerprint;
mod jobs;
mod judge;
mod machine;
mod order;
mod past;
mod plan;
mod player;
mod pruning;
mod recovery;
mod reference;
mod removal;
mod report;
#[cfg(test)]
mod tests;
mod unit;
mod world;

use std::num::NonZero;

pub use report::{Progress, Report, VIOLATIONS_MAX, Violation};

use machine::Lab;
use world::WasiWorld;

use crate::sim::Model;
use tandem_host::Error;
use tandem_host::testing::component_failed;

/// Each of them keeps address space for its instances.
pub const THREADS_MAX: NonZero<usize> = NonZero::new(256).unwrap();

/// What to try.
#[derive(Clone, Debug)]
pub struct Torture {
    seed: u64,
    states: u64,
    model: Option<Model>,
    unit: Option<u64>,
    threads: NonZero<usize>,
    world: WasiWorld,
    component: Option<Vec<u8>>,
}

impl Torture {
    /// Seed 1, 100,000 states, every model, this build's component for WASI 0.3, a
    /// thread for each core.
    pub fn new() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let whole = Torture {
            seed: 1,
            states: 100_000,
            model: None,
            unit: None,
            threads,
            world: WasiWorld::Concurrent,
            component: None,
        };
        whole.threads(threads)
    }

    /// What everything random is made from.
    pub fn seed(self, seed: u64) -> Self {
        Torture { seed, ..self }
    }

    /// Stop once at least this many distinct crash states were recovered.
    pub fn states(self, states: u64) -> Self {
        Torture { states, ..self }
    }

    /// Only this model of a disk.
    pub fn model(self, model: Model) -> Self {
        Torture { model: Some(model), ..self }
    }

    /// Only this unit, to replay what it found. The model must be that of the run that found it, if
    /// it had one.
    pub fn unit(self, unit: u64) -> Self {
        Torture { unit: Some(unit), ..self }
    }

    /// How many threads work, at most [`THREADS_MAX`]. It changes nothing but the time.
    pub fn threads(self, threads: NonZero<usize>) -> Self {
        Torture { threads: threads.min(THREADS_MAX), ..self }
    }

    /// The component for WASI 0.2, whose calls block, in place of the one for WASI 0.3.
    pub fn blocking(self) -> Self {
        Torture { world: WasiWorld::Blocking, ..self }
    }

    /// Documents of a store in the place of files: requests are lost, refused and late, and hosts share
    /// it. The model is [`Model::STORE`], and no other.
    pub fn documents(self) -> Self {
        Torture { world: WasiWorld::Documents, ..self }
    }

    /// Another build of the component, for the same version of WASI.
    pub fn component(self, component: Vec<u8>) -> Self {
        Torture { component: Some(component), ..self }
    }

    /// Run on this thread and others, and tell `progress` after each unit.
    ///
    /// # Errors
    /// `component-failed`: the component is none that can be run, or is for the other version of WASI,
    /// or the system refuses the memory or the threads for it.
    pub fn run(self, progress: impl FnMut(&Progress)) -> Result<Report, Error> {
        let bytes = self.component.as_deref().unwrap_or(self.world.component());
        let lab = Lab::new(self.world, bytes, self.threads.get()).map_err(component_failed)?;
        jobs::run(&lab, &self, progress)
    }
}

impl Default for Torture {
    fn default() -> Self {
        Torture::new()
    }
}
