//! What a fresh instance makes of a disk after a crash.

use std::collections::BTreeMap;

use super::machine::{Command, Lab, Next, Outcome, Stage};
use super::plan::{self, Plan, Removal};
use crate::sim::tree::Tree;
use crate::sim::{Model, SimDisk};
use tandem_host::Error;
use tandem_host::disk::Kind;
use tandem_host::testing::{is_temporary, temporary_target};
use tandem_host::{HistoryOptions, Request};
use tandem_host::{Recorded, Recovery, TaskHistory};

/// The age from which temporary files are swept.
const SWEEP_AFTER_NS: u64 = 3600 * 1_000_000_000;

/// When everything is opened again, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    /// At once: files of others may still be in use.
    Soon,
    /// When whatever is left is old.
    Later,
    /// As that, and everything is written again.
    ToUse,
}

/// More turns than any recovery takes.
const TURNS_MAX: usize = 10_000;

/// What recovery saw and did.
#[derive(Clone, Debug)]
pub(super) struct Observation {
    /// For each run, how many temporary files in its directory were old.
    pub old: Vec<usize>,
    /// For each run, what `open` told.
    pub opened: Vec<Result<Recovery, Error>>,
    /// What `history` told, if the workload records.
    pub history: Option<Result<TaskHistory, Error>>,
    /// The disk when every run was open, before anything was written.
    pub found: Tree,
    /// What recording another run told, and the disk after it, if it was tried.
    pub used: Option<(Option<Recorded>, Tree)>,
    /// What failed when the runs were used again; nothing if all went well or was not tried.
    pub use_failed: Option<String>,
}

/// Opens everything on a fresh instance.
///
/// # Errors
/// The component trapped or stood still.
pub(super) fn recover(
    lab: &Lab,
    plan: &Plan,
    image: Tree,
    model: Model,
    visit: Visit,
) -> Result<Observation, String> {
    let (runs, is_used) = (plan.runs.len(), visit == Visit::ToUse);
    let disk = SimDisk::from_tree(image.clone(), model, 7);
    if visit != Visit::Soon {
        disk.world().now_ns += 2 * SWEEP_AFTER_NS;
    }
    let opened_ns = disk.world().wall_ns();
    let is_old = |path: &String| {
        let modified_ns = image.modified_ns(path).unwrap_or(opened_ns);
        opened_ns.saturating_sub(modified_ns) > SWEEP_AFTER_NS
    };
    let of_run = |run| leftovers(&image, |dir, _| dir == plan::run_dir(run));
    let old = (0..runs).map(|run| of_run(run).iter().filter(|path| is_old(path)).count());
    let old: Vec<usize> = old.collect();
    let mut commands: Vec<Command> = Vec::new();
    for run in 0..runs {
        commands.push(Command::Open { run, options: plan.run_options(run) });
    }
    let has_records = plan.has_records;
    if has_records {
        commands.push(Command::History { options: HistoryOptions::new(plan::TASK) });
    }
    let read_only = commands.len();
    // What killed removals left is removed by the next one, whatever it is for.
    let is_tidied = plan.has_removals && visit != Visit::Soon;
    if is_tidied {
        let removal = Removal { sweep: true, ..Removal::of(0) };
        let options = plan.remove_options(removal);
        commands.push(Command::Remove { runs: Vec::new(), options });
    }
    let tidied = commands.len();
    let pair = Request::new().manifest().heartbeat().force();
    let mut written: Vec<(String, String)> = Vec::new();
    for run in (0..runs).filter(|_| is_used) {
        let (document, file) = plan::document(run, 99_999, 30);
        written.push((plan::manifest_path(run), file));
        commands.push(Command::Set { run, document });
        commands.push(Command::Schedule { run, request: pair });
        commands.push(Command::Close { run });
    }
    if has_records && is_used {
        // A run that nobody has recorded, behind all others.
        let (summary, file) = plan::summary(plan::LATER, 0, 20);
        written.push((plan::summary_path(plan::LATER), file));
        commands.push(Command::Record { options: plan.record_options(), summary });
    }
    let (outcomes, [found, after]) = run_all(lab, &disk, &commands, [read_only, tidied])?;
    let tidied = is_tidied.then(|| untidy(&found, &after)).flatten();
    let mut observation =
        Observation { old, opened: Vec::new(), history: None, found, used: None, use_failed: None };
    let mut recorded = None;
    for (command, outcome) in commands.iter().zip(outcomes) {
        match outcome {
            Outcome::Opened(result) => observation.opened.push(result),
            Outcome::History(result) => observation.history = Some(result),
            Outcome::Recorded(Ok(result)) => recorded = Some(result),
            Outcome::Changed(Err(error)) | Outcome::Flushed(Err(error)) => {
                observation.fail(command, &error);
            }
            Outcome::Recorded(Err(error)) | Outcome::Removed(Err(error)) => {
                observation.fail(command, &error);
            }
            _ => {}
        }
    }
    if let Some(sentence) = tidied {
        observation.use_failed.get_or_insert(sentence);
    }
    let world = disk.world();
    for (path, file) in &written {
        let is_there = world.live.content(path).is_some_and(|data| ***data == *file.as_bytes());
        if !is_there {
            observation
                .use_failed
                .get_or_insert(format!("what was written after recovery is not at {path}"));
        }
    }
    let left = leftovers(&world.live, |dir, target| is_swept(plan, is_used, dir, target));
    if let Some(path) = left.first().filter(|_| visit != Visit::Soon) {
        observation.use_failed.get_or_insert(format!("an abandoned file was not swept: {path}"));
    }
    let lock = plan::lock_path();
    if is_used && has_records && world.live.content(&lock).is_some() {
        observation.use_failed.get_or_insert(format!("a lock was not released: {lock}"));
    }
    if is_used {
        observation.used = Some((recorded, world.live.clone()));
    }
    drop(world);
    Ok(observation)
}

