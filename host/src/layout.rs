//! Where the component keeps what, as far as the library must know: two options that name one place
//! name one run, or one history.

use crate::records::{HistoryOptions, RecordOptions, RemoveOptions, RunOptions};

impl RunOptions {
    /// The throttle of both channels.
    pub fn interval(self, interval: std::time::Duration) -> Self {
        self.manifest_interval(interval).heartbeat_interval(interval)
    }

    /// The run's directory.
    pub(crate) fn directory(&self) -> String {
        let root = self.runs_root.as_deref().unwrap_or(".runs");
        format!("{root}/{}/cli/{}", self.task_id, self.run_id)
    }
}

/// What a summary says it is of, before anything of it is checked.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Names {
    pub task_id: Option<String>,
    pub run_id: Option<String>,
}

impl Names {
    pub(crate) fn read(summary: &str) -> Option<Names> {
        serde_json::from_str(summary.strip_prefix('\u{FEFF}').unwrap_or(summary)).ok()
    }
}

impl RecordOptions {
    /// The path of the history of the summary's task.
    pub(crate) fn history(&self, summary: &str) -> String {
        let named = || Names::read(summary)?.task_id;
        // One that names no task is refused by the component, whichever it is.
        let task_id = self.task_id.clone().or_else(named).unwrap_or_default();
        path(&self.history_root, &task_id, &self.history_name)
    }
}

impl RemoveOptions {
    /// The path of the task's history.
    pub(crate) fn history(&self) -> String {
        path(&self.history_root, &self.task_id, &self.history_name)
    }
}

impl HistoryOptions {
    /// The history's path.
    pub(crate) fn history(&self) -> String {
        path(&self.history_root, &self.task_id, &self.history_name)
    }
}

fn path(root: &Option<String>, task_id: &str, name: &Option<String>) -> String {
    let root = root.as_deref().unwrap_or("out");
    format!("{root}/{task_id}/{}", name.as_deref().unwrap_or("runs.json"))
}
