//! Instances of the component on one simulated disk, driven by hand: in which order their calls are
//! answered, and when they die, is decided by who drives them.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

use super::blocking;
use super::concurrent;
use super::world::WasiWorld;
use crate::guest::Exports;
use crate::sim::{SimDisk, SimDocuments, SimState};
use tandem_documents::DocumentsDisk;
use tandem_host::Error;
use tandem_host::testing::bindings::TandemPre;
use tandem_host::testing::keep_compiled;
use tandem_host::{HistoryOptions, RecordOptions, RemoveOptions, Request, RunOptions};
use tandem_host::{Receipt, Recorded, Recovery, Removed, Stats, TaskHistory};

/// A component that was compiled for simulation.
#[derive(Clone)]
pub(crate) struct Lab {
    pub world: WasiWorld,
    engine: Engine,
    guest: GuestMaker,
}

/// What instances are made of.
#[derive(Clone)]
enum GuestMaker {
    Concurrent(TandemPre<SimState>),
    Blocking(Exports<SimState>),
    Documents(TandemPre<SimState<DocumentsDisk<SimDocuments>>>),
}

/// A call of an export. Runs are numbered by whoever opens them.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Open {
        run: usize,
        options: RunOptions,
    },
    Set {
        run: usize,
        document: String,
    },
    Merge {
        run: usize,
        patch: String,
    },
    Mark {
        run: usize,
        request: Request,
    },
    Schedule {
        run: usize,
        request: Request,
    },
    Flush {
        run: usize,
    },
    Close {
        run: usize,
    },
    Stats {
        run: usize,
    },
    Record {
        options: RecordOptions,
        summary: String,
    },
    Remove {
        runs: Vec<String>,
        options: RemoveOptions,
    },
    History {
        options: HistoryOptions,
    },
    /// Drops the resource of a run.
    Drop {
        run: usize,
    },
}

/// How a call ended.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Opened(Result<Recovery, Error>),
    Changed(Result<(), Error>),
    Marked(Result<(), Error>),
    Flushed(Result<Receipt, Error>),
    Stats(Box<Stats>),
    Recorded(Result<Recorded, Error>),
    Removed(Result<Removed, Error>),
    History(Result<TaskHistory, Error>),
    Dropped,
    /// The run was never opened.
    NoRun,
}

/// What is to happen next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Let the component go on: a call was made, or completed.
    Go,
    /// End here, whatever is in flight.
    Stop,
}

/// The caller's side of the instances.
pub(crate) struct Stage {
    pub disk: SimDisk,
    instances: Vec<Side>,
}

#[derive(Default)]
struct Side {
    calls: Arc<Mutex<Calls>>,
    is_killed: Cell<bool>,
}

/// Names a call of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallId {
    pub instance: usize,
    index: usize,
}

/// The calls of an instance, numbered from 0.
#[derive(Default)]
pub(super) struct Calls {
    /// Those that have not started.
    pub new: VecDeque<(usize, Command)>,
    /// Those that nobody waits for any longer.
    pub abandoned: Vec<usize>,
    /// How each of them ended, if it did.
    pub outcomes: Vec<Option<Outcome>>,
}

impl Stage {
    /// Makes a call. It starts when the component goes on.
    pub(crate) fn call(&self, instance: usize, command: Command) -> CallId {
        let mut calls = lock(&self.instances[instance].calls);
        let index = calls.outcomes.len();
        calls.outcomes.push(None);
        calls.new.push_back((index, command));
        CallId { instance, index }
    }

    /// Stops waiting for a call.
    pub(crate) fn abandon(&self, call: CallId) {
        lock(&self.instances[call.instance].calls).abandoned.push(call.index);
    }

    /// How a call ended, if it did.
    pub(crate) fn outcome(&self, call: CallId) -> Option<Outcome> {
        lock(&self.instances[call.instance].calls).outcomes[call.index].clone()
    }

    /// Ends an instance as SIGKILL does. The disk may still perform what it has in flight.
    pub(crate) fn kill(&self, instance: usize) {
        self.instances[instance].is_killed.set(true);
    }
}

pub(super) fn lock(calls: &Mutex<Calls>) -> MutexGuard<'_, Calls> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Set when something that the instance waits for has happened.
struct Awake(AtomicBool);

