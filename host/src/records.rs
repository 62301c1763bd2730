// Generated from wit/records/types.wit by `cargo xtask records`.

//! What the calls of `tandem:persistence` and `tandem:persistence-blocking` take and answer. Both
//! packages have the same records, but for what `schedule` answers.
//!
//! Paths are relative to the one directory that the host preopens and use `/`. Durations are
//! milliseconds, sizes are bytes. An option that is absent has its default.
//!
//! Texts and files are UTF-8. One byte order mark at the start of a text that is given, or of a
//! file that is found, is skipped, and no file gets one.
//!
//! A run's files lie in `<runs_root>/<task>/cli/<run>/`, but for its summary, which lies in
//! `<runs_root>/<task>/<run>/`. A task's history lies in `<history_root>/<task>/`, its lock is
//! `<runs_root>/<task>.lock`. The layout is that of the orchestrator whose files these are.
//!
//! Durations count in whole milliseconds, rounded up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::durations;
use crate::error::Error;
pub use crate::error_records::*;
use crate::json::Json;
use crate::ms;

/// What a successful write is asked to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Durability {
    /// The file is replaced atomically and not synced. The new content survives a crash of the
    /// process. After a power loss the file may be old, absent, empty or torn.
    Visible,
    /// The data is synced, the file is replaced atomically, then the directory is synced, and every
    /// directory above it too unless this component has synced it before. The new content survives
    /// a power loss.
    Durable,
}

/// What a successful write did reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reached {
    /// As `Durability::Visible`.
    Visible,
    /// The data is synced and the file is replaced, but the file system cannot sync directories:
    /// after a power loss the whole old content may be back.
    DataSynced,
    /// As `Durability::Durable`.
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

/// A document that was set or changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Revised {
    /// Which revision of the document it is. What `open_run` found is revision 0, also if it found
    /// none; each change that is accepted adds 1, also one that leaves the text as it was. A later
    /// `open_run` counts anew.
    pub revision: u64,
    /// The size of the manifest as its file will hold it.
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
    /// The revision of the document that was written, if the manifest was.
    pub revision: Option<u64>,
}

/// What to open, and how to keep it.
///
/// What is not set has the component's default, which the methods tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RunOptions {
    /// The task, a name of the layout. Refused with `invalid-id`: an empty id; more than 128 bytes;
    /// control characters (C0, DEL, C1); any of `< > : " | ? *`, `/` and `\`; a leading dot; a
    /// trailing dot; leading or trailing Unicode space; bidirectional overrides and the byte order
    /// mark; a Windows device name before the first dot; `cli`, `mcp`, `local-mcp` and names that
    /// end in `.lock`, in any ASCII case.
    pub task_id: String,
    /// The run, by the same rules.
    pub run_id: String,
    /// See [`RunOptions::manifest_interval`].
    #[serde(default, rename = "manifest_interval_ms", with = "ms")]
    pub manifest_interval: Option<Duration>,
    /// See [`RunOptions::heartbeat_interval`].
    #[serde(default, rename = "heartbeat_interval_ms", with = "ms")]
    pub heartbeat_interval: Option<Duration>,
    /// See [`RunOptions::manifest_durability`].
    #[serde(default)]
    pub manifest_durability: Option<Durability>,
    /// See [`RunOptions::heartbeat_durability`].
    #[serde(default)]
    pub heartbeat_durability: Option<Durability>,
    /// See [`RunOptions::max_document_bytes`].
    #[serde(default)]
    pub max_document_bytes: Option<u64>,
    /// See [`RunOptions::sweep_after`].
    #[serde(default, rename = "sweep_after_ms", with = "ms")]
    pub sweep_after: Option<Duration>,
    /// See [`RunOptions::runs_root`].
    #[serde(default)]
    pub runs_root: Option<String>,
    /// See [`RunOptions::manifest_name`].
    #[serde(default)]
    pub manifest_name: Option<String>,
    /// See [`RunOptions::heartbeat_name`].
    #[serde(default)]
    pub heartbeat_name: Option<String>,
}

