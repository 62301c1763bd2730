//! Workloads as data, and what they write.

use std::fmt;
use std::time::Duration;

use super::past::Past;
use tandem_host::{Durability, RecordOptions, RemoveOptions, Request, RunOptions};

/// The task of every workload.
pub(super) const TASK: &str = "torture";

/// A run that no workload records, behind all others.
pub(super) const LATER: usize = 59;

/// Short, so that a dead holder's lock does not cost many looks.
const LEASE_MS: u64 = 60;

/// Those of workloads that do not draw them.
pub(super) const INTERVALS_MS: [u64; 2] = [5000, 5000];

/// A workload.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub runs: Vec<RunPlan>,
    pub history: Durability,
    pub summary: Durability,
    pub acts: Vec<Act>,
    /// How many instances of the component share the disk. The calls of run `n` go to instance
    /// `n % instances`.
    pub instances: usize,
    pub lease_ms: u64,
    /// Neighbouring calls of one kind are made at once.
    pub is_burst: bool,
    /// Whether runs are recorded, here or in the workload that this one goes on with.
    pub has_records: bool,
    /// Whether runs are removed, here or in the workload that this one goes on with.
    pub has_removals: bool,
    /// What is on the disk before the first call.
    pub past: Past,
}

/// A run of a workload.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunPlan {
    pub manifest: Durability,
    pub heartbeat: Durability,
    /// Of manifest and heartbeat.
    pub intervals_ms: [u64; 2],
}

/// One call of a workload. Runs are named by their place in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Open(usize),
    /// A new document with a filling of so many bytes.
    Set(usize, usize),
    /// A new version of the document by a patch.
    Merge(usize),
    /// Asks for a flush, and waits for none.
    Mark(usize, Request),
    Schedule(usize, Request),
    Flush(usize),
    Close(usize),
    /// Drops the run's handle without a close.
    Drop(usize),
    /// Records the run, with a filling of so many bytes.
    Record(usize, usize),
    Remove(Removal),
    History,
    Stats(usize),
    /// Opens the run unless it is open.
    Ensure(usize),
    /// From here on the disk works.
    Heal,
    /// Ends an instance as SIGKILL does.
    Kill(usize),
    /// So many milliseconds pass in which nobody makes a call.
    Wait(u64),
}

/// What one call removes, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Removal {
    /// The runs by their place in the plan, a bit each.
    pub runs: u8,
    pub from_history: bool,
    pub sweep: bool,
    /// Whether signs of life keep a run.
    pub spares_living: bool,
    /// The instance that makes the call.
    pub instance: usize,
}

impl Removal {
    /// Removes these runs unless they live, and leaves the history as it is.
    pub(super) fn of(runs: u8) -> Self {
        let (from_history, sweep, spares_living, instance) = (false, false, true, 0);
        Removal { runs, from_history, sweep, spares_living, instance }
    }

    /// The same with their entries in the history.
    pub(super) fn with_entries(self) -> Self {
        Removal { from_history: true, ..self }
    }

    pub(super) fn by(self, instance: usize) -> Self {
        Removal { instance, ..self }
    }

    /// The runs in the order in which they are named.
    pub(super) fn runs(self) -> impl Iterator<Item = usize> {
        (0..u8::BITS as usize).filter(move |run| self.runs & (1 << run) != 0)
    }

    /// How recent a sign of life is that keeps a run.
    pub(super) fn alive_for(self) -> Duration {
        if self.spares_living { ALIVE_FOR } else { Duration::ZERO }
    }
}

/// The default of the component, which is not passed.
const ALIVE_FOR: Duration = Duration::from_secs(30);

