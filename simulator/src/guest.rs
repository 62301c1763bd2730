//! Tandem's component for WASI 0.2, called by hand: one call after the other, each of them an export.

use std::fmt;

use wasmtime::Store;
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, ComponentType, Instance, InstancePre, Lift, Lower,
    ResourceAny,
};

// Both components have exports of these shapes, and wasmtime compares nothing but shapes.
use tandem_host::testing::bindings::{coordinator, persister, tandem_types};
use tandem_host::{Error, History, Receipt, Recorded, Recovery, Stats};
use tandem_host::{HistoryOptions, RecordOptions, Request, RunOptions};

/// What keeps runs.
pub(crate) const PERSISTER: &str = "tandem:persistence-sync/persister@0.1.0";

/// What records runs.
const COORDINATOR: &str = "tandem:persistence-sync/coordinator@0.1.0";

/// What components are made of, and where their exports are.
pub struct Exports<T: 'static> {
    pre: InstancePre<T>,
    open: ComponentExportIndex,
    set: ComponentExportIndex,
    merge: ComponentExportIndex,
    schedule: ComponentExportIndex,
    flush: ComponentExportIndex,
    close: ComponentExportIndex,
    stats: ComponentExportIndex,
    record_run: ComponentExportIndex,
    history: ComponentExportIndex,
}

/// A running component, and its store.
pub struct Guest<T: 'static> {
    exports: Exports<T>,
    instance: Instance,
    store: Store<T>,
}

/// What a [`schedule`](Guest::schedule) did.
#[derive(Clone, Copy, Debug)]
pub struct Scheduled {
    /// What this call wrote.
    pub receipt: Receipt,
    /// Set if something that was asked for is still unwritten: in how many milliseconds another call
    /// may write it.
    pub call_again_in_ms: Option<u64>,
}

/// What a call came to: a trap outside, the component's own error inside.
pub type Called<T> = wasmtime::Result<Result<T, Error>>;

impl<T> Exports<T> {
    /// Looks them up.
    ///
    /// # Errors
    /// The component lacks one of them.
    pub fn new(pre: InstancePre<T>) -> wasmtime::Result<Self> {
        let find = |interface: &str, name: &str| {
            let component = pre.component();
            component
                .get_export_index(None, interface)
                .and_then(|interface| component.get_export_index(Some(&interface), name))
                .ok_or_else(|| wasmtime::Error::msg(format!("it has no {name} of {interface}")))
        };
        Ok(Exports {
            open: find(PERSISTER, "[static]run.open")?,
            set: find(PERSISTER, "[method]run.set-manifest")?,
            merge: find(PERSISTER, "[method]run.merge-manifest")?,
            schedule: find(PERSISTER, "[method]run.schedule")?,
            flush: find(PERSISTER, "[method]run.flush")?,
            close: find(PERSISTER, "[method]run.close")?,
            stats: find(PERSISTER, "[method]run.stats")?,
            record_run: find(COORDINATOR, "record-run")?,
            history: find(COORDINATOR, "history")?,
            pre,
        })
    }
}

impl<T: Send> Guest<T> {
    /// Starts a component in this store.
    ///
    /// # Errors
    /// It traps, or takes more than the store may give.
    pub async fn start(exports: Exports<T>, mut store: Store<T>) -> wasmtime::Result<Self> {
        let instance = exports.pre.instantiate_async(&mut store).await?;
        Ok(Guest { exports, instance, store })
    }

    /// The store, without the component.
    pub fn into_store(self) -> Store<T> {
        self.store
    }

    /// Opens a run.
    ///
    /// # Errors
    /// Outside: a trap. So it is with every call.
    pub async fn open(&mut self, options: RunOptions) -> Called<(ResourceAny, Recovery)> {
        let params = (persister::Options::from(options),);
        let opened: Answer<(ResourceAny, persister::Recovery)> =
            self.call(self.exports.open, params).await?;
        Ok(opened.map(|(run, recovery)| (run, recovery.into())).map_err(Into::into))
    }

    /// Replaces a run's document.
    ///
    /// # Errors
    /// As [`open`](Guest::open).
    pub async fn set(&mut self, run: ResourceAny, document: String) -> Called<()> {
        let set: Answer<()> = self.call(self.exports.set, (run, document)).await?;
        Ok(set.map_err(Into::into))
    }

