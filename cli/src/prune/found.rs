//! Finds the runs of a task that are over, and tells them from what somebody else put there.

use std::collections::BTreeSet;

use tandem_host::Json;

use super::found_run::FoundRun;
use super::kept::Kept;
use super::place::{RunsPlace, TaskPlace};
use super::summary::FoundSummary;
use crate::json::Members;
use crate::status::scan::{CLI, MANIFEST, RUNS};
use crate::table::time;

/// A directory that is in the place of a run, and that may be somebody else's.
pub struct Other {
    pub run: FoundRun,
    pub why: String,
}

/// The runs of a task.
#[derive(Default)]
pub struct TaskRuns {
    pub over: Vec<FoundRun>,
    live: BTreeSet<String>,
    /// Those that are runs if the history has them.
    doubtful: Vec<Other>,
    /// Those that stay, whatever the rules are.
    pub others: Vec<Other>,
}

/// The runs of a task.
///
/// # Errors
/// They cannot be listed.
pub fn runs(there: Option<&dyn TaskPlace>, task: &str) -> Result<TaskRuns, String> {
    let Some(there) = there else { return Ok(TaskRuns::default()) };
    let mut found = TaskRuns::default();
    let mut known = BTreeSet::new();
    for run in there.runs()? {
        known.insert(run.clone());
        match there.kept(&run) {
            Kept::Over(over) => found.over.push(over),
            Kept::Live | Kept::Gone => drop(found.live.insert(run)),
            Kept::Doubtful(over) => match there.summary(&run) {
                Some(FoundSummary::Own(_)) => found.over.push(over),
                _ => found.doubtful.push(Other { why: no_sign(task, &run), run: over }),
            },
        }
    }
    for run in there.summaries()? {
        if known.contains(&run) {
            continue;
        }
        let recorded = |ended| FoundRun::recorded(run.clone(), ended);
        match there.summary(&run) {
            Some(FoundSummary::Own(ended)) => found.over.push(recorded(ended)),
            Some(FoundSummary::Broken(ended)) => {
                found.doubtful.push(Other { run: recorded(ended), why: broken(task, &run) });
            }
            Some(FoundSummary::Others(ended)) => {
                found.others.push(Other { run: recorded(ended), why: no_summary(task, &run) });
            }
            None => {}
        }
    }
    Ok(found)
}

/// Parts runs from those beside which somebody else has a directory: it would go with the run.
pub fn part(
    there: Option<&dyn TaskPlace>,
    task: &str,
    runs: Vec<FoundRun>,
) -> (Vec<FoundRun>, Vec<Other>) {
    let Some(there) = there else { return (runs, Vec::new()) };
    let is_others =
        |run: &FoundRun| matches!(there.summary(&run.run), Some(FoundSummary::Others(_)));
    let (others, own): (Vec<_>, Vec<_>) = runs.into_iter().partition(is_others);
    let other = |run: FoundRun| Other { why: no_summary(task, &run.run), run };
    (own, others.into_iter().map(other).collect())
}

/// Those of some runs of a task that are live by now.
///
/// # Errors
/// They cannot be looked at.
pub fn live(
    place: &dyn RunsPlace,
    task: &str,
    runs: &[&FoundRun],
) -> Result<BTreeSet<String>, String> {
    let Some(there) = place.task(task)? else { return Ok(BTreeSet::new()) };
    let is_live = |run: &&&FoundRun| matches!(there.kept(&run.run), Kept::Live);
    Ok(runs.iter().filter(is_live).map(|run| run.run.clone()).collect())
}

impl TaskRuns {
    /// Whether the history has to tell which of them are runs.
    pub fn is_doubtful(&self) -> bool {
        !self.doubtful.is_empty()
    }

    /// Takes what the history has for runs, and nothing else of what is doubtful.
    pub fn decide(&mut self, entries: &[Json]) {
        let ids: BTreeSet<String> = entries.iter().filter_map(|entry| Some(id(entry)?.1)).collect();
        for other in self.doubtful.drain(..) {
            match ids.contains(&other.run.run) {
                true => self.over.push(other.run),
                false => self.others.push(other),
            }
        }
    }

    /// Adds the runs of which only an entry of the history is there.
    pub fn add_recorded(&mut self, entries: &[Json]) {
        let others = self.others.iter().map(|other| &other.run);
        let known: BTreeSet<String> =
            self.over.iter().chain(others).map(|run| run.run.clone()).collect();
        for entry in entries {
            let Some((members, run)) = id(entry) else { continue };
            let at = members.field::<String>("timestamp").as_deref().and_then(time);
            let Some(ended) = at.filter(|_| !known.contains(&run) && !self.live.contains(&run))
            else {
                continue;
            };
            self.over.push(FoundRun::recorded(run, ended));
        }
    }
}

/// An entry of a history, and the run that it is of.
fn id(entry: &Json) -> Option<(Members<'_>, String)> {
    let members = Members::read(entry).ok()?;
    let run = members.field::<String>("runId")?;
    Some((members, run))
}

fn no_sign(task: &str, run: &str) -> String {
    format!(
        "{RUNS}/{task}/{CLI}/{run} has no manifest with a status and no heartbeat, and no record \
         tells of the run"
    )
}

fn broken(task: &str, run: &str) -> String {
    format!("{RUNS}/{task}/{run}/{MANIFEST} cannot be read, and the task's history has no such run")
}

fn no_summary(task: &str, run: &str) -> String {
    format!("{RUNS}/{task}/{run}/{MANIFEST} is no summary of that run")
}
