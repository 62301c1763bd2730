//! The world `tandem-blocking`: exports that block until they are done, on WASI 0.2.

use futures::future::join_all;

use super::{Store, channels};
use crate::bindings::exports::tandem::persistence_blocking::{histories, runs};
use crate::error::Error as Failed;
use crate::histories::settings::{HistorySettings, RecordSettings, RemoveSettings};
use crate::histories::{Histories, Summary};
use crate::records::{
    Error, HistoryOptions, Limits, Receipt, RecordOptions, Recorded, Recovery, RemoveOptions,
    Removed, Request, Revised, RunOptions, Scheduled, Stats, TaskHistory,
};
use crate::runs::Run as Core;
use crate::runs::schedule::RunChannels;
use crate::runs::settings::RunSettings;
use crate::wasi::{Wasi, block_on};

struct Component;

crate::bindings::export!(Component with_types_in crate::bindings);

/// The resource `run`.
struct RunResource(Core<Wasi>);

/// The most runs that are recorded side by side: each takes memory, and two descriptors.
const BATCH_MAX: usize = 64;

/// Records runs, as many side by side as may be.
struct Batch<'a> {
    histories: &'a Histories<Wasi>,
    settings: RecordSettings,
    /// Those of the batch that is being gathered.
    checked: Vec<Result<Summary, Failed>>,
    outcomes: Vec<Result<Recorded, Error>>,
}

impl<'a> Batch<'a> {
    fn new(histories: &'a Histories<Wasi>, settings: RecordSettings) -> Self {
        Batch { histories, settings, checked: Vec::new(), outcomes: Vec::new() }
    }

    fn add(&mut self, text: &str) {
        if self.checked.len() == BATCH_MAX {
            self.write();
        }
        let mut checked = self.histories.check(text, &self.settings);
        let is_too_large = matches!(checked, Err(Failed::TooLarge { .. }));
        if is_too_large && self.checked.iter().any(Result::is_ok) {
            // Those of the batch may have taken the memory.
            self.write();
            checked = self.histories.check(text, &self.settings);
        }
        self.checked.push(checked);
    }

    fn write(&mut self) {
        let calls = self
            .checked
            .drain(..)
            .map(async |checked| self.histories.record(checked?, self.settings.clone()).await);
        let outcomes = block_on(join_all(calls));
        self.outcomes.extend(outcomes.into_iter().map(|outcome| outcome.map_err(Error::from)));
    }

    fn end(mut self) -> Vec<Result<Recorded, Error>> {
        self.write();
        self.outcomes
    }
}

impl histories::Guest for Component {
    fn record_run(summary: String, options: RecordOptions) -> Result<Recorded, Error> {
        let Store { limits, histories, .. } = Store::get();
        let settings = RecordSettings::new(options, &limits)?;
        Ok(block_on(histories.record_run(&summary, settings))?)
    }

    fn record_runs(summaries: Vec<String>, options: RecordOptions) -> Vec<Result<Recorded, Error>> {
        let Store { limits, histories, .. } = Store::get();
        let settings = match RecordSettings::new(options, &limits) {
            Ok(settings) => settings,
            Err(error) => return vec![Err(error.into()); summaries.len()],
        };
        let mut batch = Batch::new(&histories, settings);
        for text in summaries {
            batch.add(&text);
        }
        batch.end()
    }

    fn remove_runs(runs: Vec<String>, options: RemoveOptions) -> Result<Removed, Error> {
        let Store { limits, histories, registry, .. } = Store::get();
        let settings = RemoveSettings::new(options, &limits)?;
        Ok(block_on(histories.remove_runs(&registry, runs, settings))?)
    }

    fn history(options: HistoryOptions) -> Result<TaskHistory, Error> {
        let Store { limits, histories, .. } = Store::get();
        Ok(block_on(histories.history(HistorySettings::new(options, &limits)?))?)
    }
}

impl runs::Guest for Component {
    type Run = RunResource;

    fn set_limits(limits: Limits) -> Result<(), Error> {
        Ok(Store::set_limits(limits)?)
    }
}

impl runs::GuestRun for RunResource {
    fn open(options: RunOptions) -> Result<(runs::Run, Recovery), Error> {
        let Store { limits, storage, registry, documents, .. } = Store::get();
        let settings = RunSettings::new(options, &limits)?;
        let (run, recovery) = block_on(Core::open(storage, &registry, &documents, settings))?;
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

    fn mark(&self, request: Request) -> Result<(), Error> {
        Ok(self.0.mark(channels(request), request.force)?)
    }

    fn schedule(&self, request: Request) -> Result<Scheduled, Error> {
        Ok(block_on(self.0.schedule_now(channels(request), request.force))?)
    }

    fn flush(&self) -> Result<Receipt, Error> {
        Ok(block_on(self.0.schedule_now(RunChannels::NONE, true))?.receipt)
    }

    fn close(&self) -> Result<Receipt, Error> {
        Ok(block_on(self.0.close())?)
    }

    fn stats(&self) -> Stats {
        self.0.stats()
    }
}
