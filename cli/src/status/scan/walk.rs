//! Looks at many runs, by several threads: most of it is waiting for the disk or the system.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use cap_std::fs::Dir;

use super::directory::{Attend, names, subdirectory};
use super::place::{CLI, Place, can_be_run, can_be_task};
use super::run::{ScannedRun, look};
use crate::status::locked::lock;
use crate::status::select::Selection;

/// Each has up to three descriptors: they have to be few.
const THREADS_MAX: usize = 3;
/// A thread takes as many runs at once.
const RUNS_AT_ONCE: usize = 64;

/// Runs by task and name. A name that is empty stands for the task.
pub type Entries = HashMap<OsString, HashMap<OsString, ScannedRun>>;

/// Some runs of a task.
pub struct Piece {
    pub task: OsString,
    pub runs: Vec<(OsString, ScannedRun)>,
}

/// Takes what was found, and answers whether more is wanted.
pub type Take<'a> = &'a (dyn Fn(Piece) -> bool + Sync);

/// Runs that are to be looked at, in their open directory: few of those are open at once.
struct Names {
    task: Arc<OsStr>,
    cli: Arc<Dir>,
    runs: Vec<OsString>,
}

/// What all threads of a walk know.
pub struct Walk<'a> {
    selection: &'a Selection,
    before: &'a Entries,
    attend: Attend<'a>,
    take: Take<'a>,
    is_over: AtomicBool,
}

impl<'a> Walk<'a> {
    pub fn new(
        selection: &'a Selection,
        before: &'a Entries,
        attend: Attend<'a>,
        take: Take<'a>,
    ) -> Self {
        Walk { selection, before, attend, take, is_over: AtomicBool::new(false) }
    }

    /// Looks at the runs of tasks.
    pub fn tasks(&self, runs: &Dir, tasks: impl IntoIterator<Item = OsString>) {
        let tasks = tasks.into_iter().filter(|task| can_be_task(task));
        let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        thread::scope(|scope| {
            let (send, receive) = sync_channel(1);
            let receive = Arc::new(Mutex::new(receive));
            let started = (0..threads).filter(|_| {
                let receive = receive.clone();
                let builder = thread::Builder::new().name("scan".to_owned());
                builder.spawn_scoped(scope, move || self.work(&receive)).is_ok()
            });
            // Where no thread can be had, this one does it.
            let is_helped = started.count() > 0;
            drop(receive);
            self.list(runs, tasks, |names| {
                if !is_helped {
                    self.look(&names);
                } else if let Err(unsent) = send.send(names) {
                    self.look(&unsent.0);
                }
            });
        });
    }

    /// Hands out the names of the runs of tasks.
    fn list(&self, runs: &Dir, tasks: impl Iterator<Item = OsString>, hand: impl Fn(Names)) {
        for task in tasks {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let (cli, mut names) = match self.task(runs, &task) {
                Ok(Some((cli, names))) => (Arc::new(cli), names),
                Ok(None) => continue,
                Err(why) => {
                    (self.attend)(None, &Place::Task(task.clone()));
                    self.take(Piece::unreadable(&task, why));
                    continue;
                }
            };
            let task: Arc<OsStr> = task.into();
            while !names.is_empty() {
                let rest = names.split_off(names.len().min(RUNS_AT_ONCE));
                hand(Names { task: task.clone(), cli: cli.clone(), runs: names });
                names = rest;
            }
        }
    }

    /// The directory of a task's runs and the names in it.
    fn task(&self, runs: &Dir, task: &OsStr) -> Result<Option<(Dir, Vec<OsString>)>, String> {
        let Some(dir) = subdirectory(runs, task)? else { return Ok(None) };
        (self.attend)(Some(&dir), &Place::Task(task.to_owned()));
        let Some(cli) = subdirectory(&dir, CLI.as_ref())? else { return Ok(None) };
        (self.attend)(Some(&cli), &Place::Cli(task.to_owned()));
        let mut runs: Vec<OsString> = if self.selection.runs.is_empty() {
            let (names, problem) = names(&cli, CLI);
            if let Some(why) = problem {
                (self.attend)(None, &Place::Cli(task.to_owned()));
                self.take(Piece::unreadable(task, why));
            }
            names
        } else {
            self.selection.runs.iter().map(OsString::from).collect()
        };
        runs.retain(|run| can_be_run(run));
        runs.sort_unstable();
        runs.dedup();
        Ok(Some((cli, runs)))
    }

    /// Looks at what is handed out until all is done.
    fn work(&self, names: &Mutex<Receiver<Names>>) {
        loop {
            let received = lock(names).recv();
            match received {
                Ok(names) => self.look(&names),
                Err(_) => return,
            }
        }
    }

    fn look(&self, names: &Names) {
        if self.is_over.load(Ordering::Relaxed) {
            return;
        }
        let before = self.before.get(&*names.task);
        let entry = |run: &OsString| {
            let before = before.and_then(|runs| runs.get(run));
            let entry = look(&names.cli, &names.task, run, before, self.attend)?;
            Some((run.clone(), entry))
        };
        let runs: Vec<_> = names.runs.iter().filter_map(entry).collect();
        self.take(Piece { task: names.task.to_os_string(), runs });
    }

    fn take(&self, piece: Piece) {
        if !(self.take)(piece) {
            self.is_over.store(true, Ordering::Relaxed);
        }
    }
}

impl Piece {
    /// What stands for the runs of a task that cannot be listed.
    pub fn unreadable(task: &OsStr, why: String) -> Self {
        let none = OsString::new();
        Piece {
            task: task.to_owned(),
            runs: vec![(none.clone(), ScannedRun::unreadable(task, &none, why))],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::status::locked::unlocked;
    use crate::status::scan::scanner::Scanner;

    #[test]
    fn what_vanishes_once_it_is_open_is_no_run() {
        let task = || OsString::from("task");
        for place in [
            Place::Runs,
            Place::Task(task()),
            Place::Cli(task()),
            Place::Run(task(), OsString::from("run")),
        ] {
            let root = tempfile::tempdir().unwrap();
            for task in ["task", "other"] {
                let dir = root.path().join(".runs").join(task).join("cli/run");
                fs::create_dir_all(&dir).unwrap();
                fs::write(dir.join("manifest.json"), "{}").unwrap();
            }
            let attend = |_: Option<&Dir>, attended: &Place| {
                if *attended == place {
                    fs::remove_dir_all(root.path().join(".runs/task")).unwrap();
                }
            };
            let found = Mutex::new(Vec::new());
            let take = |piece: Piece| {
                let task = piece.task;
                lock(&found).extend(piece.runs.into_iter().map(|(run, _)| (task.clone(), run)));
                true
            };
            let scanner = Scanner::open(root.path()).unwrap();
            scanner.walk(&Selection::default(), &Entries::new(), &attend, &take).unwrap();
            let other = [(OsString::from("other"), OsString::from("run"))];
            assert_eq!(unlocked(found), other, "{place:?}");
        }
    }
}