impl RunOptions {
    /// Every default.
    pub fn new(task_id: impl Into<String>, run_id: impl Into<String>) -> Self {
        RunOptions {
            task_id: task_id.into(),
            run_id: run_id.into(),
            manifest_interval: None,
            heartbeat_interval: None,
            manifest_durability: None,
            heartbeat_durability: None,
            max_document_bytes: None,
            sweep_after: None,
            runs_root: None,
            manifest_name: None,
            heartbeat_name: None,
        }
    }

    /// The throttle of the manifest; 0 for none. Default: 5000 ms.
    pub fn manifest_interval(mut self, manifest_interval: Duration) -> Self {
        self.manifest_interval = Some(manifest_interval);
        self
    }

    /// The throttle of the heartbeat; 0 for none. Default: 5000 ms.
    pub fn heartbeat_interval(mut self, heartbeat_interval: Duration) -> Self {
        self.heartbeat_interval = Some(heartbeat_interval);
        self
    }

    /// What a write of the manifest is to survive. Default: `durable`.
    pub fn manifest_durability(mut self, manifest_durability: Durability) -> Self {
        self.manifest_durability = Some(manifest_durability);
        self
    }

    /// What a write of the heartbeat is to survive. Default: `visible`.
    pub fn heartbeat_durability(mut self, heartbeat_durability: Durability) -> Self {
        self.heartbeat_durability = Some(heartbeat_durability);
        self
    }

    /// The largest document or patch, as given and as its file holds it. Default, and at most:
    /// `Builder::max_document_bytes`.
    pub fn max_document_bytes(mut self, max_document_bytes: u64) -> Self {
        self.max_document_bytes = Some(max_document_bytes);
        self
    }

    /// Temporary files older than this are removed by `open_run` and `close`. Default: one hour.
    pub fn sweep_after(mut self, sweep_after: Duration) -> Self {
        self.sweep_after = Some(sweep_after);
        self
    }

    /// The directory of all runs, relative to the preopened directory. Default: `.runs`.
    pub fn runs_root(mut self, runs_root: impl Into<String>) -> Self {
        self.runs_root = Some(runs_root.into());
        self
    }

    /// The manifest's file name. Default: `manifest.json`.
    pub fn manifest_name(mut self, manifest_name: impl Into<String>) -> Self {
        self.manifest_name = Some(manifest_name.into());
        self
    }

    /// The heartbeat's file name. Default: `.heartbeat`.
    pub fn heartbeat_name(mut self, heartbeat_name: impl Into<String>) -> Self {
        self.heartbeat_name = Some(heartbeat_name.into());
        self
    }

    /// # Errors
    /// `invalid-input`: a duration does not fit.
    pub(crate) fn check(&self) -> Result<(), Error> {
        durations::check([
            ("manifest_interval", self.manifest_interval),
            ("heartbeat_interval", self.heartbeat_interval),
            ("sweep_after", self.sweep_after),
        ])
    }
}

/// What `open_run` found on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Recovery {
    /// The run's directory, relative to the preopened directory.
    pub directory: String,
    /// The text of the manifest, if there was a readable one. It is the run's current document, and
    /// is written as it was found until it is changed.
    pub document: Option<Json>,
    /// The text of the heartbeat without its newline, if there was a readable one.
    pub heartbeat: Option<String>,
    /// The heartbeat's age by the file system's own clock.
    #[serde(rename = "heartbeat_age_ms", serialize_with = "ms::serialize")]
    pub heartbeat_age: Option<Duration>,
    /// How many abandoned temporary files were removed.
    pub swept: u32,
    /// The paths to which corrupt files were moved.
    pub set_aside: Vec<String>,
}

/// What to write, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// Mark the manifest dirty.
    pub manifest: bool,
    /// Mark the heartbeat dirty.
    pub heartbeat: bool,
    /// Do not wait for an interval or a back-off, and write everything that is dirty.
    pub force: bool,
}

impl Request {
    /// Nothing of it.
    pub fn new() -> Self {
        Request::default()
    }

    /// Mark the manifest dirty.
    pub fn manifest(self) -> Self {
        Request { manifest: true, ..self }
    }

