//! Where and how to record a completed run.

use serde::{Deserialize, Serialize};

use super::Durability;

/// Where and how to record a completed run. The run itself is named in its summary.
///
/// What is not set has the component's default, which the methods tell.
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
    /// See [`RecordOptions::lease_ms`].
    #[serde(default)]
    pub lease_ms: Option<u64>,
    /// See [`RecordOptions::lock_wait_ms`].
    #[serde(default)]
    pub lock_wait_ms: Option<u64>,
    /// See [`RecordOptions::sweep_after_ms`].
    #[serde(default)]
    pub sweep_after_ms: Option<u64>,
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
            lease_ms: None,
            lock_wait_ms: None,
            sweep_after_ms: None,
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

    /// How long the history's lock may stand untouched before others may take it over, 10 to
    /// 3,600,000. Default: 10,000.
    pub fn lease_ms(mut self, lease_ms: u64) -> Self {
        self.lease_ms = Some(lease_ms);
        self
    }

    /// How long to wait for the history's lock; 0 tries once. Default: 30,000.
    pub fn lock_wait_ms(mut self, lock_wait_ms: u64) -> Self {
        self.lock_wait_ms = Some(lock_wait_ms);
        self
    }

    /// Temporary files older than this are removed from the directories that are written. Default:
    /// one hour.
    pub fn sweep_after_ms(mut self, age_ms: u64) -> Self {
        self.sweep_after_ms = Some(age_ms);
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
}
