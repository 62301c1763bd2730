//! All runs once, then what changed.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::os::fd::BorrowedFd;
use std::sync::Mutex;

use cap_std::fs::Dir;

use super::directory::subdirectory;
use super::notices::Notices;
use super::place::{CLI, Place, can_be_run};
use super::run::look;
use super::scanner::{Scanner, Stands};
use super::walk::{Entries, Piece, Walk};
use crate::status::known::Known;
use crate::status::locked::{lock, unlocked};
use crate::status::select::Selection;

/// Runs that are followed.
pub struct Followed {
    scanner: Scanner,
    selection: Selection,
    entries: Entries,
    is_polled: bool,
    /// Whether there was no root at the last look.
    is_gone: bool,
    /// Without them, everything is looked at each time.
    notices: Option<Notices>,
    /// Why there are none.
    note: Option<String>,
}

impl Followed {
    /// Looks at all runs that may be selected.
    ///
    /// # Errors
    /// Why no run can be listed.
    pub fn start(scanner: Scanner, selection: Selection, is_polled: bool) -> Result<Self, String> {
        let mut followed = Followed {
            scanner,
            selection,
            entries: Entries::new(),
            is_polled,
            is_gone: false,
            notices: None,
            note: None,
        };
        followed.begin()?;
        Ok(followed)
    }

    /// What is known of each run.
    pub fn known(&self) -> impl Iterator<Item = &Known> {
        self.entries.values().flat_map(HashMap::values).map(|entry| &entry.known)
    }

    /// Why changes are looked for and not told, if the system should tell them.
    pub fn note(&self) -> Option<String> {
        self.note.clone().or_else(|| self.notices.as_ref()?.note())
    }

    /// What can be read when something has changed, if the system tells it.
    pub fn notices(&self) -> Option<BorrowedFd<'_>> {
        self.notices.as_ref().map(Notices::descriptor)
    }

    /// Looks at what has changed.
    ///
    /// # Errors
    /// Why no run can be listed any more.
    pub fn update(&mut self) -> Result<(), String> {
        match self.scanner.stands()? {
            Stands::Gone => {
                self.lose_root();
                return Ok(());
            }
            Stands::Same if !self.is_gone => {}
            Stands::Same | Stands::Other => return self.begin_anew(),
        }
        match self.notices.as_ref().map(Notices::changes) {
            Some(Ok(changes)) if !changes.is_all => self.look_at_some(changes.tasks, changes.runs),
            Some(Err(why)) => {
                self.notices = None;
                self.note = Some(why);
                self.look_at_all()
            }
            Some(Ok(_)) | None => self.look_at_all(),
        }
    }

    /// Has the system tell of changes from now on, and looks at all there is.
    fn begin(&mut self) -> Result<(), String> {
        let opened = if self.is_polled { Ok(None) } else { Notices::open(&self.scanner.path) };
        (self.notices, self.note) = match opened {
            Ok(notices) => (notices, None),
            Err(why) => (None, Some(why)),
        };
        self.look_at_all()
    }

    /// Follows the path to what it leads to now.
    fn begin_anew(&mut self) -> Result<(), String> {
        // What is watched and known is elsewhere.
        self.lose_root();
        match Scanner::open(&self.scanner.path) {
            Ok(scanner) => self.scanner = scanner,
            // It is gone again, and may come back.
            Err(_) if self.scanner.stands()? == Stands::Gone => return Ok(()),
            Err(why) => return Err(why),
        }
        self.is_gone = false;
        self.begin()
    }

    fn lose_root(&mut self) {
        self.is_gone = true;
        self.entries.clear();
        self.notices = None;
    }

    fn look_at_all(&mut self) -> Result<(), String> {
        let entries = Mutex::new(Entries::new());
        let attend = |dir: Option<&Dir>, place: &Place| attend(self.notices.as_ref(), dir, place);
        self.scanner
            .walk(&self.selection, &self.entries, &attend, &|piece| keep(&entries, piece))?;
        self.entries = unlocked(entries);
        Ok(())
    }

    fn look_at_some(
        &mut self,
        mut tasks: HashSet<OsString>,
        runs: HashMap<OsString, HashSet<OsString>>,
    ) -> Result<(), String> {
        if tasks.is_empty() && runs.is_empty() {
            return Ok(());
        }
        let Some(dir) = self.scanner.runs()? else {
            self.entries.clear();
            return Ok(());
        };
        for (task, runs) in runs {
            if !tasks.contains(&task) && !self.look_at_runs(&dir, &task, &runs) {
                tasks.insert(task);
            }
        }
        tasks.retain(|task| self.selection.has_task(task));
        let before = tasks.iter().filter_map(|task| self.entries.remove_entry(task)).collect();
        let entries = Mutex::new(std::mem::take(&mut self.entries));
        let attend = |dir: Option<&Dir>, place: &Place| attend(self.notices.as_ref(), dir, place);
        let take = |piece| keep(&entries, piece);
        Walk::new(&self.selection, &before, &attend, &take).tasks(&dir, tasks);
        self.entries = unlocked(entries);
        Ok(())
    }

    /// `false` if the whole task has to be looked at.
    fn look_at_runs(&mut self, dir: &Dir, task: &OsString, runs: &HashSet<OsString>) -> bool {
        let open = |dir: &Dir, name: &str| subdirectory(dir, name.as_ref()).ok().flatten();
        let Ok(Some(dir)) = subdirectory(dir, task) else { return false };
        let Some(cli) = open(&dir, CLI) else { return false };
        let attend = |dir: Option<&Dir>, place: &Place| attend(self.notices.as_ref(), dir, place);
        let entries = self.entries.entry(task.clone()).or_default();
        for run in runs.iter().filter(|run| can_be_run(run) && self.selection.has_run(run)) {
            match look(&cli, task, run, entries.get(run), &attend) {
                Some(entry) => entries.insert(run.clone(), entry),
                None => entries.remove(run),
            };
        }
        true
    }
}

fn attend(notices: Option<&Notices>, dir: Option<&Dir>, place: &Place) {
    if let Some(notices) = notices {
        notices.attend(dir, place);
    }
}

fn keep(entries: &Mutex<Entries>, piece: Piece) -> bool {
    lock(entries).entry(piece.task).or_default().extend(piece.runs);
    true
}
