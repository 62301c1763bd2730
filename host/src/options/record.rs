//! Where and how to record a completed run.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Durability, check_durations, history_path};
use crate::error::Error;

/// Where and how to record a completed run. The run itself is named in its summary.
///
/// What is not set has the component's default, which the methods tell. Durations count in whole
/// milliseconds, rounded up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecordOptions {
    /// The task, a name of the layout.
    #[serde(alias = "task")]
    pub task_id: String,
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
    #[serde(default, rename = "lease_ms", with = "super::ms")]
    pub lease: Option<Duration>,
    /// See [`RecordOptions::lock_wait`].
    #[serde(default, rename = "lock_wait_ms", with = "super::ms")]
    pub lock_wait: Option<Duration>,
    /// See [`RecordOptions::sweep_after`].
    #[serde(default, rename = "sweep_after_ms", with = "super::ms")]
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
    /// A run of a task, with every default.
    pub fn new(task_id: impl Into<String>) -> Self {
        RecordOptions {
            task_id: task_id.into(),
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

    /// What the summary is to survive. Default: [`Durability::Durable`].
    pub fn summary_durability(mut self, durability: Durability) -> Self {
        self.summary_durability = Some(durability);
        self
    }

    /// What the history is to survive. Default: [`Durability::Durable`].
    pub fn history_durability(mut self, durability: Durability) -> Self {
        self.history_durability = Some(durability);
        self
    }

    /// Keep only this many of the last runs, at least 1, applied after the merge. Default: all.
    pub fn keep_last(mut self, runs: u32) -> Self {
        self.keep_last = Some(runs);
        self
    }

    /// The largest summary, as given and as its file holds it. Default and most: the document limit
    /// of the [`Tandem`](crate::Tandem).
    pub fn max_summary_bytes(mut self, bytes: u64) -> Self {
        self.max_summary_bytes = Some(bytes);
        self
    }

    /// The largest history, before and after the merge. Default and most: the history limit of the
    /// [`Tandem`](crate::Tandem).
    pub fn max_history_bytes(mut self, bytes: u64) -> Self {
        self.max_history_bytes = Some(bytes);
        self
    }

    /// How long the history's lock may stand untouched before others may take it over, from 10 ms
    /// to an hour. Default: 10 s.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// How long to wait for the history's lock; zero tries once. Default: 30 s.
    pub fn lock_wait(mut self, lock_wait: Duration) -> Self {
        self.lock_wait = Some(lock_wait);
        self
    }

    /// Temporary files older than this are removed from the directories that are written. Default:
    /// one hour.
    pub fn sweep_after(mut self, age: Duration) -> Self {
        self.sweep_after = Some(age);
        self
    }

    /// The directory of all runs, relative to the granted one. Default: `.runs`.
    pub fn runs_root(mut self, path: impl Into<String>) -> Self {
        self.runs_root = Some(path.into());
        self
    }

    /// The directory of all histories, relative to the granted one. Default: `out`.
    pub fn history_root(mut self, path: impl Into<String>) -> Self {
        self.history_root = Some(path.into());
        self
    }

    /// The summary's file name. Default: `manifest.json`.
    pub fn summary_name(mut self, name: impl Into<String>) -> Self {
        self.summary_name = Some(name.into());
        self
    }

    /// The history's file name, which is not `state.json`. Default: `runs.json`.
    pub fn history_name(mut self, name: impl Into<String>) -> Self {
        self.history_name = Some(name.into());
        self
    }

    /// # Errors
    /// `invalid-input`: a duration does not fit.
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_durations([
            ("lease", self.lease),
            ("lock_wait", self.lock_wait),
            ("sweep_after", self.sweep_after),
        ])
    }

    /// The history's path.
    pub(crate) fn history(&self) -> String {
        history_path(&self.history_root, &self.task_id, &self.history_name)
    }
}
