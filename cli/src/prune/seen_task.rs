//! What was seen of a task in a store.

use std::collections::BTreeMap;
use std::time::SystemTime;

use tandem_documents::{Changed, Document, Documents, Trouble, Version};

use super::directories::can_be_summary;
use super::summary::FoundSummary;
use crate::status::scan::{MANIFEST, MANIFEST_BYTES_MAX, RUNS, can_be_run};
use crate::status::select::Selection;
use crate::status::stored::clocks::Clocks;
use crate::status::stored::key::parsed;
use crate::status::stored::runs::{StoredRuns, Told};

/// Of more documents that have changed all are read again, many at once.
const SINGLE_READS_MAX: usize = 64;

/// The runs and summaries of a task, which is looked at again and again while most of it stays as it was.
pub struct SeenTask {
    pub task: String,
    pub runs: StoredRuns,
    pub summaries: BTreeMap<String, FoundSummary>,
    /// The documents that were seen; none before the first look.
    versions: Option<BTreeMap<String, Version>>,
}

impl SeenTask {
    /// Nothing was seen yet.
    pub fn new(task: &str) -> Self {
        SeenTask {
            task: task.to_owned(),
            runs: StoredRuns::default(),
            summaries: BTreeMap::new(),
            versions: None,
        }
    }