    /// Mark the heartbeat dirty.
    pub fn heartbeat(self) -> Self {
        Request { heartbeat: true, ..self }
    }

    /// Do not wait for an interval or a back-off, and write everything that is dirty.
    pub fn force(self) -> Self {
        Request { force: true, ..self }
    }
}

/// How often a channel failed for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FailureCount {
    /// The step and the error code, for example `write: insufficient-space`.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// Counters of one channel since `open_run`.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Bucket {
    /// The bucket's upper bound in microseconds, a power of two. The largest one, 2^31, has
    /// whatever took longer too.
    pub up_to_us: u64,
    /// How many flushes took at most this and more than half of it.
    pub count: u64,
}

/// Counters of a run since `open_run`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// The revision of the document now.
    pub revision: u64,
    /// The revision that the last successful write of the manifest wrote; none if there was none
    /// since `open_run`.
    pub written_revision: Option<u64>,
    /// Calls of `mark`, `schedule` and `flush` that were accepted.
    pub requests: u64,
    /// Of those, calls that shared their flush with an earlier one.
    pub coalesced: u64,
    /// Flushes that ended.
    pub flushes: u64,
    /// Flushes that failed, in whole or in part.
    pub failed_flushes: u64,
    /// Flushes that no request asked for, made to retry what had failed. The component of
    /// `tandem:persistence-blocking` makes none, and answers 0; a host that calls it again by
    /// itself may count these calls here.
    pub automatic_retries: u64,
    /// The manifest's counters.
    pub manifest: ChannelStats,
    /// The heartbeat's counters.
    pub heartbeat: ChannelStats,
    /// The error of the last flush that failed, until everything that failed is written.
    pub last_error: Option<Error>,
    /// How long flushes took, from taking the flags to the outcome; empty buckets are left out.
    pub latency: Vec<Bucket>,
}

/// Where and how to record a run. The run and its task are named in its summary.
///
/// What is not set has the component's default, which the methods tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecordOptions {
    /// See [`RecordOptions::task_id`].
    #[serde(default)]
    pub task_id: Option<String>,
    /// See [`RecordOptions::summary_durability`].
    #[serde(default)]
    pub summary_durability: Option<Durability>,
    /// See [`RecordOptions::history_durability`].
    #[serde(default)]
    pub history_durability: Option<Durability>,
    /// See [`RecordOptions::keep_last`].
    #[serde(default)]
    pub keep_last: Option<u32>,
    /// See [`RecordOptions::max_summary_bytes`].
    #[serde(default)]
    pub max_summary_bytes: Option<u64>,
    /// See [`RecordOptions::max_history_bytes`].
    #[serde(default)]
    pub max_history_bytes: Option<u64>,
    /// See [`RecordOptions::lease`].
    #[serde(default, rename = "lease_ms", with = "ms")]
    pub lease: Option<Duration>,
    /// See [`RecordOptions::lock_wait`].
    #[serde(default, rename = "lock_wait_ms", with = "ms")]
    pub lock_wait: Option<Duration>,
    /// See [`RecordOptions::sweep_after`].
    #[serde(default, rename = "sweep_after_ms", with = "ms")]
    pub sweep_after: Option<Duration>,
    /// See [`RecordOptions::runs_root`].
    #[serde(default)]
    pub runs_root: Option<String>,
    /// See [`RecordOptions::history_root`].
    #[serde(default)]
    pub history_root: Option<String>,
    /// See [`RecordOptions::summary_name`].
    #[serde(default)]
    pub summary_name: Option<String>,
    /// See [`RecordOptions::history_name`].
    #[serde(default)]
    pub history_name: Option<String>,
}

impl RecordOptions {
    /// Every default.
    pub fn new() -> Self {
        RecordOptions {
            task_id: None,
            summary_durability: None,
            history_durability: None,
            keep_last: None,
            max_summary_bytes: None,
            max_history_bytes: None,
            lease: None,
            lock_wait: None,
            sweep_after: None,
            runs_root: None,
            history_root: None,
            summary_name: None,
            history_name: None,
        }
    }