impl Observation {
    fn fail(&mut self, command: &Command, error: &Error) {
        let name = match command {
            Command::Set { .. } => "set",
            Command::Schedule { .. } => "schedule",
            Command::Close { .. } => "close",
            Command::Record { .. } => "record-run",
            Command::Remove { .. } => "remove-runs",
            _ => "a call",
        };
        self.use_failed.get_or_insert(format!("{name} fails after recovery: {error}"));
    }
}

/// Whether recovery removes the temporary files of `target` in a directory: those of runs when they
/// are opened; those of summaries, histories and locks when somebody writes there again. A probe of a
/// directory above stays: whoever is killed between its creation and its removal leaves one.
fn is_swept(plan: &Plan, is_used: bool, dir: &str, target: &str) -> bool {
    let is_of_run = (0..plan.runs.len()).any(|run| dir == plan::run_dir(run));
    let is_written = is_used && plan.has_records;
    let is_unwritten_summary = (0..plan.runs.len()).any(|run| dir == plan::summary_dir(run));
    is_of_run || (is_written && target != "probe" && !is_unwritten_summary)
}

/// The temporary files that are chosen by their directory and their target.
pub(super) fn leftovers(tree: &Tree, is_chosen: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (path, ino) in tree.walk() {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let target = temporary_target(name).filter(|_| tree.kind(ino) == Kind::File);
        if target.is_some_and(|target| is_chosen(dir, target)) {
            found.push(path);
        }
    }
    found
}

