//! What calls report.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::error::Error;
use crate::json::Json;
use crate::options::RunOptions;

/// What a successful write did reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reached {
    /// The file is replaced atomically.
    Visible,
    /// The data is synced and the file is replaced, but the file system cannot sync directories.
    DataSynced,
    /// The data is synced, the file is replaced, and the directory is synced.
    Durable,
}

/// How one file was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Written {
    /// What the write reached.
    pub reached: Reached,
    /// The size of the file.
    pub bytes: u64,
}

/// What was flushed for a request, without an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Receipt {
    /// Set if the manifest was written.
    pub manifest: Option<Written>,
    /// Set if the heartbeat was written.
    pub heartbeat: Option<Written>,
}

/// What recording a completed run did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Recorded {
    /// The summary, `<runs-root>/<task>/<run>/<summary-name>`.
    pub summary: Written,
    /// The history, `<history-root>/<task>/<history-name>`.
    pub history: Written,
    /// How many entries the history has now.
    pub runs: u32,
    /// Whether `keep_last` dropped the run itself: it is older than those that were kept.
    #[serde(rename = "dropped")]
    pub is_dropped: bool,
    /// The paths to which corrupt files were moved.
    pub set_aside: Vec<String>,
    /// How many abandoned temporary files were removed.
    pub swept: u32,
}

/// The history of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct History {
    /// The timestamp of the newest run; empty if there is none.
    pub last_run_at: String,
    /// How many entries there are, above the limit too.
    pub total: u32,
    /// The JSON text of each entry, newest first.
    pub runs: Vec<Json>,
}

/// What opening a run found on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Recovery {
    /// The run's directory, relative to the granted directory.
    pub directory: String,
    /// The text of the manifest, if there was a readable one. It is the run's current document.
    pub document: Option<Json>,
    /// The text of the heartbeat without its newline, if there was a readable one.
    pub heartbeat: Option<String>,
    /// The heartbeat's age by the file system's own clock, in whole milliseconds.
    #[serde(rename = "heartbeat_age_ms", serialize_with = "as_ms")]
    pub heartbeat_age: Option<Duration>,
    /// How many abandoned temporary files were removed.
    pub swept: u32,
    /// The paths to which corrupt files were moved.
    pub set_aside: Vec<String>,
}

/// How often a channel failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FailureCount {
    /// The step and the error code, for example `write: insufficient-space`.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// Counters of one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChannelStats {
    /// Whether there is something that no flush has taken yet, or that failed.
    pub dirty: bool,
    /// Successful writes.
    pub writes: u64,
    /// Bytes of successful writes.
    pub bytes: u64,
    /// Failed writes.
    pub failures: u64,
    /// Writes that were tried after a failed one, until one succeeded.
    pub retries: u64,
    /// Failed writes by cause, sorted by name.
    pub causes: Vec<FailureCount>,
}

/// One step of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Bucket {
    /// The bucket's upper bound in microseconds, a power of two.
    pub up_to_us: u64,
    /// How many flushes took at most this and more than the bucket before.
    pub count: u64,
}

/// Counters of a run since it was opened, or since the component was started anew.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Calls of `schedule` and `flush` that were accepted.
    pub requests: u64,
    /// Of those, calls that shared their flush with an earlier one.
    pub coalesced: u64,
    /// Flushes that ended.
    pub flushes: u64,
    /// Flushes that failed, in whole or in part.
    pub failed_flushes: u64,
    /// Flushes that no caller asked for, made to retry what had failed.
    pub automatic_retries: u64,
    /// The manifest's counters.
    pub manifest: ChannelStats,
    /// The heartbeat's counters.
    pub heartbeat: ChannelStats,
    /// The error of the last flush that failed, until everything that failed is written.
    pub last_error: Option<Error>,
    /// How long flushes took; empty buckets are left out.
    pub latency: Vec<Bucket>,
}

/// A run that [`Tandem::shutdown`](crate::Tandem::shutdown) found open and closed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClosedRun {
    /// The run's task.
    pub task_id: String,
    /// The run.
    pub run_id: String,
    /// The outcome of its close. After an error, what was not written is given up.
    pub outcome: Result<Receipt, Error>,
}

impl ClosedRun {
    pub(crate) fn new(options: &RunOptions, outcome: Result<Receipt, Error>) -> Self {
        ClosedRun { task_id: options.task_id.clone(), run_id: options.run_id.clone(), outcome }
    }
}

fn as_ms<S: Serializer>(age: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    age.map(|age| age.as_millis()).serialize(serializer)
}
