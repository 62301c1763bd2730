//! One thread owns a store and stays in its event loop; callers reach it through a channel.

mod admission;
mod bounds;
mod calls;
mod job;
mod queue;
mod registry;
mod reply;
mod task_calls;
#[cfg(test)]
mod tests;
mod thread;

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc::UnboundedReceiver;
use wasmtime::component::Accessor;

pub(crate) use bounds::Bounds;
pub(crate) use job::{Job, OpenRun, RunCall, RunId, TaskCall};
pub(crate) use reply::{Reply, ReplyReceiver};
pub(crate) use thread::spawn;

use crate::clock::Clocks;
use crate::engine::{self, Compiled, Limits, Ticking, Watchdog};
use crate::error::{Cause, Error};
use crate::events;
use crate::glue::bindings::{Tandem, TandemPre};
use crate::glue::linker::{Filesystem, State, linker};
use calls::Done;
use registry::Registry;

/// How long the end waits for what runs in the background of the component, and then for what it left
/// to the disk.
const LINGER: Duration = Duration::from_secs(5);

/// Drives components. It is polled on its thread only; what it leaves is to be dropped outside of the
/// runtime.
pub(crate) type Driving = Pin<Box<dyn Future<Output = Box<dyn Any>> + Send>>;

/// What a component is made of, without what answers for its files.
#[derive(Clone)]
pub(crate) struct Parts {
    pub compiled: Arc<Compiled>,
    pub clocks: Clocks,
    pub limits: Limits,
    pub bounds: Bounds,
}

/// Everything a new component needs.
pub(crate) struct Driver<F: Filesystem> {
    parts: Parts,
    files: F,
    pre: TandemPre<State<F>>,
    /// Kept for as long as the driver runs.
    _ticking: Arc<Ticking>,
}

impl<F: Filesystem> Driver<F> {
    /// # Errors
    /// `component-failed`: it is no component, or not one of this world, or there is no thread for
    /// its watchdog.
    pub(crate) fn new(parts: Parts, files: F) -> Result<Self, Error> {
        let Parts { compiled, .. } = &parts;
        let pre = linker::<F>(&compiled.engine)
            .and_then(|linker| linker.instantiate_pre(&compiled.component))
            .and_then(TandemPre::new)
            .map_err(Error::component_unusable)?;
        let ticking = compiled.tick().map_err(|error| Error::no_thread(&error))?;
        Ok(Driver { parts, files, pre, _ticking: ticking })
    }

    /// Drives components, one after the other, until every handle is gone or the shutdown is done.
    /// What is left is the files.
    pub(crate) fn driving(self, jobs: UnboundedReceiver<Job>) -> Driving {
        Box::pin(async move {
            self.run(jobs).await;
            Box::new(self.files) as Box<dyn Any>
        })
    }

    async fn run(&self, mut jobs: UnboundedReceiver<Job>) {
        let mut registry = Registry::new(self.parts.bounds);
        let mut patience = LINGER;
        loop {
            if registry.is_idle() {
                let Some(job) = jobs.recv().await else { break };
                registry.accept(job);
            }
            if registry.is_shut_down() {
                break;
            }
            if registry.is_idle() {
                // A component is made on demand.
                continue;
            }
            let drive = AssertUnwindSafe(self.drive(&mut jobs, &mut registry)).catch_unwind();
            // A disk or a clock of one's own may have a bug.
            let panicked = |_| Err(wasmtime::Error::msg("the thread of the component panicked"));
            let Err(error) = drive.await.unwrap_or_else(panicked) else { break };
            let cause = Cause::new(error);
            events::component_failed(&cause);
            // Before anybody is told: whoever was told makes calls for the next component.
            let waiting: Vec<Job> = std::iter::from_fn(|| jobs.try_recv().ok()).collect();
            registry.lose(&cause);
            for job in waiting {
                registry.refuse(job, &cause);
            }
            if registry.is_shut_down() {
                break;
            }
            let (waiting, is_settled) = self.settle(&mut jobs).await;
            if is_settled {
                waiting.into_iter().for_each(|job| registry.accept(job));
                continue;
            }
            patience = Duration::ZERO;
            waiting.into_iter().for_each(|job| registry.refuse(job, &cause));
            break;
        }
        // What a component began to write is written when the end is told.
        let _ = tokio::time::timeout(patience, self.files.settled()).await;
        jobs.close();
        while let Ok(job) = jobs.try_recv() {
            registry.accept(job);
        }
        registry.finish();
    }