/// What is wrong with a disk after a call that removes no run: it takes away what killed processes
/// left in the task's directory, and nothing else.
fn untidy(before: &Tree, after: &Tree) -> Option<String> {
    let is_in_task = |path: &str| path.starts_with(&plan::task_dir());
    let is_left = |path: &str| path.split('/').any(is_temporary);
    // Nobody sweeps the directories above runs.
    let is_probe = |path: &str| match path.strip_prefix(&format!("{}/cli/", plan::task_dir())) {
        Some(name) => temporary_target(name) == Some("probe"),
        None => false,
    };
    let kept = |tree: &Tree| {
        let mut files = BTreeMap::new();
        for (path, ino) in tree.walk() {
            let data = tree.file(ino).ok().map(|(data, _)| data.clone());
            if let Some(data) = data.filter(|_| !is_left(&path) && path != plan::lock_path()) {
                files.insert(path, data);
            }
        }
        files
    };
    let names = after.walk().into_iter().map(|(path, _)| path);
    if let Some(path) =
        names.into_iter().find(|path| is_in_task(path) && is_left(path) && !is_probe(path))
    {
        return Some(format!("the next removal leaves what was left before: {path}"));
    }
    let (before, after) = (kept(before), kept(after));
    let changed = before.iter().find(|(path, data)| after.get(*path) != Some(*data));
    let changed = changed.or_else(|| after.iter().find(|(path, _)| !before.contains_key(*path)));
    changed.map(|(path, _)| format!("a removal of no run changes {path}"))
}

/// Makes the calls one after the other on a disk that answers at once. Tells the outcomes, and the
/// disk as it was after so many of them.
fn run_all(
    lab: &Lab,
    disk: &SimDisk,
    commands: &[Command],
    marks: [usize; 2],
) -> Result<(Vec<Outcome>, [Tree; 2]), String> {
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(commands.len());
    let (mut under_way, mut is_stuck, mut turns) = (None, false, 0);
    let mut marked = [const { None }; 2];
    let mut director = |stage: &Stage| {
        turns += 1;
        if turns > TURNS_MAX {
            is_stuck = true;
            return Next::Stop;
        }
        if let Some(call) = under_way {
            match stage.outcome(call) {
                Some(outcome) => outcomes.push(outcome),
                None if stage.disk.world().advance() => return Next::Go,
                None => {
                    is_stuck = true;
                    return Next::Stop;
                }
            }
        }
        for (mark, marked) in marks.iter().zip(&mut marked) {
            if outcomes.len() == *mark {
                *marked = Some(stage.disk.world().live.clone());
            }
        }
        match commands.get(outcomes.len()) {
            Some(command) => {
                under_way = Some(stage.call(0, command.clone()));
                Next::Go
            }
            None => Next::Stop,
        }
    };
    let result = lab.run(disk, 1, &mut director);
    if let Err(error) = result {
        return Err(format!("the component trapped in recovery: {error:#}"));
    }
    if is_stuck {
        return Err("a call never ends in recovery".to_owned());
    }
    Ok((outcomes, marked.map(|marked| marked.unwrap_or_else(Tree::new))))
}

/// The names of a directory tree with the contents of its files, for people.
pub(super) fn listing(tree: &Tree) -> Vec<String> {
    let mut lines = BTreeMap::new();
    for (path, ino) in tree.walk() {
        let line = match tree.file(ino) {
            Ok((data, _)) => format!("{path}: {} bytes: {}", data.len(), excerpt(data)),
            Err(_) => format!("{path}/"),
        };
        lines.insert(path, line);
    }
    lines.into_values().collect()
}

/// The start of a file, as it is: whoever shows it knows what must be escaped there.
fn excerpt(data: &[u8]) -> String {
    const SHOWN: usize = 100;
    if !data.is_empty() && data.iter().all(|byte| *byte == 0) {
        return "zeros".to_owned();
    }
    let text = String::from_utf8_lossy(&data[..data.len().min(SHOWN)]);
    let zeros = data.iter().filter(|byte| **byte == 0).count();
    let more = if data.len() > SHOWN { "..." } else { "" };
    if zeros > 0 {
        format!("{text}{more} ({zeros} of them zeros)")
    } else {
        format!("{text}{more}")
    }
}
