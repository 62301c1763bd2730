//! What hosts were acknowledged, as they told it: kept outside of them, so that it outlives them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::word::{Name, Word};

/// What one owner of a run told of it.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The process.
    pub owner: String,
    /// The number of the manifest that it found.
    pub found: u64,
    /// The number that was acknowledged last, 0 for none.
    pub acknowledged: u64,
}

/// Everything that was acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// The owners of each run, one after the other.
    pub runs: BTreeMap<Name, Vec<Owner>>,
    /// The ids of the recorded runs, by their task.
    pub records: BTreeMap<String, BTreeSet<String>>,
}

/// What was told while something happened.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Manifests and recorded runs.
    pub acknowledged: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// The one that came latest after its time, in milliseconds.
    pub heartbeat_late_ms_max: u64,
    /// The longest time without a manifest or a recorded run.
    pub gap_max: Duration,
    /// Calls that failed, by name and kind.
    pub failed: BTreeMap<String, u64>,
}

#[derive(Default)]
struct State {
    lines: Lines,
    told: Told,
    ready: BTreeSet<String>,
    /// Who has given a run up, and which.
    conflicts: BTreeMap<String, BTreeSet<Name>>,
    /// Of all times.
    acknowledged: u64,
    last: Option<Instant>,
    held: Option<Instant>,
    /// Lines that are none.
    bad: Vec<String>,
}

/// The ledger of all processes.
#[derive(Default)]
pub struct Ledger(Mutex<State>);

impl Ledger {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what a process said.
    pub fn note(&self, owner: &str, line: &str) {
        let mut guard = self.state();
        let state = &mut *guard;
        match line.parse() {
            Ok(Word::Ready) => {
                state.ready.insert(owner.to_owned());
            }
            Ok(Word::Opened(name, found)) => {
                let entry = Owner { owner: owner.to_owned(), found, acknowledged: 0 };
                state.lines.runs.entry(name).or_default().push(entry);
            }
            Ok(Word::Manifest(name, number)) => {
                let owners = state.lines.runs.entry(name).or_default();
                match owners.iter_mut().find(|entry| entry.owner == owner) {
                    Some(entry) => entry.acknowledged = entry.acknowledged.max(number),
                    None => state.bad.push(format!("{owner}: it has not opened this: {line}")),
                }
                state.acknowledge();
            }
            Ok(Word::Record(Name { task, run })) => {
                state.lines.records.entry(task).or_default().insert(run);
                state.acknowledge();
            }
            Ok(Word::Heartbeat(late_ms)) => {
                state.told.heartbeats += 1;
                let max = &mut state.told.heartbeat_late_ms_max;
                *max = late_ms.max(*max);
            }
            Ok(Word::Conflict(name)) => {
                state.conflicts.entry(owner.to_owned()).or_default().insert(name);
            }
            Ok(Word::Failed(call, kind)) => {
                *state.told.failed.entry(format!("{call} {kind}")).or_default() += 1;
            }
            Err(error) => state.bad.push(format!("{owner}: {error}")),
        }
    }

    /// What was acknowledged so far.
    pub fn lines(&self) -> Lines {
        self.state().lines.clone()
    }

    /// How many manifests and recorded runs were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.state().acknowledged
    }

    /// Whether a process has all its runs open.
    pub fn is_ready(&self, owner: &str) -> bool {
        self.state().ready.contains(owner)
    }

    /// Whether each run of a process has a manifest: who takes over one that has none cannot write it
    /// once more.
    pub fn has_manifests(&self, owner: &str) -> bool {
        let state = self.state();
        let owned = state.lines.runs.values().flatten().filter(|entry| entry.owner == owner);
        let mut numbers = owned.map(|entry| entry.found.max(entry.acknowledged));
        numbers.all(|number| number > 0)
    }

    /// How many runs a process has given up.
    pub fn conflicts(&self, owner: &str) -> usize {
        self.state().conflicts.get(owner).map_or(0, BTreeSet::len)
    }

    /// Who has given runs up.
    pub fn losers(&self) -> Vec<String> {
        self.state().conflicts.keys().cloned().collect()
    }

    /// Lines that are none.
    pub fn bad(&self) -> Vec<String> {
        self.state().bad.clone()
    }

    /// The processes stand still: this is no time without acknowledgement.
    pub fn hold(&self) {
        self.state().held = Some(Instant::now());
    }

    /// They go on.
    pub fn go_on(&self) {
        let mut state = self.state();
        let held = state.held.take().map(|since| since.elapsed());
        if let (Some(held), Some(last)) = (held, state.last) {
            state.last = Some(last + held);
        }
    }

    /// Begins anew with what happens, and answers what was told until now.
    pub fn turn(&self) -> Told {
        let mut state = self.state();
        // What is still going on counts.
        if let Some(last) = state.last {
            state.told.gap_max = last.elapsed().max(state.told.gap_max);
        }
        state.last = None;
        std::mem::take(&mut state.told)
    }
}

impl State {
    fn acknowledge(&mut self) {
        self.acknowledged += 1;
        self.told.acknowledged += 1;
        let now = Instant::now();
        if let Some(last) = self.last.replace(now) {
            // Of what is read while they stand still, the moment is not known.
            self.told.gap_max = now.saturating_duration_since(last).max(self.told.gap_max);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_of_each_owner_is_kept() {
        let ledger = Ledger::default();
        for (owner, line) in [
            ("a", "opened t r 0"),
            ("a", "manifest t r 1"),
            ("a", "manifest t r 2"),
            ("b", "opened t r 2"),
            ("b", "manifest t r 3"),
            ("a", "record s x"),
            ("a", "failed flush storage"),
            ("a", "nonsense"),
        ] {
            ledger.note(owner, line);
        }
        let lines = ledger.lines();
        let owners = &lines.runs[&Name { task: "t".into(), run: "r".into() }];
        let of = |n: usize| (&*owners[n].owner, owners[n].found, owners[n].acknowledged);
        assert_eq!([of(0), of(1)], [("a", 0, 2), ("b", 2, 3)]);
        assert!(lines.records["s"].contains("x"));
        assert_eq!(ledger.bad().len(), 1);
        let told = ledger.turn();
        assert_eq!((told.acknowledged, told.failed["flush storage"]), (4, 1));
        assert_eq!((ledger.turn().acknowledged, ledger.acknowledged()), (0, 4));
    }
}