impl Wake for Awake {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Lab {
    /// For so many threads, each with [`INSTANCES_MAX`] at a time.
    ///
    /// # Errors
    /// The component is none of this world.
    pub(crate) fn new(world: WasiWorld, component: &[u8], threads: usize) -> wasmtime::Result<Lab> {
        let mut config = Config::new();
        config.wasm_component_model(true);
        config.wasm_component_model_async(true);
        // A fresh instance then costs little more than the pages that it touches.
        let mut pool = PoolingAllocationConfig::new();
        let count = u32::try_from(threads.saturating_mul(INSTANCES_MAX))?;
        // Each instance has a few core instances and tables: the component's, and its adapters'.
        pool.total_memories(count)
            .total_tables(count.saturating_mul(4))
            .total_stacks(count.saturating_mul(4))
            .total_core_instances(count.saturating_mul(8))
            .total_component_instances(count)
            .max_memory_size(MEMORY_BYTES_MAX)
            .max_unused_warm_slots(count)
            .decommit_batch_size(8)
            .async_stack_keep_resident(64 << 10)
            .linear_memory_keep_resident(1 << 20)
            .table_keep_resident(1 << 16);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        keep_compiled(&mut config);
        let engine = Engine::new(&config)?;
        let component = Component::from_binary(&engine, component)?;
        world.check(&component)?;
        let mut linker = Linker::new(&engine);
        let guest = match world {
            WasiWorld::Concurrent => {
                SimState::link(&mut linker)?;
                GuestMaker::Concurrent(TandemPre::new(linker.instantiate_pre(&component)?)?)
            }
            WasiWorld::Documents => {
                let mut linker = Linker::new(&engine);
                SimState::link(&mut linker)?;
                GuestMaker::Documents(TandemPre::new(linker.instantiate_pre(&component)?)?)
            }
            WasiWorld::Blocking => {
                SimState::link_blocking(&mut linker)?;
                GuestMaker::Blocking(Exports::new(linker.instantiate_pre(&component)?)?)
            }
        };
        Ok(Lab { world, engine, guest })
    }

    /// Runs fresh instances until the director stops them.
    ///
    /// # Errors
    /// A component trapped.
    pub(crate) fn run(
        &self,
        disk: &SimDisk,
        instances: usize,
        director: &mut dyn FnMut(&Stage) -> Next,
    ) -> wasmtime::Result<()> {
        let sides = (0..instances).map(|_| Side::default()).collect();
        let stage = Stage { disk: disk.clone(), instances: sides };
        let awake = Arc::new(Awake(AtomicBool::new(true)));
        let waker = Waker::from(awake.clone());
        let mut cx = Context::from_waker(&waker);
        let sides = stage.instances.iter().enumerate();
        let mut running: Vec<_> = sides
            .map(|(at, side)| Some(Box::pin(self.serve(disk.owned_by(at), &side.calls))))
            .collect();
        loop {
            while awake.0.swap(false, Ordering::Relaxed) {
                for (instance, side) in running.iter_mut().zip(&stage.instances) {
                    if side.is_killed.get() {
                        *instance = None;
                    }
                    if let Some(instance) = instance
                        && let Poll::Ready(result) = instance.as_mut().poll(&mut cx)
                    {
                        return result;
                    }
                }
            }
            if director(&stage) == Next::Stop {
                // What is in flight stays so.
                disk.world().drop_all();
                return Ok(());
            }
            awake.0.store(true, Ordering::Relaxed);
        }
    }

    async fn serve(&self, disk: SimDisk, calls: &Mutex<Calls>) -> wasmtime::Result<()> {
        let engine = &self.engine;
        let on_files = || Store::new(engine, SimState::new(&disk));
        match &self.guest {
            GuestMaker::Concurrent(pre) => concurrent::serve(pre, on_files(), calls).await,
            GuestMaker::Blocking(exports) => {
                blocking::serve(exports, on_files(), &disk, calls).await
            }
            GuestMaker::Documents(pre) => {
                let store = Store::new(engine, SimState::of_documents(&disk));
                concurrent::serve(pre, store, calls).await
            }
        }
    }
}

/// How many instances one thread runs at once, with those whose memory is about to be given back.
const INSTANCES_MAX: usize = 16;

/// More than any workload needs.
const MEMORY_BYTES_MAX: usize = 64 << 20;