impl Act {
    /// The run that this is about.
    pub(super) fn run(&self) -> Option<usize> {
        match *self {
            Act::Open(run) | Act::Set(run, _) | Act::Merge(run) => Some(run),
            Act::Mark(run, _) | Act::Schedule(run, _) => Some(run),
            Act::Flush(run) | Act::Close(run) | Act::Record(run, _) => Some(run),
            Act::Stats(run) | Act::Ensure(run) | Act::Drop(run) => Some(run),
            Act::Remove(_) | Act::History | Act::Heal | Act::Kill(_) | Act::Wait(_) => None,
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Open(run) => write!(f, "open {}", run_id(*run)),
            Act::Set(run, bytes) => {
                write!(f, "set {} ({bytes} bytes of filling)", run_id(*run))
            }
            Act::Merge(run) => write!(f, "merge {}", run_id(*run)),
            Act::Mark(run, request) | Act::Schedule(run, request) => {
                let is_mark = matches!(self, Act::Mark(..));
                let call = if is_mark { "mark" } else { "schedule" };
                write!(f, "{call} {}", run_id(*run))?;
                for (flag, name) in [
                    (request.manifest, "manifest"),
                    (request.heartbeat, "heartbeat"),
                    (request.force, "force"),
                ] {
                    if flag {
                        write!(f, " {name}")?;
                    }
                }
                Ok(())
            }
            Act::Flush(run) => write!(f, "flush {}", run_id(*run)),
            Act::Close(run) => write!(f, "close {}", run_id(*run)),
            Act::Record(run, bytes) => {
                write!(f, "record-run {} ({bytes} bytes of filling)", run_id(*run))
            }
            Act::Remove(removal) => {
                let Removal { from_history, sweep, spares_living, instance, .. } = removal;
                write!(f, "remove-runs")?;
                for run in removal.runs() {
                    write!(f, " {}", run_id(run))?;
                }
                for (flag, name) in [
                    (*from_history, "from the history too"),
                    (*sweep, "with a sweep"),
                    (!spares_living, "whether they live or not"),
                ] {
                    if flag {
                        write!(f, ", {name}")?;
                    }
                }
                write!(f, ", by instance {instance}")
            }
            Act::Drop(run) => write!(f, "drop {}", run_id(*run)),
            Act::Stats(run) => write!(f, "stats {}", run_id(*run)),
            Act::Ensure(run) => write!(f, "open {} unless it is open", run_id(*run)),
            Act::Heal => write!(f, "the disk works from here on"),
            Act::History => write!(f, "history"),
            Act::Kill(instance) => write!(f, "kill instance {instance}"),
            Act::Wait(ms) => write!(f, "{ms} ms pass"),
        }
    }
}

impl Plan {
    pub(super) fn run_options(&self, run: usize) -> RunOptions {
        let plan = &self.runs[run];
        let [manifest, heartbeat] = plan.intervals_ms.map(Duration::from_millis);
        RunOptions::new(TASK, run_id(run))
            .manifest_interval(manifest)
            .heartbeat_interval(heartbeat)
            .manifest_durability(plan.manifest)
            .heartbeat_durability(plan.heartbeat)
    }

    pub(super) fn record_options(&self) -> RecordOptions {
        RecordOptions::new()
            .summary_durability(self.summary)
            .history_durability(self.history)
            .lease(Duration::from_millis(self.lease_ms))
    }

    pub(super) fn remove_options(&self, removal: Removal) -> RemoveOptions {
        let options = RemoveOptions::new(TASK)
            .from_history(removal.from_history)
            .sweep(removal.sweep)
            .lease(Duration::from_millis(self.lease_ms));
        if removal.spares_living { options } else { options.alive_for(Duration::ZERO) }
    }

    pub(super) fn instance(&self, act: &Act) -> usize {
        match act {
            Act::Remove(removal) => removal.instance,
            _ => act.run().map_or(0, |run| self.instance_of(run)),
        }
    }

    /// The instance that a run's own calls go to.
    pub(super) fn instance_of(&self, run: usize) -> usize {
        run % self.instances
    }

    /// One to three updates of one run, each written by force.
    pub(super) fn updates(count: usize, manifest: Durability, heartbeat: Durability) -> Plan {
        let mut acts = vec![Act::Open(0)];
        let pair = Request::new().manifest().heartbeat().force();
        for update in 0..count {
            let change = if update == 1 { Act::Merge(0) } else { Act::Set(0, 40 + 700 * update) };
            acts.extend([change, Act::Schedule(0, pair)]);
        }
        acts.push(Act::Close(0));
        let run = RunPlan { manifest, heartbeat, intervals_ms: INTERVALS_MS };
        Plan { runs: vec![run], acts, ..Plan::empty() }
    }

    /// One to three runs of one task, recorded one after the other.
    pub(super) fn records(count: usize, history: Durability, summary: Durability) -> Plan {
        let run = RunPlan {
            manifest: Durability::Durable,
            heartbeat: Durability::Visible,
            intervals_ms: INTERVALS_MS,
        };
        let acts = (0..count).map(|run| Act::Record(run, 60 + 300 * run)).collect();
        let runs = vec![run; count];
        Plan { runs, history, summary, acts, has_records: true, ..Plan::empty() }
    }

    /// The same at once, so that runs are taken together.
    pub(super) fn records_at_once(count: usize, history: Durability, summary: Durability) -> Plan {
        Plan { is_burst: true, ..Plan::records(count, history, summary) }
    }

    /// Runs of one task that two instances record at the same time.
    pub(super) fn rivals(count: usize) -> Plan {
        let plan = Plan::records(count, Durability::Durable, Durability::Durable);
        Plan { instances: 2, is_burst: true, ..plan }
    }

