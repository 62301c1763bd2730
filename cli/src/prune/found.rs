//! Finds the runs of a task that are over, and what killed processes left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use cap_std::fs::{Dir, Metadata};
use tandem_host::Json;

use super::rules::Ended;
use crate::json::Members;
use crate::status::known::Missing;
use crate::status::row::{Row, State, is_ahead};
use crate::status::scan::{
    self, CLI, MANIFEST, MANIFEST_BYTES_MAX, RUNS, can_be_run, can_be_task, file, look,
};
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
    pub state: Ended,
    /// When it ended, or else when it last gave a sign; never later than now.
    pub ended: SystemTime,
    /// How recent a sign of life is that keeps it: one in progress tells how long it may be silent.
    pub alive_for: Duration,
}

/// How a run stands that has a directory of its own.
enum Kept {
    Over(FoundRun),
    Live,
    /// Somebody has removed it meanwhile.
    Gone,
}

/// The runs of a task.
#[derive(Default)]
pub struct Runs {
    pub over: Vec<FoundRun>,
    live: BTreeSet<String>,
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
pub fn runs(root: &Dir, task: &str) -> Result<Runs, String> {
    let Some(dir) = task_directory(root, task)? else { return Ok(Runs::default()) };
    let mut over: BTreeMap<String, FoundRun> = BTreeMap::new();
    let mut live = BTreeSet::new();
    if let Some(cli) = subdirectory(&dir, CLI)? {
        for run in run_names(&cli, CLI)? {
            match kept(&cli, task, &run) {
                Kept::Over(found) => drop(over.insert(run, found)),
                Kept::Live | Kept::Gone => drop(live.insert(run)),
            }
        }
    }
    for run in run_names(&dir, task)? {
        if over.contains_key(&run) || live.contains(&run) {
            continue;
        }
        if let Some(ended) = summarised(&dir, &run) {
            over.insert(run.clone(), FoundRun::recorded(run, ended));
        }
    }
    Ok(Runs { over: over.into_values().collect(), live })
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
        FoundRun { run, state: Ended::Recorded, ended, alive_for: ALIVE_FOR }
    }
}

impl Runs {
    /// Adds the runs of which only an entry of the history is there.
    pub fn add_recorded(&mut self, entries: Vec<Json>) {
        let known: BTreeSet<String> = self.over.iter().map(|run| run.run.clone()).collect();
        for entry in entries {
            let Ok(members) = Members::read(&entry) else { continue };
            let Some(run) = members.field::<String>("runId") else { continue };
            let at = members.field::<String>("timestamp").as_deref().and_then(time);
            let Some(ended) = at.filter(|_| !known.contains(&run) && !self.live.contains(&run))
            else {
                continue;
            };
            self.over.push(FoundRun::recorded(run, ended));
        }
    }
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
    let over = |state, ended: SystemTime, alive_for| {
        Kept::Over(FoundRun { run: run.to_owned(), state, ended: ended.min(now), alive_for })
    };
    let written = known.signs.written.unwrap_or(now);
    let (completed, silent_seconds_max) = match &known.manifest {
        Ok(manifest) => {
            (manifest.completed_at.as_deref().and_then(time), manifest.stale_after_seconds)
        }
        Err(Missing { state: State::Empty, .. }) => {
            let age = now.duration_since(written).unwrap_or_default();
            let is_opening = age < OPENING && !is_ahead(written, now);
            return if is_opening { Kept::Live } else { over(Ended::Empty, written, ALIVE_FOR) };
        }
        Err(_) => (None, 0.0),
    };
    let row = Row::new(known, now);
    let Some(state) = Ended::of(row.state) else { return Kept::Live };
    let is_over = matches!(row.state, State::Done | State::Failed | State::Cancelled);
    let completed = completed.filter(|at| is_over && !is_ahead(*at, now));
    let heartbeat = row.heartbeat_at.as_deref().and_then(time).filter(|at| !is_ahead(*at, now));
    let last_sign = heartbeat.unwrap_or(written).max(written);
    let alive_for = match state {
        Ended::Stale => Duration::try_from_secs_f64(silent_seconds_max).unwrap_or(ALIVE_FOR_MAX),
        _ => ALIVE_FOR,
    };
    over(state, completed.unwrap_or(last_sign), alive_for.clamp(ALIVE_FOR, ALIVE_FOR_MAX))
}

/// When a run was over that has a summary.
fn summarised(task: &Dir, run: &str) -> Option<SystemTime> {
    let dir = subdirectory(task, run).ok()??;
    let modified = file::find(&dir, MANIFEST).ok()??.modified;
    let content = file::read(&dir, MANIFEST, MANIFEST_BYTES_MAX).ok().flatten();
    let text = content.and_then(|(_, content)| String::from_utf8(content).ok()).unwrap_or_default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let members = Members::named(text, &["timestamp"]).ok();
    let timestamp = members.and_then(|members| members.field::<String>("timestamp"));
    let told = timestamp.as_deref().and_then(time);
    told.filter(|at| !is_ahead(*at, SystemTime::now())).or(modified)
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