    /// Waits until nothing of a component that failed can reach the disk: a late rename must not
    /// overwrite a file of the next one. Gives what is asked for meanwhile, and tells whether all has
    /// settled; the end is not kept waiting for longer than [`LINGER`].
    async fn settle(&self, jobs: &mut UnboundedReceiver<Job>) -> (Vec<Job>, bool) {
        let mut waiting = Vec::new();
        let mut settled = pin!(self.files.settled());
        loop {
            tokio::select! {
                biased;
                () = &mut settled => return (waiting, true),
                job = jobs.recv() => {
                    let is_end = job.as_ref().is_none_or(|job| matches!(job, Job::Shutdown { .. }));
                    waiting.extend(job);
                    if is_end {
                        break;
                    }
                }
            }
        }
        let is_settled = tokio::time::timeout(LINGER, settled).await.is_ok();
        (waiting, is_settled)
    }

    /// Makes a component and serves it until it fails or nobody needs it any more.
    async fn drive(
        &self,
        jobs: &mut UnboundedReceiver<Job>,
        registry: &mut Registry,
    ) -> wasmtime::Result<()> {
        let Parts { compiled, clocks, limits, .. } = &self.parts;
        let watchdog = Arc::new(Watchdog::default());
        let mut store = engine::store(&compiled.engine, &self.files, clocks, limits)?;
        watchdog.watch(&mut store, limits);
        let tandem = self.pre.instantiate_async(&mut store).await?;
        events::component_started();
        let limits = self.parts.bounds.limits();
        store
            .run_concurrent(async |accessor| {
                let runs = tandem.tandem_persistence_runs();
                if let Err(error) = runs.call_set_limits(accessor, limits).await? {
                    return Err(wasmtime::Error::msg(error.message));
                }
                let mut serving =
                    pin!(serve(accessor, &tandem, &self.files, jobs, registry, &watchdog));
                poll_fn(|cx| {
                    watchdog.reset();
                    serving.as_mut().poll(cx)
                })
                .await
            })
            .await?
    }
}

async fn serve<F: Filesystem>(
    accessor: &Accessor<State<F>>,
    tandem: &Tandem,
    files: &F,
    jobs: &mut UnboundedReceiver<Job>,
    registry: &mut Registry,
    watchdog: &Watchdog,
) -> wasmtime::Result<()> {
    let mut calls = FuturesUnordered::new();
    let mut has_callers = true;
    loop {
        while let Some(start) = registry.next_start() {
            calls.push(calls::start(accessor, tandem, files, start));
        }
        for resource in registry.take_drops() {
            let dropped = watchdog.without_yield(|| {
                accessor.with(|store| resource.resource_drop_async(store).now_or_never())
            });
            match dropped {
                Some(result) => result?,
                None => return Err(wasmtime::Error::msg("dropping a run did not end at once")),
            }
        }
        if registry.is_shut_down() || (!has_callers && registry.is_idle()) {
            break;
        }
        tokio::select! {
            biased;
            job = jobs.recv(), if has_callers => match job {
                Some(job) => {
                    registry.accept(job);
                    while let Ok(job) = jobs.try_recv() {
                        registry.accept(job);
                    }
                }
                None => has_callers = false,
            },
            Some(done) = calls.next() => match done {
                Done::Opened { run, result } => registry.opened(run, result),
                Done::Ended { ticket, after, effect } => registry.ended(ticket, after, effect),
                Done::TaskCallEnded { slot } => registry.task_call_ended(slot),
                Done::Failed(error) => return Err(error),
            },
        }
    }
    // What runs in the background, such as the end of a flush, is given its time, but a timer of
    // the component is not waited for. Giving up is no error: every run was closed before, and
    // every other call has ended.
    let background = poll_fn(|cx| accessor.poll_no_interesting_tasks(cx));
    let _ = tokio::time::timeout(LINGER, background).await;
    Ok(())
}