    /// The task. Default: that of the summary. If it is given, the summary's must be the same.
    pub fn task_id(mut self, task_id: impl Into<String>) -> Self {
        self.task_id = Some(task_id.into());
        self
    }

    /// What the summary is to survive. Default: `durable`.
    pub fn summary_durability(mut self, summary_durability: Durability) -> Self {
        self.summary_durability = Some(summary_durability);
        self
    }

    /// What the history is to survive. Default: `durable`. A `visible` write replaces what an
    /// earlier one made durable.
    pub fn history_durability(mut self, history_durability: Durability) -> Self {
        self.history_durability = Some(history_durability);
        self
    }

    /// Keep only this many entries, at least 1, applied after the merge: the run itself, and of the
    /// others the last ones in the history's order. Default: all.
    pub fn keep_last(mut self, keep_last: u32) -> Self {
        self.keep_last = Some(keep_last);
        self
    }

    /// The largest summary, as given and as its file holds it. Default, and at most:
    /// `Builder::max_document_bytes`.
    pub fn max_summary_bytes(mut self, max_summary_bytes: u64) -> Self {
        self.max_summary_bytes = Some(max_summary_bytes);
        self
    }

    /// The largest history, before and after the merge. Default, and at most:
    /// `Builder::max_history_bytes`.
    pub fn max_history_bytes(mut self, max_history_bytes: u64) -> Self {
        self.max_history_bytes = Some(max_history_bytes);
        self
    }

    /// How long the lock may stand untouched before others may take it over, from 10 ms to
    /// 3,600,000 ms. It must be longer than three steps of the file system's clock. Default: 10,000
    /// ms.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// How long to wait for the lock, from when it is first wanted; 0 tries once. Waits of one
    /// component add up: it takes over a dead holder's lock when it has seen it unchanged for that
    /// holder's lease, however short each wait was. Default: 30,000 ms.
    pub fn lock_wait(mut self, lock_wait: Duration) -> Self {
        self.lock_wait = Some(lock_wait);
        self
    }

    /// Temporary files older than this are removed from the directories that are written. Default:
    /// one hour.
    pub fn sweep_after(mut self, sweep_after: Duration) -> Self {
        self.sweep_after = Some(sweep_after);
        self
    }

    /// The directory of all runs, relative to the preopened directory. Default: `.runs`.
    pub fn runs_root(mut self, runs_root: impl Into<String>) -> Self {
        self.runs_root = Some(runs_root.into());
        self
    }

    /// The directory of all histories, relative to the preopened directory. Default: `out`.
    pub fn history_root(mut self, history_root: impl Into<String>) -> Self {
        self.history_root = Some(history_root.into());
        self
    }

    /// The summary's file name. Default: `manifest.json`.
    pub fn summary_name(mut self, summary_name: impl Into<String>) -> Self {
        self.summary_name = Some(summary_name.into());
        self
    }

    /// The history's file name, which is not `state.json`. Default: `runs.json`.
    pub fn history_name(mut self, history_name: impl Into<String>) -> Self {
        self.history_name = Some(history_name.into());
        self
    }

    /// # Errors
    /// `invalid-input`: a duration does not fit.
    pub(crate) fn check(&self) -> Result<(), Error> {
        durations::check([
            ("lease", self.lease),
            ("lock_wait", self.lock_wait),
            ("sweep_after", self.sweep_after),
        ])
    }
}

/// What `record_run` did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Recorded {
    /// The summary: `<runs_root>/<task>/<run>/<summary_name>`.
    pub summary: Written,
    /// The history: `<history_root>/<task>/<history_name>`.
    pub history: Written,
    /// How many entries the history has now.
    pub runs: u32,
    /// Set if `keep_last` dropped an entry, and no other that it kept is earlier than this run: the
    /// ids of those that are later, because the clock that made them was probably ahead. At most
    /// 10, the latest first; always empty with a `keep_last` of 1.
    pub ahead: Vec<String>,
    /// Where a corrupt history was kept before it was replaced.
    pub set_aside: Vec<String>,
    /// How many abandoned temporary files were removed.
    pub swept: u32,
}