    /// What a caller does after a crash of this workload: it opens everything again and goes on.
    pub(super) fn again(&self, random: &mut fastrand::Rng) -> Plan {
        let mut acts = Vec::new();
        for run in 0..self.runs.len() {
            acts.push(Act::Open(run));
            if random.bool() {
                acts.push(Act::Set(run, filling(random)));
                acts.push(Act::Schedule(run, Request::new().manifest().heartbeat().force()));
            }
            if self.has_records && random.bool() {
                acts.push(Act::Record(run, filling(random) / 2));
            }
            if self.has_removals && random.usize(..3) == 0 {
                acts.push(Act::Remove(self.any_removal(random)));
            }
        }
        if self.has_records {
            acts.push(Act::History);
        }
        Plan { acts, ..self.clone() }
    }

    pub(super) fn empty() -> Plan {
        Plan {
            runs: Vec::new(),
            history: Durability::Durable,
            summary: Durability::Durable,
            acts: Vec::new(),
            instances: 1,
            lease_ms: LEASE_MS,
            is_burst: false,
            has_records: false,
            has_removals: false,
            past: Past::default(),
        }
    }

    /// Any workload.
    pub(super) fn random(random: &mut fastrand::Rng) -> Plan {
        let count = 1 + random.usize(..3);
        let has_records = random.usize(..4) == 0;
        let has_removals = has_records && random.bool();
        let mut durability = |chance: usize| {
            if random.usize(..4) < chance { Durability::Visible } else { Durability::Durable }
        };
        let (history, summary) = (durability(1), durability(1));
        let mut runs = Vec::new();
        for _ in 0..count {
            let (manifest, heartbeat) = (durability(2), durability(3));
            runs.push(RunPlan { manifest, heartbeat, intervals_ms: INTERVALS_MS });
        }
        for interval_ms in runs.iter_mut().flat_map(|run| &mut run.intervals_ms) {
            *interval_ms = random.choice([0, 1, 20, 5000]).unwrap_or(5000);
        }
        let mut acts = Vec::new();
        for run in 0..count {
            acts.extend([Act::Open(run), Act::Set(run, filling(random))]);
        }
        for _ in 0..2 + random.usize(..8) {
            let run = random.usize(..count);
            let request = Request {
                manifest: random.bool(),
                heartbeat: random.bool(),
                force: random.usize(..3) > 0,
            };
            acts.push(match random.usize(..9) {
                0 | 1 => Act::Set(run, filling(random)),
                2 => Act::Merge(run),
                3 => Act::Flush(run),
                4 if has_records => Act::Record(run, filling(random) / 2),
                5 => Act::Mark(run, request),
                _ => Act::Schedule(run, request),
            });
        }
        for run in 0..count {
            match random.usize(..4) {
                0 | 1 => acts.push(Act::Close(run)),
                2 => acts.push(Act::Drop(run)),
                _ => {}
            }
            if has_records {
                acts.push(Act::Record(run, filling(random) / 2));
            }
        }
        let instances =
            if has_records && (has_removals || random.bool()) { 2.min(count) } else { 1 };
        if instances > 1 && random.bool() {
            acts.insert(random.usize(..acts.len()), Act::Kill(1));
        }
        let mut plan =
            Plan { runs, history, summary, acts, instances, has_records, ..Plan::empty() };
        if has_removals {
            plan.add_removals(random);
        }
        plan
    }

    /// Calls of one run that are made at once, so that they share a flush and wait for each other.
    pub(super) fn waiters() -> Plan {
        let mut plan = Plan::updates(1, Durability::Durable, Durability::Visible);
        plan.is_burst = true;
        let [manifest, heartbeat] = [Request::new().manifest(), Request::new().heartbeat()];
        plan.acts = vec![
            Act::Open(0),
            Act::Set(0, 40),
            Act::Schedule(0, manifest.force()),
            Act::Schedule(0, heartbeat),
            Act::Schedule(0, manifest.heartbeat().force()),
            Act::Flush(0),
            Act::Set(0, 300),
            Act::Schedule(0, manifest.heartbeat().force()),
            Act::Flush(0),
            Act::Close(0),
        ];
        plan
    }

    /// Marks, forced and not, whose flushes nobody waits for but a barrier.
    pub(super) fn marks() -> Plan {
        let mut plan = Plan::updates(1, Durability::Durable, Durability::Durable);
        plan.runs[0].intervals_ms = [20, 5000];
        let [manifest, heartbeat] = [Request::new().manifest(), Request::new().heartbeat()];
        plan.acts = vec![
            Act::Open(0),
            Act::Set(0, 40),
            Act::Mark(0, manifest.heartbeat().force()),
            Act::Set(0, 300),
            Act::Mark(0, manifest),
            Act::Mark(0, heartbeat),
            Act::Flush(0),
            Act::Set(0, 20),
            Act::Mark(0, heartbeat.force()),
            Act::Close(0),
        ];
        plan
    }

