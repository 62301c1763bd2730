//! One task owns the store and stays in its event loop; callers reach it through a channel.

mod admission;
mod book;
mod budget;
mod calls;
mod coordination;
mod job;
mod lane;
#[cfg(test)]
mod tests;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc::UnboundedReceiver;
use wasmtime::component::Accessor;

pub(crate) use book::{Bounds, over_budget};
pub(crate) use budget::indented_len;
pub(crate) use coordination::Coordination;
pub(crate) use job::{Call, Job, Reply, RunId};

use crate::clock::Clocks;
use crate::engine::{self, Compiled, Limits, Ticking, Watchdog};
use crate::error::Cause;
use crate::glue::bindings::{Tandem, TandemPre};
use crate::glue::linker::{Filesystem, State};
use book::Book;
use calls::Done;

/// How long the end waits for what runs in the background of the component.
const LINGER: Duration = Duration::from_secs(5);

/// Everything a new component needs.
pub(crate) struct Driver<F: Filesystem> {
    pub compiled: Arc<Compiled>,
    pub pre: TandemPre<State<F>>,
    pub files: F,
    pub clocks: Clocks,
    pub limits: Limits,
    pub bounds: Bounds,
    /// Kept for as long as the driver runs.
    pub _ticking: Arc<Ticking>,
}

impl<F: Filesystem> Driver<F> {
    /// Drives components, one after the other, until every handle is gone or the shutdown is done.
    pub(crate) async fn run(self, mut jobs: UnboundedReceiver<Job>) {
        let mut book = Book::new(self.bounds);
        while let Some(job) = jobs.recv().await {
            book.accept(job);
            if book.is_shut_down() {
                break;
            }
            if book.is_idle() {
                // A component is made on demand.
                continue;
            }
            let Err(error) = self.drive(&mut jobs, &mut book).await else { break };
            let cause = Cause::new(error);
            book.lose(&cause);
            while let Ok(job) = jobs.try_recv() {
                book.refuse(job, &cause);
            }
            // A late rename of the old component must not overwrite a file of the next one.
            self.files.settled().await;
            if book.is_shut_down() {
                break;
            }
        }
        jobs.close();
        while let Ok(job) = jobs.try_recv() {
            book.accept(job);
        }
        book.finish();
    }

    /// Makes a component and serves it until it fails or nobody needs it any more.
    async fn drive(
        &self,
        jobs: &mut UnboundedReceiver<Job>,
        book: &mut Book,
    ) -> wasmtime::Result<()> {
        let watchdog = Arc::new(Watchdog::default());
        let engine = &self.compiled.engine;
        let mut store = engine::store(engine, &self.files, &self.clocks, &self.limits)?;
        watchdog.watch(&mut store, &self.limits);
        let tandem = self.pre.instantiate_async(&mut store).await?;
        store
            .run_concurrent(async |accessor| {
                let mut serving = pin!(serve(accessor, &tandem, jobs, book, &watchdog));
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
    jobs: &mut UnboundedReceiver<Job>,
    book: &mut Book,
    watchdog: &Watchdog,
) -> wasmtime::Result<()> {
    let mut calls = FuturesUnordered::new();
    let mut has_callers = true;
    loop {
        while let Some(start) = book.next_start() {
            calls.push(calls::start(accessor, tandem, start));
        }
        for resource in book.take_drops() {
            let dropped = watchdog.without_yield(|| {
                accessor.with(|store| resource.resource_drop_async(store).now_or_never())
            });
            match dropped {
                Some(result) => result?,
                None => return Err(wasmtime::Error::msg("dropping a run did not end at once")),
            }
        }
        if book.is_shut_down() || (!has_callers && book.is_idle()) {
            break;
        }
        tokio::select! {
            biased;
            job = jobs.recv(), if has_callers => match job {
                Some(job) => {
                    book.accept(job);
                    while let Ok(job) = jobs.try_recv() {
                        book.accept(job);
                    }
                }
                None => has_callers = false,
            },
            Some(done) = calls.next() => match done {
                Done::Opened { ticket, run, result } => book.opened(ticket, run, result),
                Done::Ended { ticket, after, effect } => book.ended(ticket, after, effect),
                Done::Coordinated { slot } => book.coordinated(slot),
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