/// Of which task runs are removed, and how.
///
/// What is not set has the component's default, which the methods tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RemoveOptions {
    /// The task, by the rules of `RunOptions`.
    pub task_id: String,
    /// See [`RemoveOptions::from_history`].
    #[serde(default)]
    pub from_history: Option<bool>,
    /// See [`RemoveOptions::sweep`].
    #[serde(default)]
    pub sweep: Option<bool>,
    /// See [`RemoveOptions::alive_for`].
    #[serde(default, rename = "alive_for_ms", with = "ms")]
    pub alive_for: Option<Duration>,
    /// See [`RemoveOptions::max_history_bytes`].
    #[serde(default)]
    pub max_history_bytes: Option<u64>,
    /// See [`RemoveOptions::lease`].
    #[serde(default, rename = "lease_ms", with = "ms")]
    pub lease: Option<Duration>,
    /// See [`RemoveOptions::lock_wait`].
    #[serde(default, rename = "lock_wait_ms", with = "ms")]
    pub lock_wait: Option<Duration>,
    /// See [`RemoveOptions::sweep_after`].
    #[serde(default, rename = "sweep_after_ms", with = "ms")]
    pub sweep_after: Option<Duration>,
    /// See [`RemoveOptions::runs_root`].
    #[serde(default)]
    pub runs_root: Option<String>,
    /// See [`RemoveOptions::manifest_name`].
    #[serde(default)]
    pub manifest_name: Option<String>,
    /// See [`RemoveOptions::heartbeat_name`].
    #[serde(default)]
    pub heartbeat_name: Option<String>,
    /// See [`RemoveOptions::summary_name`].
    #[serde(default)]
    pub summary_name: Option<String>,
    /// See [`RemoveOptions::history_root`].
    #[serde(default)]
    pub history_root: Option<String>,
    /// See [`RemoveOptions::history_name`].
    #[serde(default)]
    pub history_name: Option<String>,
}

impl RemoveOptions {
    /// Every default.
    pub fn new(task_id: impl Into<String>) -> Self {
        RemoveOptions {
            task_id: task_id.into(),
            from_history: None,
            sweep: None,
            alive_for: None,
            max_history_bytes: None,
            lease: None,
            lock_wait: None,
            sweep_after: None,
            runs_root: None,
            manifest_name: None,
            heartbeat_name: None,
            summary_name: None,
            history_root: None,
            history_name: None,
        }
    }

    /// Whether the entries of these runs in the history go too, before anything else. Default: they
    /// stay.
    pub fn from_history(mut self, from_history: bool) -> Self {
        self.from_history = Some(from_history);
        self
    }

    /// Whether all other directories of the task are looked through for what killed processes left:
    /// temporary files that are older than `sweep_after`, and directories of summaries that have no
    /// summary and nothing else. Default: no.
    pub fn sweep(mut self, sweep: bool) -> Self {
        self.sweep = Some(sweep);
        self
    }

    /// How recent a sign of life is that keeps a run, by the file system's own clock; 0 for none.
    /// Default: 30,000 ms.
    pub fn alive_for(mut self, alive_for: Duration) -> Self {
        self.alive_for = Some(alive_for);
        self
    }

    /// The largest history. Default, and at most: `Builder::max_history_bytes`.
    pub fn max_history_bytes(mut self, max_history_bytes: u64) -> Self {
        self.max_history_bytes = Some(max_history_bytes);
        self
    }

    /// As in `RecordOptions`.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// As in `RecordOptions`.
    pub fn lock_wait(mut self, lock_wait: Duration) -> Self {
        self.lock_wait = Some(lock_wait);
        self
    }

    /// As in `RecordOptions`.
    pub fn sweep_after(mut self, sweep_after: Duration) -> Self {
        self.sweep_after = Some(sweep_after);
        self
    }

    /// As in `RunOptions`.
    pub fn runs_root(mut self, runs_root: impl Into<String>) -> Self {
        self.runs_root = Some(runs_root.into());
        self
    }

    /// As in `RunOptions`.
    pub fn manifest_name(mut self, manifest_name: impl Into<String>) -> Self {
        self.manifest_name = Some(manifest_name.into());
        self
    }

