//! What to open, and how to keep it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Durability, check_durations};
use crate::error::Error;

/// What to open, and how to keep it.
///
/// What is not set has the component's default, which the methods tell. Durations count in whole
/// milliseconds, rounded up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RunOptions {
    /// The task, a name of the layout.
    #[serde(alias = "task")]
    pub task_id: String,
    /// The run, a name of the layout.
    #[serde(alias = "run")]
    pub run_id: String,
    /// See [`RunOptions::interval`].
    #[serde(default, rename = "interval_ms", with = "super::ms")]
    pub interval: Option<Duration>,
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
    #[serde(default, rename = "sweep_after_ms", with = "super::ms")]
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
    /// A run of a task, with every default.
    pub fn new(task_id: impl Into<String>, run_id: impl Into<String>) -> Self {
        RunOptions {
            task_id: task_id.into(),
            run_id: run_id.into(),
            interval: None,
            manifest_durability: None,
            heartbeat_durability: None,
            max_document_bytes: None,
            sweep_after: None,
            runs_root: None,
            manifest_name: None,
            heartbeat_name: None,
        }
    }

    /// The throttle. Default: 5 s.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// What a write of the manifest is to survive. Default: [`Durability::Durable`].
    pub fn manifest_durability(mut self, durability: Durability) -> Self {
        self.manifest_durability = Some(durability);
        self
    }

    /// What a write of the heartbeat is to survive. Default: [`Durability::Visible`].
    pub fn heartbeat_durability(mut self, durability: Durability) -> Self {
        self.heartbeat_durability = Some(durability);
        self
    }

    /// The largest document or patch, as given and as its file holds it. Default and most: the
    /// limit of the [`Tandem`](crate::Tandem).
    pub fn max_document_bytes(mut self, bytes: u64) -> Self {
        self.max_document_bytes = Some(bytes);
        self
    }

    /// Temporary files older than this are removed. Default: one hour.
    pub fn sweep_after(mut self, age: Duration) -> Self {
        self.sweep_after = Some(age);
        self
    }

    /// The directory of all runs, relative to the granted one. Default: `.runs`.
    pub fn runs_root(mut self, path: impl Into<String>) -> Self {
        self.runs_root = Some(path.into());
        self
    }

    /// The manifest's file name. Default: `manifest.json`.
    pub fn manifest_name(mut self, name: impl Into<String>) -> Self {
        self.manifest_name = Some(name.into());
        self
    }

    /// The heartbeat's file name. Default: `.heartbeat`.
    pub fn heartbeat_name(mut self, name: impl Into<String>) -> Self {
        self.heartbeat_name = Some(name.into());
        self
    }

    /// # Errors
    /// `invalid-input`: a duration does not fit.
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_durations([("interval", self.interval), ("sweep_after", self.sweep_after)])
    }

    /// The run's directory, which tells whether two runs are the same.
    pub(crate) fn directory(&self) -> String {
        let root = self.runs_root.as_deref().unwrap_or(".runs");
        format!("{root}/{}/cli/{}", self.task_id, self.run_id)
    }
}