    /// Takes the task as it is now: nothing that was written before is missed.
    ///
    /// # Errors
    /// The store's. Then the next look begins anew.
    pub async fn look<D: Documents>(&mut self, store: &D) -> Result<(), Trouble> {
        let Some(seen) = self.versions.take() else { return self.look_at_all(store).await };
        let prefix = self.prefix();
        let mut versions = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let page = store.list(&prefix, after.as_deref()).await?;
            after = page.entries.last().map(|listed| listed.key.clone());
            versions.extend(page.entries.into_iter().map(|listed| (listed.key, listed.version)));
            if !page.has_more || after.is_none() {
                break;
            }
        }
        let is_changed = |(key, version): &(&String, &Version)| {
            seen.get(*key) != Some(version) && self.is_of_run(key)
        };
        let changed: Vec<String> =
            versions.iter().filter(is_changed).map(|(key, _)| key.clone()).collect();
        if changed.len() > SINGLE_READS_MAX {
            return self.look_at_all(store).await;
        }
        for (key, version) in &seen {
            if !versions.contains_key(key) {
                self.take(&gone(key, *version), None);
            }
        }
        if !changed.is_empty() {
            let clocks = Clocks::ask(store).await?;
            for key in changed {
                let changed = match store.get(&key).await? {
                    Some(document) => Changed::new(key, document),
                    None => gone(&key, Version(0)),
                };
                self.take(&changed, clocks.own(&changed.document));
                versions.insert(changed.key, changed.document.version);
            }
        }
        self.versions = Some(versions);
        Ok(())
    }

    async fn look_at_all<D: Documents>(&mut self, store: &D) -> Result<(), Trouble> {
        let (prefix, clocks) = (self.prefix(), Clocks::ask(store).await?);
        let (mut cursor, mut versions) = (None, BTreeMap::new());
        self.forget();
        loop {
            let changes = store.changes(&prefix, cursor.as_ref()).await?;
            if changes.is_anew {
                self.forget();
                versions.clear();
            }
            for changed in changes.changed {
                self.take(&changed, clocks.own(&changed.document));
                versions.insert(changed.key, changed.document.version);
            }
            if !changes.has_more {
                self.versions = Some(versions);
                return Ok(());
            }
            cursor = Some(changes.next);
        }
    }

    fn forget(&mut self) {
        self.runs = StoredRuns::default();
        self.summaries.clear();
    }

    fn prefix(&self) -> String {
        format!("{RUNS}/{}/", self.task)
    }

    /// Whether a document tells something of a run.
    fn is_of_run(&self, key: &str) -> bool {
        parsed(key).is_some() || summary_of(key, &self.task).is_some()
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

/// A document that is no more.
fn gone(key: &str, version: Version) -> Changed {
    Changed::new(key, Document::new(None, version, None))
}

/// The run whose summary a document is.
fn summary_of<'a>(key: &'a str, task: &str) -> Option<&'a str> {
    let run = key.strip_prefix(RUNS)?.strip_prefix('/')?.strip_prefix(task)?.strip_prefix('/')?;
    let run = run.strip_suffix(MANIFEST)?.strip_suffix('/')?;
    (can_be_run(run.as_ref()) && can_be_summary(run)).then_some(run)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use futures::executor::block_on;
    use tandem_documents::{Changes, Cursor, Expect, Level, MemoryDocuments, Page, Promise, Write};

    use super::*;
    use crate::status::row::Row;
    use crate::status::state::State;

    const LIVE: &str = r#"{"status":"in_progress"}"#;
    const SUMMARY: &str = r#"{"taskId":"t","runId":"b","timestamp":"2026-01-06T00:00:00Z"}"#;

    /// A store that counts what reads bodies, and may be away.
    #[derive(Default)]
    struct Counted {
        inner: MemoryDocuments,
        gets: AtomicUsize,
        rounds: AtomicUsize,
        /// The next read of one body fails.
        is_away: AtomicBool,
    }

    impl Documents for Counted {
        async fn get(&self, key: &str) -> Result<Option<Document>, Trouble> {
            if self.is_away.swap(false, Ordering::Relaxed) {
                return Err(Trouble::unknown("it is away"));
            }
            self.gets.fetch_add(1, Ordering::Relaxed);
            self.inner.get(key).await
        }

        async fn replace(
            &self,
            key: &str,
            body: Option<Arc<[u8]>>,
            expect: Expect,
            level: Level,
        ) -> Result<Option<Version>, Trouble> {
            self.inner.replace(key, body, expect, level).await
        }

        async fn replace_all(&self, writes: Vec<Write>) -> Result<bool, Trouble> {
            self.inner.replace_all(writes).await
        }

        async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Page, Trouble> {
            self.inner.list(prefix, after).await
        }

        async fn changes(&self, prefix: &str, since: Option<&Cursor>) -> Result<Changes, Trouble> {
            self.rounds.fetch_add(1, Ordering::Relaxed);
            self.inner.changes(prefix, since).await
        }

        async fn time(&self) -> Result<SystemTime, Trouble> {
            self.inner.time().await
        }

        async fn promise(&self) -> Result<Promise, Trouble> {
            self.inner.promise().await
        }
    }

    fn write(store: &MemoryDocuments, key: &str, body: Option<&str>) {
        let body = body.map(|body| body.as_bytes().into());
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

    /// How many reads of one document, and of all, a look takes.
    fn reads_of(task: &mut SeenTask, store: &Counted) -> (usize, usize) {
        block_on(task.look(store)).unwrap();
        (store.gets.swap(0, Ordering::Relaxed), store.rounds.swap(0, Ordering::Relaxed))
    }

    #[test]
    fn each_look_reads_what_has_changed_and_keeps_the_rest() {
        let store = Counted::default();
        write(&store.inner, ".runs/t/cli/a/manifest.json", Some(LIVE));
        write(&store.inner, ".runs/t/cli/b/manifest.json", Some(LIVE));
        write(&store.inner, ".runs/t/b/manifest.json", Some(SUMMARY));
        write(&store.inner, ".runs/other/cli/c/manifest.json", Some(LIVE));
        let mut task = SeenTask::new("t");
        assert_eq!(reads_of(&mut task, &store), (0, 1));
        assert_eq!(seen(&task), (vec!["a", "b"], vec!["b"]));
        assert_eq!(reads_of(&mut task, &store), (0, 0));
        assert_eq!(seen(&task), (vec!["a", "b"], vec!["b"]));

        write(&store.inner, ".runs/t/cli/b/manifest.json", None);
        write(&store.inner, ".runs/t/b/manifest.json", None);
        write(&store.inner, ".runs/t/cli/d/.heartbeat", Some("x"));
        write(&store.inner, ".runs/t/.x.tandem-tmp/manifest.json", Some(LIVE));
        assert_eq!(reads_of(&mut task, &store), (1, 0));
        assert_eq!(seen(&task), (vec!["a", "d"], vec![]));
    }

    #[test]
    fn a_run_that_was_over_and_is_started_anew_is_seen_to_live() {
        let store = Counted::default();
        let [manifest, heartbeat] =
            ["manifest.json", ".heartbeat"].map(|name| format!(".runs/t/cli/a/{name}"));
        write(&store.inner, &manifest, Some(r#"{"status":"succeeded"}"#));
        write(&store.inner, &heartbeat, Some("x"));
        let mut task = SeenTask::new("t");
        assert_eq!(reads_of(&mut task, &store), (0, 1));
        let state = |task: &SeenTask| {
            let known = task.runs.known().next().unwrap().clone();
            Row::new(known, SystemTime::now()).state
        };
        assert_eq!(state(&task), State::Done);
        write(&store.inner, &manifest, Some(LIVE));
        write(&store.inner, &heartbeat, Some("x"));
        assert_eq!(reads_of(&mut task, &store), (2, 0));
        assert_eq!(state(&task), State::Live);
    }

    #[test]
    fn a_look_that_failed_hides_nothing_from_the_next_one() {
        let store = Counted::default();
        write(&store.inner, ".runs/t/cli/a/manifest.json", Some(LIVE));
        let mut task = SeenTask::new("t");
        block_on(task.look(&store)).unwrap();
        write(&store.inner, ".runs/t/cli/b/manifest.json", Some(LIVE));
        store.is_away.store(true, Ordering::Relaxed);
        assert!(block_on(task.look(&store)).is_err());
        store.rounds.store(0, Ordering::Relaxed);
        assert_eq!(reads_of(&mut task, &store), (0, 1));
        assert_eq!(seen(&task).0, ["a", "b"]);
    }

    #[test]
    fn many_changes_are_read_at_once() {
        let store = Counted::default();
        let mut task = SeenTask::new("t");
        assert_eq!(reads_of(&mut task, &store), (0, 1));
        for n in 0..=SINGLE_READS_MAX {
            write(&store.inner, &format!(".runs/t/cli/{n}/manifest.json"), Some(LIVE));
        }
        assert_eq!(reads_of(&mut task, &store), (0, 1));
        assert_eq!(task.runs.known().count(), SINGLE_READS_MAX + 1);
    }
}
