//! Finds the runs below a root.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::files::{self, Stamp};
use super::manifest::FoundManifest;
use super::row::{Row, Signs, State};
use crate::table::time;

const RUNS: &str = ".runs";
/// Between a task and its runs.
const CLI: &str = "cli";
/// How the lock of a task's history ends.
const LOCK: &str = ".lock";
const MANIFEST: &str = "manifest.json";
const HEARTBEAT: &str = ".heartbeat";
/// What the library writes at most by default.
const MANIFEST_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// A heartbeat has 25.
const HEARTBEAT_BYTES_MAX: u64 = 4 * 1024;

/// Lists runs again and again; manifests that have not changed are read once.
pub struct Scanner {
    root: Dir,
    seen: HashMap<(String, String), Seen>,
}

struct Seen {
    stamp: Stamp,
    manifest: Result<FoundManifest, String>,
}

impl Scanner {
    /// # Errors
    /// Why there can be no runs.
    pub fn open(root: &Path) -> Result<Self, String> {
        let shown = root.display();
        let root = Dir::open_ambient_dir(root, ambient_authority()).map_err(|error| match error
            .kind()
        {
            io::ErrorKind::NotFound => format!("the root does not exist: {shown}"),
            io::ErrorKind::NotADirectory => format!("the root is not a directory: {shown}"),
            _ => format!("cannot open the root {shown}: {error}"),
        })?;
        Ok(Scanner { root, seen: HashMap::new() })
    }

    /// All runs, newest first.
    ///
    /// Nothing that is wrong with one task or run hides the others: it becomes that row's detail.
    ///
    /// # Errors
    /// Why no run can be listed.
    pub fn scan(&mut self) -> Result<Vec<Row>, String> {
        let Some(runs) = subdirectory(&self.root, RUNS)? else {
            return match self.root.symlink_metadata(RUNS) {
                Ok(_) => Err(format!("{RUNS} is not a directory")),
                Err(_) => Ok(Vec::new()),
            };
        };
        let now = SystemTime::now();
        let mut before = std::mem::take(&mut self.seen);
        let mut rows = Vec::new();
        for task in names(&runs, RUNS)?.into_iter().filter(|name| can_be_task(name)) {
            match task_runs(&runs, &task) {
                Ok(None) => {}
                Ok(Some((dir, names))) => {
                    for run in names {
                        if let Some(row) = self.row(&dir, &task, &run, now, &mut before) {
                            rows.push(row);
                        }
                    }
                }
                Err(why) => {
                    rows.push(Row::without_manifest(&task, "", State::Unreadable, why));
                }
            }
        }
        rows.sort_by(|a, b| {
            (Reverse(a.began), &a.task, &a.run).cmp(&(Reverse(b.began), &b.task, &b.run))
        });
        Ok(rows)
    }

    fn row(
        &mut self,
        dir: &Dir,
        task: &str,
        run: &str,
        now: SystemTime,
        before: &mut HashMap<(String, String), Seen>,
    ) -> Option<Row> {
        let without_manifest = |state, why, began| {
            let row = Row::without_manifest(task, run, state, why);
            Some(Row { began, ..row })
        };
        let dir = match subdirectory(dir, run) {
            Ok(Some(dir)) => dir,
            Ok(None) => return None,
            Err(why) => return without_manifest(State::Unreadable, why, None),
        };
        let began = dir.dir_metadata().and_then(|dir| dir.modified()).ok().map(|at| at.into_std());
        let found = match files::open(&dir, MANIFEST) {
            Ok(Some(found)) => found,
            Ok(None) => {
                return without_manifest(State::Empty, "no manifest yet".to_owned(), began);
            }
            Err(why) => return without_manifest(State::Unreadable, why, began),
        };
        let (stamp, manifest_modified) = (found.stamp, found.modified);
        let key = (task.to_owned(), run.to_owned());
        let seen = match before.remove(&key) {
            Some(seen) if seen.stamp == stamp => seen,
            _ => {
                let content = found.read(MANIFEST, MANIFEST_BYTES_MAX);
                Seen { stamp, manifest: content.and_then(|bytes| FoundManifest::read(&bytes)) }
            }
        };
        let manifest = seen.manifest.clone();
        self.seen.insert(key, seen);
        match manifest {
            Ok(manifest) => {
                let signs = Signs { heartbeat: heartbeat(&dir), manifest_modified };
                Some(Row::new(task, run, manifest, signs, now))
            }
            Err(why) => without_manifest(State::Unreadable, why, manifest_modified),
        }
    }
}

/// Whether the rules of ids allow a task of this name. Locks and what serves them have others.
fn can_be_task(name: &str) -> bool {
    let end = name.len().checked_sub(LOCK.len()).and_then(|at| name.get(at..));
    !name.starts_with('.') && !end.is_some_and(|end| end.eq_ignore_ascii_case(LOCK))
}

/// The directory of a task's runs and what is in it.
fn task_runs(runs: &Dir, task: &str) -> Result<Option<(Dir, Vec<String>)>, String> {
    let Some(task) = subdirectory(runs, task)? else { return Ok(None) };
    let Some(cli) = subdirectory(&task, CLI)? else { return Ok(None) };
    let names = names(&cli, CLI)?;
    Ok(Some((cli, names)))
}

/// A directory, if there is one: a file of that name is something else. A link is followed within
/// the root.
fn subdirectory(dir: &Dir, name: &str) -> Result<Option<Dir>, String> {
    match dir.open_dir(name) {
        Ok(dir) => Ok(Some(dir)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(format!("cannot open {name}: {error}")),
    }
}

/// The names in a directory. One that is not UTF-8 is none of Tandem's.
fn names(dir: &Dir, shown: &str) -> Result<Vec<String>, String> {
    let problem = |error: io::Error| format!("cannot list {shown}: {error}");
    let mut names = Vec::new();
    for entry in dir.entries().map_err(problem)? {
        names.extend(entry.map_err(problem)?.file_name().into_string().ok());
    }
    Ok(names)
}

/// When the heartbeat was made. One that cannot be read is no sign of life.
fn heartbeat(dir: &Dir) -> Option<SystemTime> {
    let found = files::open(dir, HEARTBEAT).ok()??;
    let modified = found.modified;
    let content = found.read(HEARTBEAT, HEARTBEAT_BYTES_MAX).ok()?;
    std::str::from_utf8(&content).ok().and_then(time).or(modified)
}