    /// As in `RunOptions`.
    pub fn heartbeat_name(mut self, heartbeat_name: impl Into<String>) -> Self {
        self.heartbeat_name = Some(heartbeat_name.into());
        self
    }

    /// As in `RecordOptions`.
    pub fn summary_name(mut self, summary_name: impl Into<String>) -> Self {
        self.summary_name = Some(summary_name.into());
        self
    }

    /// As in `RecordOptions`.
    pub fn history_root(mut self, history_root: impl Into<String>) -> Self {
        self.history_root = Some(history_root.into());
        self
    }

    /// As in `RecordOptions`.
    pub fn history_name(mut self, history_name: impl Into<String>) -> Self {
        self.history_name = Some(history_name.into());
        self
    }

    /// # Errors
    /// `invalid-input`: a duration does not fit.
    pub(crate) fn check(&self) -> Result<(), Error> {
        durations::check([
            ("alive_for", self.alive_for),
            ("lease", self.lease),
            ("lock_wait", self.lock_wait),
            ("sweep_after", self.sweep_after),
        ])
    }
}

/// Why a run is left where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LeftReason {
    /// It is open in this component.
    Open,
    /// It has shown a sign of life.
    Alive,
    /// Something else than a directory is in the place of one of its directories.
    NoDirectory,
    /// It could not be taken away.
    Failed,
}

/// A run that is left where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeftRun {
    /// The run.
    pub run_id: String,
    /// Why.
    pub reason: LeftReason,
    /// What failed, for `failed`.
    pub failure: Option<Failure>,
}

/// What `remove_runs` did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Removed {
    /// The runs that are removed, in the order in which they were named.
    pub runs: Vec<String>,
    /// The runs of which nothing was there.
    pub absent: Vec<String>,
    /// The runs that are left where they are. With `from_history`, one that showed a sign of life
    /// or failed only when it was to be renamed has lost its entry in the history.
    pub left: Vec<LeftRun>,
    /// How many entries of the history are removed.
    pub entries: u32,
    /// How many directories and files are removed that killed processes left.
    pub swept: u32,
    /// What could not be removed of directories that were taken away. The next call for this task
    /// tries again.
    pub remaining: Vec<Failure>,
}

/// Which history to read.
///
/// What is not set has the component's default, which the methods tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HistoryOptions {
    /// The task, by the rules of `RunOptions`.
    pub task_id: String,
    /// See [`HistoryOptions::limit`].
    #[serde(default)]
    pub limit: Option<u32>,
    /// See [`HistoryOptions::max_history_bytes`].
    #[serde(default)]
    pub max_history_bytes: Option<u64>,
    /// See [`HistoryOptions::history_root`].
    #[serde(default)]
    pub history_root: Option<String>,
    /// See [`HistoryOptions::history_name`].
    #[serde(default)]
    pub history_name: Option<String>,
}

impl HistoryOptions {
    /// Every default.
    pub fn new(task_id: impl Into<String>) -> Self {
        HistoryOptions {
            task_id: task_id.into(),
            limit: None,
            max_history_bytes: None,
            history_root: None,
            history_name: None,
        }
    }

    /// At most this many runs. Default: all.
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The largest file. Default, and at most: `Builder::max_history_bytes`.
    pub fn max_history_bytes(mut self, max_history_bytes: u64) -> Self {
        self.max_history_bytes = Some(max_history_bytes);
        self
    }

    /// As in `RecordOptions`.
    pub fn history_root(mut self, history_root: impl Into<String>) -> Self {
        self.history_root = Some(history_root.into());
        self
    }

    /// As in `RecordOptions`.
    pub fn history_name(mut self, history_name: impl Into<String>) -> Self {
        self.history_name = Some(history_name.into());
        self
    }
}

/// A task's history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TaskHistory {
    /// The timestamp of the newest run; empty if there is none.
    pub last_run_at: String,
    /// How many entries there are, above the limit too.
    pub total: u32,
    /// The JSON text of each entry, newest first.
    pub runs: Vec<Json>,
}
