//! The world `tandem`: asynchronous exports, on WASI 0.3.

use super::{Store, channels};
use crate::bindings::exports::tandem::persistence::{histories, runs};
use crate::histories::settings::{HistorySettings, RecordSettings, RemoveSettings};
use crate::records::{
    Error, HistoryOptions, Limits, Receipt, RecordOptions, Recorded, Recovery, RemoveOptions,
    Removed, Request, Revised, RunOptions, Stats, TaskHistory,
};
use crate::runs::Run as Core;
use crate::runs::settings::RunSettings;
use crate::wasi::Wasi;

struct Component;

crate::bindings::export!(Component with_types_in crate::bindings);

/// The resource `run`.
struct RunResource(Core<Wasi>);

impl histories::Guest for Component {
    async fn record_run(summary: String, options: RecordOptions) -> Result<Recorded, Error> {
        let Store { limits, histories, .. } = Store::get();
        let settings = RecordSettings::new(options, &limits)?;
        let checked = histories.check(&summary, &settings)?;
        // The wait for a lock may be long, and what was checked has a text of its own.
        drop(summary);
        Ok(histories.record(checked, settings).await?)
    }

    async fn remove_runs(runs: Vec<String>, options: RemoveOptions) -> Result<Removed, Error> {
        let Store { limits, histories, registry, .. } = Store::get();
        let settings = RemoveSettings::new(options, &limits)?;
        Ok(histories.remove_runs(&registry, runs, settings).await?)
    }

    async fn history(options: HistoryOptions) -> Result<TaskHistory, Error> {
        let Store { limits, histories, .. } = Store::get();
        Ok(histories.history(HistorySettings::new(options, &limits)?).await?)
    }
}

impl runs::Guest for Component {
    type Run = RunResource;

    fn set_limits(limits: Limits) -> Result<(), Error> {
        Ok(Store::set_limits(limits)?)
    }
}

impl runs::GuestRun for RunResource {
    async fn open(options: RunOptions) -> Result<(runs::Run, Recovery), Error> {
        let Store { limits, storage, registry, documents, .. } = Store::get();
        let settings = RunSettings::new(options, &limits)?;
        let (run, recovery) = Core::open(storage, &registry, &documents, settings).await?;
        Ok((runs::Run::new(RunResource(run)), recovery))
    }

    fn set(&self, document: String) -> Result<Revised, Error> {
        #[cfg(feature = "provoke-trap")]
        super::provoke_trap(&document);
        Ok(self.0.set(&document)?)
    }

    fn merge(&self, patch: String) -> Result<Revised, Error> {
        Ok(self.0.merge(&patch)?)
    }

    async fn mark(&self, request: Request) -> Result<(), Error> {
        Ok(self.0.mark(channels(request), request.force)?)
    }

    async fn schedule(&self, request: Request) -> Result<Receipt, Error> {
        Ok(self.0.schedule(channels(request), request.force).await?)
    }

    async fn flush(&self) -> Result<Receipt, Error> {
        Ok(self.0.flush().await?)
    }

    async fn close(&self) -> Result<Receipt, Error> {
        Ok(self.0.close().await?)
    }

    fn stats(&self) -> Stats {
        self.0.stats()
    }
}
