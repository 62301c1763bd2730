//! Finds the runs of a task that are over, and what killed processes left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use cap_std::fs::{Dir, Metadata};
use tandem_host::Json;

use super::end_state::EndState;
use crate::json::Members;
use crate::status::known::Missing;
use crate::status::row::{Row, is_ahead};
use crate::status::scan::{
    self, CLI, HEARTBEAT, MANIFEST, MANIFEST_BYTES_MAX, RUNS, can_be_run, can_be_task, file, look,
};
use crate::status::state::State;
use crate::table::time;

/// Where histories are.
const HISTORIES: &str = "out";
/// Names that the layout, or another orchestrator, has beside the summaries.
const RESERVED: [&str; 3] = [CLI, "mcp", "local-mcp"];
/// A run that has no manifest yet is about to have one for so long.
const OPENING: Duration = Duration::from_secs(30);
/// Temporary files that are younger may be in use.
const ABANDONED: Duration = Duration::from_secs(3600);
/// A sign of life keeps any run for so long.
const ALIVE_FOR: Duration = Duration::from_secs(30);
/// The library counts in milliseconds.
const ALIVE_FOR_MAX: Duration = Duration::from_millis(u64::MAX);

/// A run that is over.
#[derive(Debug)]
pub struct FoundRun {
    pub run: String,
    pub state: EndState,
    /// When it ended, or else when it last gave a sign; never later than now.
    pub ended: SystemTime,
    /// How recent a sign of life is that keeps it: one in progress tells how long it may be silent.
    pub alive_for: Duration,
}

/// How a run stands that has a directory of its own.
enum Kept {
    Over(FoundRun),
    /// Over, if it is a run: somebody else may have made it.
    Doubtful(FoundRun),
    Live,
    /// Somebody has removed it meanwhile.
    Gone,
}

/// What is in the place of a run's summary.
enum FoundSummary {
    /// It names the run, and tells when that was over.
    Own(SystemTime),
    /// It cannot be read, as one that a power loss has torn.
    Broken(SystemTime),
    /// It is another file of that name, as web apps have one.
    Others(SystemTime),
}

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

/// The tasks that have runs or, if asked for, a history.
///
/// # Errors
/// They cannot be listed.
pub fn tasks(root: &Dir, has_history: bool) -> Result<BTreeSet<String>, String> {
    let mut tasks = BTreeSet::new();
    let histories = if has_history { subdirectory(root, HISTORIES)? } else { None };
    for (dir, above) in [(scan::runs(root)?, RUNS), (histories, HISTORIES)] {
        let Some(dir) = dir else { continue };
        let is_task = |name: &String| can_be_task(name.as_ref()) && is_directory(&dir, name);
        tasks.extend(names(&dir, above)?.into_iter().filter(is_task));
    }
    tasks.retain(|task| refuse_link(root, task).is_ok());
    Ok(tasks)
}

/// Refuses a task whose directory is a symbolic link: what is behind it is not of the layout.
///
/// # Errors
/// One sentence that says so.
pub fn refuse_link(root: &Dir, task: &str) -> Result<(), String> {
    let path = format!("{RUNS}/{task}");
    match root.symlink_metadata(&path) {
        Ok(metadata) if metadata.is_symlink() => {
            Err(format!("{path} is a symbolic link, and prune follows none"))
        }
        _ => Ok(()),
    }
}

