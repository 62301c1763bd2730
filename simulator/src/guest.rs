//! Tandem's component for WASI 0.2, called by hand: one call after the other, each of them an export.

use std::fmt;

use wasmtime::Store;
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Lower, ResourceAny,
};

// Both components have exports of these shapes, and wasmtime compares nothing but shapes.
use tandem_host::testing::bindings::records;
use tandem_host::{
    Error, HistoryOptions, Receipt, RecordOptions, Recorded, Recovery, RemoveOptions, Removed,
    Request, Revised, RunOptions, Stats, TaskHistory,
};

/// What keeps runs.
pub(crate) const RUNS: &str = "tandem:persistence-blocking/runs@0.1.0";

/// What records runs.
const HISTORIES: &str = "tandem:persistence-blocking/histories@0.1.0";

/// What components are made of, and where their exports are.
pub struct Exports<T: 'static> {
    pre: InstancePre<T>,
    open: ComponentExportIndex,
    set: ComponentExportIndex,
    merge: ComponentExportIndex,
    set_limits: ComponentExportIndex,
    mark: ComponentExportIndex,
    schedule: ComponentExportIndex,
    flush: ComponentExportIndex,
    close: ComponentExportIndex,
    stats: ComponentExportIndex,
    record_run: ComponentExportIndex,
    record_runs: ComponentExportIndex,
    remove_runs: ComponentExportIndex,
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
            open: find(RUNS, "[static]run.open")?,
            set: find(RUNS, "[method]run.set")?,
            merge: find(RUNS, "[method]run.merge")?,
            set_limits: find(RUNS, "set-limits")?,
            mark: find(RUNS, "[method]run.mark")?,
            schedule: find(RUNS, "[method]run.schedule")?,
            flush: find(RUNS, "[method]run.flush")?,
            close: find(RUNS, "[method]run.close")?,
            stats: find(RUNS, "[method]run.stats")?,
            record_run: find(HISTORIES, "record-run")?,
            record_runs: find(HISTORIES, "record-runs")?,
            remove_runs: find(HISTORIES, "remove-runs")?,
            history: find(HISTORIES, "history")?,
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

    /// Tells what the component may keep in memory.
    ///
    /// # Errors
    /// As [`open`](Guest::open).
    pub async fn set_limits(&mut self, limits: records::Limits) -> Called<()> {
        let set: ExportAnswer<()> = self.call(self.exports.set_limits, (limits,)).await?;
        Ok(set.map_err(Into::into))
    }

    /// Opens a run.
    ///
    /// # Errors
    /// Outside: a trap. So it is with every call.
    pub async fn open(&mut self, options: RunOptions) -> Called<(ResourceAny, Recovery)> {
        let params = (records::RunOptions::from(options),);
        let opened: ExportAnswer<(ResourceAny, records::Recovery)> =
            self.call(self.exports.open, params).await?;
        Ok(opened.map(|(run, recovery)| (run, recovery.into())).map_err(Into::into))
    }

    /// Replaces a run's document.
    ///
    /// # Errors
    /// As [`open`](Guest::open).
    pub async fn set(&mut self, run: ResourceAny, document: String) -> Called<Revised> {
        let set: ExportAnswer<records::Revised> =
            self.call(self.exports.set, (run, document)).await?;
        Ok(set.map(Into::into).map_err(Into::into))
    }

    /// Changes a run's document by a merge patch.
    ///
    /// # Errors
    /// As [`open`](Guest::open).
    pub async fn merge(&mut self, run: ResourceAny, patch: String) -> Called<Revised> {
        let merged: ExportAnswer<records::Revised> =
            self.call(self.exports.merge, (run, patch)).await?;
        Ok(merged.map(Into::into).map_err(Into::into))
    }

    /// Asks for what a later call is to write.
    ///
    /// # Errors
    /// As [`open`](Guest::open).
    pub async fn mark(&mut self, run: ResourceAny, request: Request) -> Called<()> {
        let params = (run, records::Request::from(request));
        let marked: ExportAnswer<()> = self.call(self.exports.mark, params).await?;
        Ok(marked.map_err(Into::into))
    }

    /// Writes what may be written now, and tells when to call again for the rest.
    ///
    /// # Errors
    /// As [`open`](Guest::open).
    pub async fn schedule(&mut self, run: ResourceAny, request: Request) -> Called<Scheduled> {
        let params = (run, records::Request::from(request));
        let scheduled: ExportAnswer<records::Scheduled> =
            self.call(self.exports.schedule, params).await?;
        let told = |records::Scheduled { receipt, call_again_in_ms }| Scheduled {
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
        let flushed: ExportAnswer<records::Receipt> = self.call(self.exports.flush, (run,)).await?;
        Ok(flushed.map(Into::into).map_err(Into::into))
    }

    /// Flushes and closes a run.
    ///
    /// # Errors
    /// As [`open`](Guest::open).
    pub async fn close(&mut self, run: ResourceAny) -> Called<Receipt> {
        let closed: ExportAnswer<records::Receipt> = self.call(self.exports.close, (run,)).await?;
        Ok(closed.map(Into::into).map_err(Into::into))
    }

    /// Reads a run's counters.
    ///
    /// # Errors
    /// A trap.
    pub async fn stats(&mut self, run: ResourceAny) -> wasmtime::Result<Stats> {
        let stats: records::Stats = self.call(self.exports.stats, (run,)).await?;
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
        let params = (summary, records::RecordOptions::from(options));
        let recorded: ExportAnswer<records::Recorded> =
            self.call(self.exports.record_run, params).await?;
        Ok(recorded.map(Into::into).map_err(Into::into))
    }

    /// Records several completed runs at once.
    ///
    /// # Errors
    /// A trap.
    pub async fn record_runs(
        &mut self,
        summaries: Vec<String>,
        options: RecordOptions,
    ) -> wasmtime::Result<Vec<Result<Recorded, Error>>> {
        let params = (summaries, records::RecordOptions::from(options));
        let answers: Vec<ExportAnswer<records::Recorded>> =
            self.call(self.exports.record_runs, params).await?;
        Ok(answers.into_iter().map(|answer| Ok(answer?.into())).collect())
    }

    /// Removes runs of a task.
    ///
    /// # Errors
    /// As [`open`](Guest::open).
    pub async fn remove_runs(
        &mut self,
        runs: Vec<String>,
        options: RemoveOptions,
    ) -> Called<Removed> {
        let params = (runs, records::RemoveOptions::from(options));
        let removed: ExportAnswer<records::Removed> =
            self.call(self.exports.remove_runs, params).await?;
        Ok(removed.map(Into::into).map_err(Into::into))
    }

    /// Reads the history of a task.
    ///
    /// # Errors
    /// As [`open`](Guest::open).
    pub async fn history(&mut self, options: HistoryOptions) -> Called<TaskHistory> {
        let params = (records::HistoryOptions::from(options),);
        let history: ExportAnswer<records::TaskHistory> =
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
type ExportAnswer<T> = Result<T, records::Error>;

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