    /// Several runs that are written at once.
    pub(super) fn burst(runs: usize) -> Plan {
        let mut plan = Plan::updates(1, Durability::Durable, Durability::Visible);
        plan.runs = vec![plan.runs[0]; runs];
        plan.is_burst = true;
        let pair = Request::new().manifest().heartbeat().force();
        plan.acts = (0..runs).flat_map(|run| [Act::Open(run), Act::Set(run, 40)]).collect();
        plan.acts.extend((0..runs).map(|run| Act::Schedule(run, pair)));
        plan.acts.extend((0..runs).map(Act::Close));
        plan
    }

    /// The same with whole documents instead of patches, whose result depends on what was refused.
    pub(super) fn without_patches(mut self) -> Plan {
        for act in &mut self.acts {
            if let Act::Merge(run) = *act {
                *act = Act::Set(run, 300);
            }
        }
        self
    }
}

/// Sizes around those of sectors and pages, and small ones.
pub(super) fn filling(random: &mut fastrand::Rng) -> usize {
    let most = random.choice([60, 500, 1200, 2600, 5000, 9000]).unwrap_or(60);
    random.usize(..most)
}

pub(super) fn run_id(run: usize) -> String {
    format!("2026-01-06T00-27-16-{run:03}Z")
}

pub(super) fn run_dir(run: usize) -> String {
    format!(".runs/{TASK}/cli/{}", run_id(run))
}

pub(super) fn manifest_path(run: usize) -> String {
    format!("{}/manifest.json", run_dir(run))
}

pub(super) fn heartbeat_path(run: usize) -> String {
    format!("{}/.heartbeat", run_dir(run))
}

pub(super) fn summary_dir(run: usize) -> String {
    format!(".runs/{TASK}/{}", run_id(run))
}

pub(super) fn summary_path(run: usize) -> String {
    format!("{}/manifest.json", summary_dir(run))
}

/// A file that is no one of the component's.
pub(super) fn artifact_path(run: usize) -> String {
    format!("{}/artifacts/log", run_dir(run))
}

/// The directory of all runs and summaries.
pub(super) fn task_dir() -> String {
    format!(".runs/{TASK}")
}

pub(super) fn lock_path() -> String {
    format!(".runs/{TASK}.lock")
}

pub(super) fn history_path() -> String {
    format!("out/{TASK}/runs.json")
}

/// A document: as a caller gives it, and as its file holds it.
pub(super) fn document(run: usize, version: usize, filling: usize) -> (String, String) {
    let fill: String =
        (0..filling).map(|at| char::from(b'a' + (at * 7 + version) as u8 % 26)).collect();
    let id = run_id(run);
    let given =
        format!(r#"{{"run_id":"{id}","version":{version},"fill":"{fill}","exit_code":1.50}}"#);
    let file = format!(
        "{{\n  \"run_id\": \"{id}\",\n  \"version\": {version},\n  \"fill\": \"{fill}\",\n  \
         \"exit_code\": 1.50\n}}\n"
    );
    (given, file)
}

/// A patch that makes the next version of a document, and its file.
pub(super) fn patched(file: &str, from: usize, to: usize) -> (String, String) {
    let old = format!("\"version\": {from},");
    (format!(r#"{{"version":{to}}}"#), file.replacen(&old, &format!("\"version\": {to},"), 1))
}

/// The time of a run's summary.
pub(super) fn stamp(run: usize) -> String {
    let second = run / 2 % 60;
    let fraction = if run.is_multiple_of(2) { "" } else { ".5" };
    format!("2026-01-06T01:00:{second:02}{fraction}Z")
}

/// The summary of a run: as a caller gives it, and as its file holds it. A later run has a later
/// time, though its text may sort before that of the one before; a later version has the same.
pub(super) fn summary(run: usize, version: usize, filling: usize) -> (String, String) {
    let fill: String =
        (0..filling).map(|at| char::from(b'A' + (at * 3 + version) as u8 % 26)).collect();
    let (id, stamp) = (run_id(run), stamp(run));
    let given = format!(
        r#"{{"taskId":"{TASK}","runId":"{id}","timestamp":"{stamp}","version":{version},"notes":"{fill}"}}"#
    );
    let file = format!(
        "{{\n  \"taskId\": \"{TASK}\",\n  \"runId\": \"{id}\",\n  \"timestamp\": \"{stamp}\",\n  \
         \"version\": {version},\n  \"notes\": \"{fill}\"\n}}"
    );
    (given, file)
}