/// The runs of a task.
///
/// # Errors
/// They cannot be listed.
pub fn runs(root: &Dir, task: &str) -> Result<TaskRuns, String> {
    let Some(dir) = task_directory(root, task)? else { return Ok(TaskRuns::default()) };
    let mut found = TaskRuns::default();
    let mut known = BTreeSet::new();
    if let Some(cli) = subdirectory(&dir, CLI)? {
        for run in run_names(&cli, CLI)? {
            known.insert(run.clone());
            match kept(&cli, task, &run) {
                Kept::Over(over) => found.over.push(over),
                Kept::Live | Kept::Gone => drop(found.live.insert(run)),
                Kept::Doubtful(over) => match summary(&dir, task, &run) {
                    Some(FoundSummary::Own(_)) => found.over.push(over),
                    _ => found.doubtful.push(Other { why: no_sign(task, &run), run: over }),
                },
            }
        }
    }
    for run in run_names(&dir, task)? {
        if known.contains(&run) {
            continue;
        }
        let recorded = |ended| FoundRun::recorded(run.clone(), ended);
        match summary(&dir, task, &run) {
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
///
/// # Errors
/// They cannot be looked at.
pub fn part(
    root: &Dir,
    task: &str,
    runs: Vec<FoundRun>,
) -> Result<(Vec<FoundRun>, Vec<Other>), String> {
    let Some(dir) = task_directory(root, task)? else { return Ok((runs, Vec::new())) };
    let is_others =
        |run: &FoundRun| matches!(summary(&dir, task, &run.run), Some(FoundSummary::Others(_)));
    let (others, own): (Vec<_>, Vec<_>) = runs.into_iter().partition(is_others);
    let other = |run: FoundRun| Other { why: no_summary(task, &run.run), run };
    Ok((own, others.into_iter().map(other).collect()))
}

/// Those of some runs of a task that are live by now.
///
/// # Errors
/// They cannot be looked at.
pub fn live(root: &Dir, task: &str, runs: &[&FoundRun]) -> Result<BTreeSet<String>, String> {
    let mut live = BTreeSet::new();
    let Some(dir) = task_directory(root, task)? else { return Ok(live) };
    let Some(cli) = subdirectory(&dir, CLI)? else { return Ok(live) };
    let is_live = |run: &&&FoundRun| matches!(kept(&cli, task, &run.run), Kept::Live);
    live.extend(runs.iter().filter(is_live).map(|run| run.run.clone()));
    Ok(live)
}

impl FoundRun {
    /// One of which only what was recorded is there.
    fn recorded(run: String, ended: SystemTime) -> Self {
        let ended = ended.min(SystemTime::now());
        FoundRun { run, state: EndState::Recorded, ended, alive_for: ALIVE_FOR }
    }
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

/// How many files and directories killed processes left in the directories of a task.
#[derive(Default)]
pub struct Leftovers {
    pub of_task: usize,
    /// Those of runs and of their summaries, by the name of the directory.
    pub of_runs: BTreeMap<String, usize>,
}

/// Counts what a sweep by the library removes and counts, if nothing changes until then.
pub fn leftovers(root: &Dir, task: &str) -> Leftovers {
    let now = SystemTime::now();
    let is_old = |metadata: &Metadata| {
        let at = metadata.modified().ok().map(|at| at.into_std());
        at.and_then(|at| now.duration_since(at).ok()).is_some_and(|age| age > ABANDONED)
    };
    let is_old_file = |metadata: &Metadata| metadata.is_file() && is_old(metadata);
    let mut found = Leftovers::default();
    let history = subdirectory(root, HISTORIES).ok().flatten();
    let history = history.and_then(|dir| subdirectory(&dir, task).ok().flatten());
    found.of_task += history.map_or(0, |dir| temporary(&dir).filter(is_old_file).count());
    let Ok(Some(dir)) = task_directory(root, task) else { return found };
    found.of_task += temporary(&dir).filter(|it| it.is_dir() || is_old_file(it)).count();
    for run in run_names(&dir, task).unwrap_or_default() {
        let Ok(summary) = dir.open_dir(&run) else { continue };
        let files = temporary(&summary).filter(is_old_file).count();
        // Beside a summary that never came to be there is nothing else.
        let is_abandoned = match names(&summary, task).unwrap_or_default().len() {
            0 => dir.symlink_metadata(&run).is_ok_and(|metadata| is_old(&metadata)),
            entries => entries == files,
        };
        *found.of_runs.entry(run).or_default() += files + usize::from(is_abandoned);
    }
    let Ok(Some(cli)) = subdirectory(&dir, CLI) else { return found };
    for run in run_names(&cli, task).unwrap_or_default() {
        let Ok(dir) = cli.open_dir(&run) else { continue };
        *found.of_runs.entry(run).or_default() += temporary(&dir).filter(is_old_file).count();
    }
    found.of_runs.retain(|_, count| *count > 0);
    found
}

/// What has a temporary name in a directory.
fn temporary(dir: &Dir) -> impl Iterator<Item = Metadata> {
    let names = names(dir, "").unwrap_or_default().into_iter().filter(|it| is_temporary(it));
    names.filter_map(|name| dir.symlink_metadata(name).ok())
}

fn task_directory(root: &Dir, task: &str) -> Result<Option<Dir>, String> {
    match scan::runs(root)? {
        Some(runs) => subdirectory(&runs, task),
        None => Ok(None),
    }
}

/// The names of directories that can be those of runs; a link to one is none.
fn run_names(dir: &Dir, shown: &str) -> Result<Vec<String>, String> {
    let mut names = names(dir, shown)?;
    let is_reserved = |name: &str| RESERVED.iter().any(|it| it.eq_ignore_ascii_case(name));
    names.retain(|name| can_be_run(name.as_ref()) && !is_reserved(name) && is_directory(dir, name));
    Ok(names)
}

fn is_directory(dir: &Dir, name: &str) -> bool {
    dir.symlink_metadata(name).is_ok_and(|metadata| metadata.is_dir())
}

/// As the component names its temporary files, and directories that are to be removed.
fn is_temporary(name: &str) -> bool {
    let stem = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tandem-tmp"));
    stem.and_then(|stem| stem.rsplit_once('.')).is_some_and(|(_, random)| {
        random.len() == 32 && random.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// How a run stands that has a directory of its own.
fn kept(cli: &Dir, task: &str, run: &str) -> Kept {
    let Some(entry) = look(cli, task.as_ref(), run.as_ref(), None, &|_, _| {}) else {
        return Kept::Gone;
    };
    // It is taken after the look: what is written between them would be ahead of it.
    let now = SystemTime::now();
    let known = entry.known;
    let has_status = known.manifest.as_ref().is_ok_and(|manifest| manifest.status.is_some());
    let over = |state, ended: SystemTime, alive_for| {
        let found = FoundRun { run: run.to_owned(), state, ended: ended.min(now), alive_for };
        match has_status || has_sign(cli, run) {
            true => Kept::Over(found),
            false => Kept::Doubtful(found),
        }
    };
    let written = known.signs.written.unwrap_or(now);
    let (completed, silent_seconds_max) = match &known.manifest {
        Ok(manifest) => {
            (manifest.completed_at.as_deref().and_then(time), manifest.stale_after_seconds)
        }
        Err(Missing { state: State::Empty, .. }) => {
            let age = now.duration_since(written).unwrap_or_default();
            let is_opening = age < OPENING && !is_ahead(written, now);
            return if is_opening { Kept::Live } else { over(EndState::Empty, written, ALIVE_FOR) };
        }
        Err(_) => (None, 0.0),
    };
    let row = Row::new(known, now);
    let Some(state) = EndState::of(row.state) else { return Kept::Live };
    let is_over = matches!(row.state, State::Done | State::Failed | State::Cancelled);
    let completed = completed.filter(|at| is_over && !is_ahead(*at, now));
    let heartbeat = row.heartbeat_at.as_deref().and_then(time).filter(|at| !is_ahead(*at, now));
    let last_sign = heartbeat.unwrap_or(written).max(written);
    let alive_for = match state {
        EndState::Stale => Duration::try_from_secs_f64(silent_seconds_max).unwrap_or(ALIVE_FOR_MAX),
        _ => ALIVE_FOR,
    };
    over(state, completed.unwrap_or(last_sign), alive_for.clamp(ALIVE_FOR, ALIVE_FOR_MAX))
}

/// Whether the directory of a run without a status is Tandem's: it has a heartbeat, or nothing but
/// what a killed process leaves.
fn has_sign(cli: &Dir, run: &str) -> bool {
    let Ok(Some(dir)) = subdirectory(cli, run) else { return false };
    let is_tandems = |dir| {
        let (names, problem) = scan::names(dir, "");
        problem.is_none() && names.iter().all(|name| name.to_str().is_some_and(is_temporary))
    };
    matches!(file::find(&dir, HEARTBEAT), Ok(Some(_))) || is_tandems(&dir)
}

/// What is in the place of a run's summary, if anything is.
fn summary(dir: &Dir, task: &str, run: &str) -> Option<FoundSummary> {
    let dir = subdirectory(dir, run).ok()??;
    let modified = match file::find(&dir, MANIFEST) {
        Ok(found) => found?.modified.unwrap_or(SystemTime::UNIX_EPOCH),
        // Tandem puts a file there, and nothing else.
        Err(_) => return Some(FoundSummary::Others(SystemTime::UNIX_EPOCH)),
    };
    let content = file::read(&dir, MANIFEST, MANIFEST_BYTES_MAX).ok().flatten();
    let text = content.and_then(|(_, content)| String::from_utf8(content).ok()).unwrap_or_default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let Ok(members) = Members::named(text, &["taskId", "runId", "timestamp"]) else {
        return Some(FoundSummary::Broken(modified));
    };
    let is = |name, id| members.field::<String>(name).is_some_and(|told| told == id);
    if !(is("taskId", task) && is("runId", run)) {
        return Some(FoundSummary::Others(modified));
    }
    let told = members.field::<String>("timestamp").as_deref().and_then(time);
    let told = told.filter(|at| !is_ahead(*at, SystemTime::now()));
    Some(FoundSummary::Own(told.unwrap_or(modified)))
}

fn subdirectory(dir: &Dir, name: &str) -> Result<Option<Dir>, String> {
    scan::subdirectory(dir, name.as_ref())
}

/// All names in a directory. One that is not UTF-8 is none of Tandem's.
fn names(dir: &Dir, shown: &str) -> Result<Vec<String>, String> {
    let (names, problem) = scan::names(dir, shown);
    match problem {
        Some(why) => Err(why),
        None => Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect()),
    }
}
