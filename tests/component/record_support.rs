//! What the tests of recording share: summaries, and what recording leaves on the disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tandem_host::testing::Moment;
use tandem_host::{Error, HistoryOptions, RecordOptions, Recorded, TaskHistory};

use crate::either::{Pending, Tandem};
use crate::support::{Bench, Lab};

pub const SUMMARY: &str = "manifest.json";
pub const HISTORY: &str = "runs.json";
/// The lock of the task `task`.
pub const LOCK: &str = "task.lock";

/// Other tests than those of waiting are not to be stopped by a slow machine.
pub const PATIENCE_MS: u64 = 170_000;

/// A run of the task `task`.
pub fn options() -> RecordOptions {
    RecordOptions::new().lock_wait(Duration::from_millis(PATIENCE_MS))
}

/// A time on one day, later for larger numbers.
pub fn at(number: usize) -> String {
    format!("2026-01-06T{:02}:{:02}:{:02}Z", number / 3_600, number / 60 % 60, number % 60)
}

/// A summary of a run of the task `task`.
pub fn summary(run: &str, timestamp: &str) -> String {
    json!({"taskId": "task", "runId": run, "timestamp": timestamp}).to_string()
}

/// Where a run's summary is, relative to the granted directory.
pub fn summary_path(run: &str) -> String {
    format!(".runs/task/{run}/manifest.json")
}

pub const HISTORY_PATH: &str = "out/task/runs.json";
pub const LOCK_PATH: &str = ".runs/task.lock";

pub fn record(tandem: &Tandem, run: &str, timestamp: &str) -> Pending<Recorded> {
    tandem.record_run(summary(run, timestamp), options())
}

impl Bench {
    /// Records a run of the task `task`.
    pub async fn record(&self, run: &str, timestamp: &str) -> Recorded {
        record(&self.tandem, run, timestamp).await.unwrap()
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).expect(path)
    }

    /// Puts a file into a directory that need not exist yet.
    pub fn place(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The runs of the history's file, in its order.
    pub fn recorded(&self) -> Vec<String> {
        recorded_in(&self.path(HISTORY_PATH))
    }

    /// Every file and link below the directory, sorted.
    pub fn files(&self) -> Vec<String> {
        files_in(self.dir.path())
    }

    /// Reads the history of the task `task` through the component.
    pub async fn history(&self) -> Result<TaskHistory, Error> {
        self.tandem.history(HistoryOptions::new("task")).await
    }
}

impl Lab {
    /// Waits until `held` calls of the disk are in flight, and no other came or went for a while.
    pub async fn settle(&self, held: usize) {
        let mut quiet = 0;
        let mut calls = 0;
        while quiet < 20 {
            let events: Vec<_> = self.record.events();
            let of_task: Vec<_> =
                events.iter().filter(|event| !event.call.path.ends_with("nobody")).collect();
            let ended = of_task.iter().filter(|event| event.moment != Moment::Started).count();
            let in_flight = of_task.len() - 2 * ended;
            quiet = if in_flight == held && of_task.len() == calls { quiet + 1 } else { 0 };
            calls = of_task.len();
            self.tandem.history(HistoryOptions::new("nobody")).await.unwrap();
        }
    }
}

/// The runs of a history's file, in its order. The file must be one, and say when its last run was.
pub fn recorded_in(path: &Path) -> Vec<String> {
    let history: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let runs = history["runs"].as_array().unwrap();
    let last = runs.last().map_or(&Value::Null, |run| &run["timestamp"]);
    assert_eq!(history["lastRunAt"], *last, "{history:#}");
    // With as many digits each, the text tells the order.
    let time = |run: &Value| {
        format!("{:0<40}", run["timestamp"].as_str().unwrap().replace(['.', 'Z'], ""))
    };
    assert!(runs.iter().map(time).is_sorted(), "{history:#}");
    runs.iter().map(|run| run["runId"].as_str().unwrap().to_owned()).collect()
}

/// Every file and link below a directory, sorted.
pub fn files_in(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                directories.push(entry.path());
            } else {
                let path = entry.path();
                files.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}
