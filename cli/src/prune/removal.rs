//! Has the library remove runs of a task.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tandem_host::{Error, LeftReason, LeftRun, RemoveOptions, Removed, Tandem};

use super::found;
use super::found_run::FoundRun;
use super::place::RunsPlace;
use super::stop::Stop;
use crate::plain::message;
use crate::status::scan::{CLI, RUNS};

/// How many runs are removed under one hold of the lock: others wait for it.
const RUNS_MAX: usize = 256;
/// Why a run is left that is live.
const ALIVE: &str = "it has shown a sign of life";
/// Why one is left that is not looked at any more.
const STOPPED: &str = "a signal came before";

/// What is to be removed of a task, and how.
pub struct Removal<'a> {
    pub place: &'a dyn RunsPlace,
    pub task: &'a str,
    pub from_history: bool,
    pub sweep: bool,
    /// How long to wait for the lock.
    pub wait: Duration,
    /// Tells to begin nothing more.
    pub stop: &'a Stop,
}

/// What became of it.
#[derive(Default)]
pub struct RemovalOutcome {
    /// Of each run that is left, why.
    pub left: BTreeMap<String, String>,
    /// Whether a signal ended it.
    pub is_stopped: bool,
    /// The runs that somebody else removed.
    pub gone: BTreeSet<String>,
    pub entries: u32,
    pub swept: u32,
    /// What stays of directories that were taken away.
    pub remaining: BTreeSet<String>,
    /// What could not be removed, each once.
    pub problems: BTreeSet<String>,
}

impl Removal<'_> {
    /// Removes runs, and if asked for what killed processes left.
    pub async fn remove(&self, tandem: &Tandem, going: &[FoundRun]) -> RemovalOutcome {
        let mut outcome = RemovalOutcome::default();
        // One that may be silent for long keeps no other for so long.
        let mut alike: BTreeMap<Duration, Vec<&FoundRun>> = BTreeMap::new();
        for run in going {
            alike.entry(run.alive_for).or_default().push(run);
        }
        for (alive_for, runs) in alike {
            let options = self.options().alive_for(alive_for);
            for runs in runs.chunks(RUNS_MAX) {
                if self.stop.signal().is_some() {
                    outcome.is_stopped = true;
                    let left = runs.iter().map(|run| (run.run.clone(), STOPPED.to_owned()));
                    outcome.left.extend(left);
                    continue;
                }
                self.remove_some(tandem, runs, &options, &mut outcome).await;
            }
        }
        if self.sweep && self.stop.signal().is_some() {
            outcome.is_stopped = true;
        } else if self.sweep {
            let result = call(tandem, &[], self.options().sweep(true)).await;
            outcome.add(self.task, &[], result);
        }
        outcome
    }

    async fn remove_some(
        &self,
        tandem: &Tandem,
        runs: &[&FoundRun],
        options: &RemoveOptions,
        outcome: &mut RemovalOutcome,
    ) {
        // Those before took their time: a run may have been started anew since it was found.
        let live = match found::live(self.place, self.task, runs) {
            Ok(live) => live,
            Err(why) => return outcome.fail(runs, why),
        };
        let (live, over): (Vec<&FoundRun>, Vec<&FoundRun>) =
            runs.iter().copied().partition(|run| live.contains(&run.run));
        outcome.left.extend(live.into_iter().map(|run| (run.run.clone(), ALIVE.to_owned())));
        if over.is_empty() {
            return;
        }
        let result = call(tandem, &over, options.clone()).await;
        outcome.add(self.task, &over, result);
    }

    fn options(&self) -> RemoveOptions {
        RemoveOptions::new(self.task).from_history(self.from_history).lock_wait(self.wait)
    }
}

async fn call(
    tandem: &Tandem,
    runs: &[&FoundRun],
    options: RemoveOptions,
) -> Result<Removed, Error> {
    tandem.remove_runs(runs.iter().map(|run| run.run.as_str()), options).await
}

impl RemovalOutcome {
    fn add(&mut self, task: &str, runs: &[&FoundRun], result: Result<Removed, Error>) {
        match result {
            Ok(removed) => {
                self.entries += removed.entries;
                self.swept += removed.swept;
                for failure in removed.remaining {
                    self.problems.insert(failure.message + permit(&failure.code));
                    self.remaining.insert(failure.path);
                }
                for left in removed.left {
                    self.leave(task, left);
                }
                self.gone.extend(removed.absent);
            }
            Err(error) => self.fail(runs, message(&error) + &way_out(task, error.code())),
        }
    }

    fn fail(&mut self, runs: &[&FoundRun], why: String) {
        self.left.extend(runs.iter().map(|run| (run.run.clone(), why.clone())));
        self.problems.insert(why);
    }

    fn leave(&mut self, task: &str, left: LeftRun) {
        let LeftRun { run_id, reason, failure, .. } = left;
        let why = match (reason, failure) {
            (_, Some(failure)) => {
                self.problems.insert(failure.message.clone());
                failure.message
            }
            (LeftReason::Open, None) => "it is open".to_owned(),
            (LeftReason::Alive, None) => ALIVE.to_owned(),
            (LeftReason::NoDirectory, None) => {
                self.problems.insert(format!("cannot remove {task}/{run_id}: it is no directory"));
                "it is no directory".to_owned()
            }
            (_, None) => "it could not be removed".to_owned(),
        };
        self.left.insert(run_id, why);
    }
}

/// What helps where the disk is too full even for the lock, as the end of a sentence.
fn way_out(task: &str, code: Option<&str>) -> String {
    match code {
        Some("insufficient-space" | "quota") => format!(
            ": a little room is needed to remove more, make it by hand, as with the directory of a \
             run that is over, {RUNS}/{task}/{CLI}/RUN"
        ),
        _ => String::new(),
    }
}

/// What helps where the rights do not suffice, as the end of a sentence.
fn permit(code: &str) -> &'static str {
    match code {
        "access" | "not-permitted" => {
            ": make it writable (chmod -R u+w) or remove it by hand, then prune again"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_too_full_for_the_lock_is_told_with_a_way_out() {
        for code in ["insufficient-space", "quota"] {
            assert!(way_out("task", Some(code)).ends_with("is over, .runs/task/cli/RUN"));
        }
        for code in [Some("io"), None] {
            assert_eq!(way_out("task", code), "");
        }
    }
}