    /// Changes a run's document by a merge patch.
    ///
    /// # Errors
    /// As [`open`](Guest::open).
    pub async fn merge(&mut self, run: ResourceAny, patch: String) -> Called<()> {
        let merged: Answer<()> = self.call(self.exports.merge, (run, patch)).await?;
        Ok(merged.map_err(Into::into))
    }

    /// Writes what may be written now, and tells when to call again for the rest.
    ///
    /// # Errors
    /// As [`open`](Guest::open).
    pub async fn schedule(&mut self, run: ResourceAny, request: Request) -> Called<Scheduled> {
        /// The record of the WIT, which the other component has not.
        #[derive(ComponentType, Lift)]
        #[component(record)]
        struct Record {
            receipt: tandem_types::Receipt,
            #[component(name = "call-again-in-ms")]
            call_again_in_ms: Option<u64>,
        }

        let params = (run, persister::Request::from(request));
        let scheduled: Answer<Record> = self.call(self.exports.schedule, params).await?;
        let told = |Record { receipt, call_again_in_ms }| Scheduled {
            receipt: Receipt::from(receipt),
            call_again_in_ms,
        };
        Ok(scheduled.map(told).map_err(Into::into))
    }

    /// Writes everything that is dirty.
    ///
    /// # Errors
    /// As [`open`](Guest::open).
    pub async fn flush(&mut self, run: ResourceAny) -> Called<Receipt> {
        let flushed: Answer<tandem_types::Receipt> = self.call(self.exports.flush, (run,)).await?;
        Ok(flushed.map(Into::into).map_err(Into::into))
    }

    /// Flushes and closes a run.
    ///
    /// # Errors
    /// As [`open`](Guest::open).
    pub async fn close(&mut self, run: ResourceAny) -> Called<Receipt> {
        let closed: Answer<tandem_types::Receipt> = self.call(self.exports.close, (run,)).await?;
        Ok(closed.map(Into::into).map_err(Into::into))
    }

    /// Reads a run's counters.
    ///
    /// # Errors
    /// A trap.
    pub async fn stats(&mut self, run: ResourceAny) -> wasmtime::Result<Stats> {
        let stats: persister::Stats = self.call(self.exports.stats, (run,)).await?;
        Ok(stats.into())
    }

    /// Drops the resource of a run.
    ///
    /// # Errors
    /// A trap.
    pub async fn drop_run(&mut self, run: ResourceAny) -> wasmtime::Result<()> {
        run.resource_drop_async(&mut self.store).await
    }

    /// Records a completed run.
    ///
    /// # Errors
    /// As [`open`](Guest::open).
    pub async fn record_run(
        &mut self,
        summary: String,
        options: RecordOptions,
    ) -> Called<Recorded> {
        let params = (summary, coordinator::RecordOptions::from(options));
        let recorded: Answer<coordinator::Recorded> =
            self.call(self.exports.record_run, params).await?;
        Ok(recorded.map(Into::into).map_err(Into::into))
    }

    /// Reads the history of a task.
    ///
    /// # Errors
    /// As [`open`](Guest::open).
    pub async fn history(&mut self, options: HistoryOptions) -> Called<History> {
        let params = (coordinator::HistoryOptions::from(options),);
        let history: Answer<coordinator::TaskHistory> =
            self.call(self.exports.history, params).await?;
        Ok(history.map(Into::into).map_err(Into::into))
    }

    async fn call<P, R>(&mut self, export: ComponentExportIndex, params: P) -> wasmtime::Result<R>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: Lift + Send + Sync + 'static,
    {
        let export = self.instance.get_typed_func::<P, (R,)>(&mut self.store, export)?;
        let (result,) = export.call_async(&mut self.store, params).await?;
        Ok(result)
    }
}

/// What an export answers.
type Answer<T> = Result<T, tandem_types::Error>;

impl<T> Clone for Exports<T> {
    fn clone(&self) -> Self {
        Exports { pre: self.pre.clone(), ..*self }
    }
}

impl<T> fmt::Debug for Exports<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exports").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Guest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest").finish_non_exhaustive()
    }
}
