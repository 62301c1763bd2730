//! Which history to read.

use serde::{Deserialize, Serialize};

use super::history_path;

/// Which history to read.
///
/// What is not set has the component's default, which the methods tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HistoryOptions {
    /// The task, a name of the layout.
    #[serde(alias = "task")]
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
    /// All runs of a task, with every default.
    pub fn new(task_id: impl Into<String>) -> Self {
        HistoryOptions {
            task_id: task_id.into(),
            limit: None,
            max_history_bytes: None,
            history_root: None,
            history_name: None,
        }
    }

    /// At most this many runs, the newest. Default: all.
    pub fn limit(mut self, runs: u32) -> Self {
        self.limit = Some(runs);
        self
    }

    /// The largest file. Default and most: the history limit of the [`Tandem`](crate::Tandem).
    pub fn max_history_bytes(mut self, bytes: u64) -> Self {
        self.max_history_bytes = Some(bytes);
        self
    }

    /// The directory of all histories, relative to the granted one. Default: `out`.
    pub fn history_root(mut self, path: impl Into<String>) -> Self {
        self.history_root = Some(path.into());
        self
    }

    /// The history's file name, which is not `state.json`. Default: `runs.json`.
    pub fn history_name(mut self, name: impl Into<String>) -> Self {
        self.history_name = Some(name.into());
        self
    }

    /// The history's path.
    pub(crate) fn history(&self) -> String {
        history_path(&self.history_root, &self.task_id, &self.history_name)
    }
}
