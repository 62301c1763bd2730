//! Runs that are kept in a store.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use futures::executor::block_on;
use tandem_documents::Documents;

use super::directories::{HISTORIES, can_be_summary, is_temporary};
use super::end_state::EndState;
use super::found_run::FoundRun;
use super::kept::{Kept, stands};
use super::leftovers::Leftovers;
use super::place::{RunsPlace, TaskPlace};
use super::seen_task::SeenTask;
use super::summary::FoundSummary;
use crate::plain::sentence;
use crate::status::known::Known;
use crate::status::scan::{RUNS, can_be_task};

/// Behind every key below another one.
const LAST: char = char::MAX;

/// The runs of a store.
pub struct RunsStore<D> {
    store: Arc<D>,
    /// Whether the times of documents are by one clock.
    has_clock: bool,
    /// The task that was looked at last.
    seen: RefCell<Option<SeenTask>>,
}

impl<D: Documents> RunsStore<D> {
    /// With `has_clock` the times of documents are by one clock, not by those of who wrote them.
    pub fn new(store: D, has_clock: bool) -> Self {
        RunsStore { store: Arc::new(store), has_clock, seen: RefCell::default() }
    }

    /// The names that come next in keys below a prefix. One request for each.
    fn names(&self, prefix: &str) -> Result<BTreeSet<String>, String> {
        let mut names = BTreeSet::new();
        let mut after = None;
        loop {
            let page = block_on(self.store.list(prefix, after.as_deref()));
            let page = page.map_err(|trouble| sentence(&trouble))?;
            let last = page.entries.last().map(|listed| listed.key.clone());
            for listed in page.entries {
                let rest = listed.key.strip_prefix(prefix).and_then(|rest| rest.split_once('/'));
                names.extend(rest.map(|(name, _)| name.to_owned()));
            }
            let Some(last) = last.filter(|_| page.has_more) else { return Ok(names) };
            let name = last.strip_prefix(prefix).and_then(|rest| rest.split_once('/'));
            after = Some(name.map_or(last.clone(), |(name, _)| format!("{prefix}{name}/{LAST}")));
        }
    }
}

impl<D: Documents> RunsPlace for RunsStore<D> {
    fn tasks(&self, has_history: bool) -> Result<BTreeSet<String>, String> {
        let mut tasks = self.names(&format!("{RUNS}/"))?;
        if has_history {
            tasks.extend(self.names(&format!("{HISTORIES}/"))?);
        }
        tasks.retain(|task| can_be_task(task.as_ref()));
        Ok(tasks)
    }

    /// There are no links.
    fn check(&self, _task: &str) -> Result<(), String> {
        Ok(())
    }

    /// A prune looks at a task many times, and most of it stays as it was.
    fn task(&self, task: &str) -> Result<Option<Box<dyn TaskPlace>>, String> {
        let mut seen = self.seen.borrow_mut();
        let seen = match &mut *seen {
            Some(seen) if seen.task == task => seen,
            other => other.insert(SeenTask::new(task)),
        };
        block_on(seen.look(&*self.store)).map_err(|trouble| sentence(&trouble))?;
        Ok(Some(Box::new(TaskDocuments::new(seen, self.has_clock))))
    }

    /// Temporary files are in memory, so only what a removal had begun to take away can be left.
    fn leftovers(&self, task: &str) -> Result<Leftovers, String> {
        let names = self.names(&format!("{RUNS}/{task}/"))?;
        let of_task = names.iter().filter(|name| is_temporary(name)).count();
        Ok(Leftovers { of_task, ..Leftovers::default() })
    }
}

/// What a store had of a task.
struct TaskDocuments {
    runs: BTreeMap<String, (Known, HasHeartbeat)>,
    summaries: BTreeMap<String, FoundSummary>,
    has_clock: bool,
}

type HasHeartbeat = bool;

impl TaskDocuments {
    fn new(seen: &SeenTask, has_clock: bool) -> Self {
        let known = |known: &Known| {
            let mut known = known.clone();
            // Without a manifest its place is as old as what is there.
            known.signs.written = known.signs.written.or(known.signs.heartbeat);
            let has_heartbeat = known.signs.heartbeat.is_some();
            (known.run.clone(), (known, has_heartbeat))
        };
        let runs = seen.runs.known().filter(|known| can_be_summary(&known.run)).map(known);
        TaskDocuments { runs: runs.collect(), summaries: seen.summaries.clone(), has_clock }
    }
}

impl TaskPlace for TaskDocuments {
    fn runs(&self) -> Result<Vec<String>, String> {
        Ok(self.runs.keys().cloned().collect())
    }

    fn summaries(&self) -> Result<Vec<String>, String> {
        Ok(self.summaries.keys().cloned().collect())
    }

    fn kept(&self, run: &str) -> Kept {
        let Some((known, has_heartbeat)) = self.runs.get(run) else { return Kept::Gone };
        match stands(known.clone(), SystemTime::now(), || *has_heartbeat) {
            // A host whose clock is behind may keep it.
            Kept::Over(FoundRun { state: EndState::Stale | EndState::Empty, .. })
                if !self.has_clock =>
            {
                Kept::Live
            }
            stands => stands,
        }
    }

    fn summary(&self, run: &str) -> Option<FoundSummary> {
        self.summaries.get(run).copied()
    }
}
