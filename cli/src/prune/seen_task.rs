//! What was seen of a task in a store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use tandem_documents::{Changed, Cursor, Documents, Trouble};

use super::directories::can_be_summary;
use super::summary::FoundSummary;
use crate::status::scan::{MANIFEST, MANIFEST_BYTES_MAX, RUNS, can_be_run};
use crate::status::select::Selection;
use crate::status::stored::clocks::Clocks;
use crate::status::stored::runs::{StoredRuns, Told};

/// The runs and summaries of a task, which is looked at again and again.
pub struct SeenTask {
    pub task: String,
    pub runs: StoredRuns,
    pub summaries: BTreeMap<String, FoundSummary>,
    /// Up to where it was looked at.
    cursor: Option<Cursor>,
}

impl SeenTask {
    /// Nothing was seen yet.
    pub fn new(task: &str) -> Self {
        SeenTask {
            task: task.to_owned(),
            runs: StoredRuns::default(),
            summaries: BTreeMap::new(),
            cursor: None,
        }
    }

    /// Takes what has changed since the last look.
    ///
    /// # Errors
    /// The store's. What was taken stays, and the next look goes on there.
    pub async fn look<D: Documents>(&mut self, store: &Arc<D>) -> Result<(), Trouble> {
        let prefix = format!("{RUNS}/{}/", self.task);
        // Asked when something is to be dated: a later document is no older than that.
        let mut clocks = None;
        loop {
            let changes = store.changes(&prefix, self.cursor.as_ref()).await?;
            if !changes.changed.is_empty() && clocks.is_none() {
                clocks = Some(Clocks::ask(&**store).await?);
            }
            if changes.is_anew {
                self.runs = StoredRuns::default();
                self.summaries.clear();
            }
            for changed in &changes.changed {
                let at = clocks.as_ref().and_then(|clocks| clocks.own(&changed.document));
                self.take(changed, at);
            }
            self.cursor = Some(changes.next);
            if !changes.has_more {
                return Ok(());
            }
        }
    }

    fn take(&mut self, changed: &Changed, at: Option<SystemTime>) {
        if let Some(told) = Told::read(changed, at, &Selection::default()) {
            self.runs.take(told, &mut |_| {});
            return;
        }
        let Some(run) = summary_of(&changed.key, &self.task) else { return };
        match &changed.document.body {
            Some(body) => {
                let at = at.unwrap_or(SystemTime::UNIX_EPOCH);
                let content = if body.len() as u64 > MANIFEST_BYTES_MAX { &[] } else { &**body };
                let summary = FoundSummary::read(content, at, &self.task, run);
                self.summaries.insert(run.to_owned(), summary);
            }
            None => drop(self.summaries.remove(run)),
        }
    }
}

/// The run whose summary a document is.
fn summary_of<'a>(key: &'a str, task: &str) -> Option<&'a str> {
    let run = key.strip_prefix(RUNS)?.strip_prefix('/')?.strip_prefix(task)?.strip_prefix('/')?;
    let run = run.strip_suffix(MANIFEST)?.strip_suffix('/')?;
    (can_be_run(run.as_ref()) && can_be_summary(run)).then_some(run)
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use tandem_documents::{Expect, Level, MemoryDocuments};

    use super::*;

    const LIVE: &str = r#"{"status":"in_progress"}"#;
    const SUMMARY: &str = r#"{"taskId":"t","runId":"b","timestamp":"2026-01-06T00:00:00Z"}"#;

    fn write(store: &Arc<MemoryDocuments>, key: &str, body: Option<&str>) {
        let body = body.map(|body| Arc::from(body.as_bytes()));
        let there = block_on(store.get(key)).unwrap();
        let expect = there.map_or(Expect::Absent, |document| Expect::Is(document.version));
        let written = block_on(store.replace(key, body, expect, Level::Durable));
        assert!(written.unwrap().is_some());
    }

    fn seen(task: &SeenTask) -> (Vec<&str>, Vec<&str>) {
        let mut runs: Vec<&str> = task.runs.known().map(|known| known.run.as_str()).collect();
        runs.sort_unstable();
        (runs, task.summaries.keys().map(String::as_str).collect())
    }

    #[test]
    fn each_look_takes_what_has_changed_and_keeps_the_rest() {
        let store = Arc::new(MemoryDocuments::new());
        write(&store, ".runs/t/cli/a/manifest.json", Some(LIVE));
        write(&store, ".runs/t/cli/b/manifest.json", Some(LIVE));
        write(&store, ".runs/t/b/manifest.json", Some(SUMMARY));
        write(&store, ".runs/other/cli/c/manifest.json", Some(LIVE));
        let mut task = SeenTask::new("t");
        let look = |task: &mut SeenTask| block_on(task.look(&store)).unwrap();
        look(&mut task);
        assert_eq!(seen(&task), (vec!["a", "b"], vec!["b"]));
        let before = task.cursor.clone();
        look(&mut task);
        assert_eq!((seen(&task), &task.cursor), ((vec!["a", "b"], vec!["b"]), &before));

        write(&store, ".runs/t/cli/b/manifest.json", None);
        write(&store, ".runs/t/b/manifest.json", None);
        write(&store, ".runs/t/cli/d/.heartbeat", Some("x"));
        look(&mut task);
        assert_eq!(seen(&task), (vec!["a", "d"], vec![]));
    }
}
