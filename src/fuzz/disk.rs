//! A disk in memory, and what the targets do with it.

use std::cell::Cell;
use std::rc::Rc;

use crate::error::Error;
use crate::histories::settings::{HistorySettings, RecordSettings};
use crate::histories::{Histories, Recorded, TaskHistory};
use crate::limits::Documents;
use crate::runs::settings::RunSettings;
use crate::runs::{Recovery, Registry, Run};
use crate::storage::memory::Memory;

pub const RUN_DIR: &str = ".runs/task/cli/run";
pub const MANIFEST_FILE: &str = ".runs/task/cli/run/manifest.json";
pub const HEARTBEAT_FILE: &str = ".runs/task/cli/run/.heartbeat";
pub const HISTORY_FILE: &str = "out/task/runs.json";
pub const LEGACY_FILE: &str = "out/task/state.json";
pub const LOCK_FILE: &str = ".runs/task.lock";

/// All files with their bytes.
pub fn files(disk: &Rc<Memory>) -> Vec<(String, Vec<u8>)> {
    let paths = disk.paths().into_iter();
    paths.filter_map(|path| disk.bytes(&path).map(|bytes| (path, bytes))).collect()
}

/// Whether a path is one under which `target` is set aside.
pub fn is_aside(path: &str, target: &str) -> bool {
    path.strip_prefix(target)
        .and_then(|rest| rest.strip_prefix(".corrupt-"))
        .is_some_and(|random| random.len() == 16 && random.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The run `run` of the task `task`, its documents at most `max_document_bytes` large.
pub fn options(max_document_bytes: u64) -> RunSettings {
    RunSettings { max_document_bytes, ..RunSettings::with_defaults("task", "run") }
}

/// Opens a run.
pub fn open(
    disk: &Rc<Memory>,
    registry: &Registry,
    options: RunSettings,
) -> Result<(Rc<Run<Memory>>, Recovery), Error> {
    let (storage, registry) = (disk.clone(), registry.clone());
    let opened = disk.run(async move {
        let documents = Documents::new(u64::MAX);
        Run::open(storage, &registry, &documents, options).await
    });
    opened.map(|(run, recovery)| (Rc::new(run), recovery))
}

/// Writes what is dirty.
pub fn flush(disk: &Rc<Memory>, run: &Rc<Run<Memory>>) {
    let run = run.clone();
    disk.run(async move { run.flush().await }).expect("flushed");
}

/// Closes a run that is clean or can be written.
pub fn close(disk: &Rc<Memory>, run: Rc<Run<Memory>>) {
    disk.run(async move { run.close().await }).expect("closed");
}

/// Whether the manifest is dirty.
pub fn is_dirty(run: &Run<Memory>) -> bool {
    run.stats().manifest.dirty
}

/// Where the outcome of a call will be.
type Call = Rc<Cell<Option<Result<Recorded, Error>>>>;

/// A component that records runs of the task `task`.
pub struct Recorder {
    pub disk: Rc<Memory>,
    histories: Rc<Histories<Memory>>,
}

impl Recorder {
    pub fn on(disk: &Rc<Memory>) -> Self {
        Recorder {
            disk: disk.clone(),
            histories: Rc::new(Histories::new(disk.clone(), Documents::new(u64::MAX))),
        }
    }

    /// Records a run without a wait for the lock.
    pub fn record(&self, summary: &str) -> Result<Recorded, Error> {
        self.record_with(summary, RecordSettings::default())
    }

    pub fn record_with(&self, summary: &str, options: RecordSettings) -> Result<Recorded, Error> {
        let call = self.start_with(summary, options);
        self.disk.settle();
        call.take().expect("an outcome without a wait")
    }

    /// Starts to record a run, without a wait for the lock.
    pub fn start(&self, summary: &str) -> Call {
        self.start_with(summary, RecordSettings::default())
    }

    fn start_with(&self, summary: &str, options: RecordSettings) -> Call {
        let options = RecordSettings { lock_wait_ms: 0, ..options };
        let (histories, summary) = (self.histories.clone(), summary.to_owned());
        self.disk.start(async move { histories.record_run(&summary, options).await })
    }

    pub fn history(&self) -> Result<TaskHistory, Error> {
        let histories = self.histories.clone();
        self.disk
            .run(async move { histories.history(HistorySettings::with_defaults("task")).await })
    }
}

/// The summary of a run that was completed in a second of a day.
pub fn summary(run_id: &str, second: u32) -> String {
    format!(r#"{{"taskId":"task","runId":"{run_id}","timestamp":"2026-01-06T00:00:{second:02}Z"}}"#)
}
