//! Where the component keeps what, as far as the library must know: two options that name one place
//! name one run, or one history.

use crate::records::{HistoryOptions, RecordOptions, RunOptions};

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

impl RecordOptions {
    /// The path of the history of the summary's task.
    pub(crate) fn history(&self, summary: &str) -> String {
        #[derive(serde::Deserialize)]
        struct Summary {
            #[serde(rename = "taskId")]
            task_id: String,
        }
        let named = || serde_json::from_str(summary).map(|Summary { task_id }| task_id).ok();
        // One that names no task is refused by the component, whichever it is.
        let task_id = self.task_id.clone().or_else(named).unwrap_or_default();
        path(&self.history_root, &task_id, &self.history_name)
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
