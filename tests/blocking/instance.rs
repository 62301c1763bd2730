//! One component after the other, in a thread of its own.

use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

use tandem_host::testing::bindings::records::Limits;
use tandem_host::testing::component_failed;
use tandem_host::{
    Error, HistoryOptions, Receipt, RecordOptions, Recorded, Recovery, RemoveOptions, Removed,
    Request, Revised, RunOptions, Stats, TaskHistory,
};
use tandem_simulator::guest::{Called, Exports, Guest, Scheduled};
use tokio::runtime::{self, Runtime};
use wasmtime::Store;
use wasmtime::component::{Linker, ResourceAny};

use super::Job;
use super::engine;
use super::files::Files;

/// A run that one component holds.
#[derive(Clone, Copy)]
pub(super) struct Held {
    /// The component's number: a later one knows nothing of the run.
    generation: u64,
    resource: ResourceAny,
}

/// What can be asked of the component; erases what answers for its files.
pub(super) trait Calls {
    fn open(&mut self, options: RunOptions) -> Result<(Held, Recovery), Error>;
    fn set(&mut self, held: Held, document: String) -> Result<Revised, Error>;
    fn merge(&mut self, held: Held, patch: String) -> Result<Revised, Error>;
    fn mark(&mut self, held: Held, request: Request) -> Result<(), Error>;
    fn schedule(&mut self, held: Held, request: Request) -> Result<Scheduled, Error>;
    fn flush(&mut self, held: Held) -> Result<Receipt, Error>;
    fn close(&mut self, held: Held) -> Result<Receipt, Error>;
    fn stats(&mut self, held: Held) -> Result<Stats, Error>;
    /// Closes the run and forgets it; nobody is left to be told.
    fn drop_run(&mut self, held: Held);
    fn record_run(&mut self, summary: String, options: RecordOptions) -> Result<Recorded, Error>;
    fn record_runs(
        &mut self,
        summaries: Vec<String>,
        options: RecordOptions,
    ) -> Result<Vec<Result<Recorded, Error>>, Error>;
    fn set_limits(&mut self, limits: Limits) -> Result<(), Error>;
    fn remove_runs(&mut self, runs: Vec<String>, options: RemoveOptions) -> Result<Removed, Error>;
    fn history(&mut self, options: HistoryOptions) -> Result<TaskHistory, Error>;
}

/// The component, and what it takes to start it anew.
struct Instance<F: Files> {
    files: F,
    exports: Exports<F::Data>,
    guest: Option<Guest<F::Data>>,
    /// Counts the components that failed.
    generation: u64,
    runtime: Arc<Runtime>,
}

/// Starts the thread.
pub(super) fn start<F: Files>(
    files: F,
    component: Option<Vec<u8>>,
) -> Result<(Sender<Job>, JoinHandle<()>), Error> {
    let component = engine::component(component)?;
    let mut linker = Linker::new(engine::engine());
    let exports = F::link(&mut linker)
        .and_then(|()| linker.instantiate_pre(&component))
        .and_then(Exports::new)
        .map_err(component_failed)?;
    let runtime = runtime::Builder::new_current_thread().enable_time().build();
    let runtime = Arc::new(runtime.expect("a runtime"));
    let mut instance = Instance { files, exports, guest: None, generation: 0, runtime };
    let (jobs, received) = mpsc::channel::<Job>();
    // A caller may be in a runtime, which cannot be blocked by another one.
    let thread = std::thread::spawn(move || {
        for job in received {
            job(&mut instance);
        }
    });
    Ok((jobs, thread))
}

impl<F: Files> Instance<F> {
    async fn start(&self) -> wasmtime::Result<Guest<F::Data>> {
        let mut store = Store::new(engine::engine(), self.files.grant()?);
        // Nothing moves the epoch.
        store.set_epoch_deadline(1);
        Guest::start(self.exports.clone(), store).await
    }

    /// Makes a call. A trap ends the component, and is told when what it began is over.
    fn call<T>(
        &mut self,
        call: impl AsyncFnOnce(&mut Guest<F::Data>) -> Called<T>,
    ) -> Result<T, Error> {
        let runtime = self.runtime.clone();
        runtime.block_on(async {
            let mut guest = match self.guest.take() {
                Some(guest) => guest,
                None => self.start().await.map_err(component_failed)?,
            };
            match call(&mut guest).await {
                Ok(result) => {
                    self.guest = Some(guest);
                    result
                }
                Err(trap) => {
                    self.generation += 1;
                    F::settled(guest.into_store().data_mut()).await;
                    Err(component_failed(trap))
                }
            }
        })
    }

    fn call_run<T>(
        &mut self,
        held: Held,
        call: impl AsyncFnOnce(&mut Guest<F::Data>, ResourceAny) -> Called<T>,
    ) -> Result<T, Error> {
        if held.generation != self.generation {
            let sentence = "the component that held the run failed: open the run again";
            return Err(component_failed(wasmtime::Error::msg(sentence)));
        }
        self.call(async |guest| call(guest, held.resource).await)
    }
}

impl<F: Files> Calls for Instance<F> {
    fn open(&mut self, options: RunOptions) -> Result<(Held, Recovery), Error> {
        let (resource, recovery) = self.call(async |guest| guest.open(options).await)?;
        Ok((Held { generation: self.generation, resource }, recovery))
    }

    fn set(&mut self, held: Held, document: String) -> Result<Revised, Error> {
        self.call_run(held, async |guest, run| guest.set(run, document).await)
    }

    fn merge(&mut self, held: Held, patch: String) -> Result<Revised, Error> {
        self.call_run(held, async |guest, run| guest.merge(run, patch).await)
    }

    fn mark(&mut self, held: Held, request: Request) -> Result<(), Error> {
        self.call_run(held, async |guest, run| guest.mark(run, request).await)
    }

    fn schedule(&mut self, held: Held, request: Request) -> Result<Scheduled, Error> {
        self.call_run(held, async |guest, run| guest.schedule(run, request).await)
    }

    fn flush(&mut self, held: Held) -> Result<Receipt, Error> {
        self.call_run(held, async |guest, run| guest.flush(run).await)
    }

    fn close(&mut self, held: Held) -> Result<Receipt, Error> {
        self.call_run(held, async |guest, run| guest.close(run).await)
    }

    fn stats(&mut self, held: Held) -> Result<Stats, Error> {
        self.call_run(held, async |guest, run| Ok(Ok(guest.stats(run).await?)))
    }

    fn drop_run(&mut self, held: Held) {
        // It may be closed, or be gone with its component.
        let _ = self.close(held);
        let _ = self.call_run(held, async |guest, run| Ok(Ok(guest.drop_run(run).await?)));
    }

    fn record_run(&mut self, summary: String, options: RecordOptions) -> Result<Recorded, Error> {
        self.call(async |guest| guest.record_run(summary, options).await)
    }

    fn record_runs(
        &mut self,
        summaries: Vec<String>,
        options: RecordOptions,
    ) -> Result<Vec<Result<Recorded, Error>>, Error> {
        self.call(async |guest| guest.record_runs(summaries, options).await.map(Ok))
    }

    fn set_limits(&mut self, limits: Limits) -> Result<(), Error> {
        self.call(async |guest| guest.set_limits(limits).await)
    }

    fn remove_runs(&mut self, runs: Vec<String>, options: RemoveOptions) -> Result<Removed, Error> {
        self.call(async |guest| guest.remove_runs(runs, options).await)
    }

    fn history(&mut self, options: HistoryOptions) -> Result<TaskHistory, Error> {
        self.call(async |guest| guest.history(options).await)
    }
}
