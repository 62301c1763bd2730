//! The rules of recorded runs, on a disk in memory with virtual time.

mod history;
mod lock;
mod now;
mod outcome;
mod process;
mod property;
mod remove;
mod stall;
mod summary;
mod together;

use std::cell::Cell;
use std::rc::Rc;

use serde_json::Value;

use super::settings::NO_OPTIONS;
use super::*;
use crate::limits::Limits;
use crate::records::RecordOptions;
use crate::storage::memory::Memory;
use process::Process;

const SUMMARY_FILE: &str = ".runs/task/r1/manifest.json";
const HISTORY_FILE: &str = "out/task/runs.json";
const LOCK_FILE: &str = ".runs/task.lock";
const IO: Code = Code("io");

/// Where the outcome of a call will be.
type Call = Rc<Cell<Option<Result<Recorded, Error>>>>;

/// A disk and one component on it.
struct Place {
    disk: Rc<Memory>,
    histories: Rc<Histories<Memory>>,
}

impl Place {
    fn new() -> Self {
        let disk = Memory::new();
        Place { histories: Rc::new(Histories::new(disk.clone(), Documents::new(u64::MAX))), disk }
    }

    /// Another component on the same disk.
    fn other(&self) -> Self {
        let histories = Rc::new(Histories::new(self.disk.clone(), Documents::new(u64::MAX)));
        Place { disk: self.disk.clone(), histories }
    }

    fn start(&self, summary: &str, options: RecordSettings) -> Call {
        let (histories, summary) = (self.histories.clone(), summary.to_owned());
        self.disk.start(async move { histories.record_run(&summary, options).await })
    }

    fn record(&self, summary: &str) -> Result<Recorded, Error> {
        self.record_with(summary, options())
    }

    fn record_with(&self, summary: &str, options: RecordSettings) -> Result<Recorded, Error> {
        let call = self.start(summary, options);
        self.disk.settle();
        call.take().expect("the call waits for something that does not come")
    }

    fn history(&self, limit: Option<u32>) -> Result<TaskHistory, Error> {
        let histories = self.histories.clone();
        let options = HistorySettings { limit, ..HistorySettings::with_defaults("task") };
        self.disk.run(async move { histories.history(options).await })
    }

    /// The ids in the history's file, in its order.
    fn runs(&self) -> Vec<String> {
        runs(&self.disk)
    }
}

fn runs(disk: &Memory) -> Vec<String> {
    let Some(text) = disk.file(HISTORY_FILE) else { return Vec::new() };
    let history: Value = serde_json::from_str(&text).expect("a history");
    let runs = history["runs"].as_array().expect("runs").iter();
    runs.map(|run| run["runId"].as_str().unwrap_or("-").to_owned()).collect()
}

/// The settings of options that keep the rules.
fn settings_of(given: RecordOptions) -> RecordSettings {
    RecordSettings::new(given, &Limits::default()).expect("they keep the rules")
}

fn options() -> RecordSettings {
    RecordSettings::default()
}

/// The summary of the run `r<n>`, completed in second `n` of a day.
fn summary(n: u32) -> String {
    let (hour, minute, second) = (n / 3600, n / 60 % 60, n % 60);
    format!(
        r#"{{"taskId":"task","runId":"r{n}","timestamp":"2026-01-06T{hour:02}:{minute:02}:{second:02}Z"}}"#
    )
}

fn failure(channel: Channel, operation: Operation, path: &str, code: Code) -> Failure {
    Failure { channel: Some(channel), operation, path: path.to_owned(), code }
}
