//! All runs once, then what changed.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::os::fd::BorrowedFd;
use std::sync::Mutex;
use std::time::SystemTime;

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
use crate::status::source::{Follow, Tell, Word};

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
        followed.begin(&mut |_| {})?;
        Ok(followed)
    }

    /// Has the system tell of changes from now on, and looks at all there is.
    fn begin(&mut self, tell: Tell<'_>) -> Result<(), String> {
        let opened = if self.is_polled { Ok(None) } else { Notices::open(&self.scanner.path) };
        (self.notices, self.note) = match opened {
            Ok(notices) => (notices, None),
            Err(why) => (None, Some(why)),
        };
        self.look_at_all(tell)
    }

    /// Follows the path to what it leads to now.
    fn begin_anew(&mut self, tell: Tell<'_>) -> Result<(), String> {
        // What is watched and known is elsewhere.
        self.lose_root(tell);
        match Scanner::open(&self.scanner.path) {
            Ok(scanner) => self.scanner = scanner,
            // It is gone again, and may come back.
            Err(_) if self.scanner.stands()? == Stands::Gone => return Ok(()),
            Err(why) => return Err(why),
        }
        self.is_gone = false;
        self.begin(tell)
    }

    fn lose_root(&mut self, tell: Tell<'_>) {
        self.is_gone = true;
        self.notices = None;
        tell_changes(&std::mem::take(&mut self.entries), &self.entries, tell);
    }

    fn look_at_all(&mut self, tell: Tell<'_>) -> Result<(), String> {
        let entries = Mutex::new(Entries::new());
        let attend = |dir: Option<&Dir>, place: &Place| attend(self.notices.as_ref(), dir, place);
        self.scanner
            .walk(&self.selection, &self.entries, &attend, &|piece| keep(&entries, piece))?;
        let before = std::mem::replace(&mut self.entries, unlocked(entries));
        tell_changes(&before, &self.entries, tell);
        Ok(())
    }

    fn look_at_some(
        &mut self,
        mut tasks: HashSet<OsString>,
        runs: HashMap<OsString, HashSet<OsString>>,
        tell: Tell<'_>,
    ) -> Result<(), String> {
        if tasks.is_empty() && runs.is_empty() {
            return Ok(());
        }
        let Some(dir) = self.scanner.runs()? else {
            tell_changes(&std::mem::take(&mut self.entries), &self.entries, tell);
            return Ok(());
        };
        for (task, runs) in runs {
            if !tasks.contains(&task) && !self.look_at_runs(&dir, &task, &runs, tell) {
                tasks.insert(task);
            }
        }
        tasks.retain(|task| self.selection.has_task(task));
        let before = tasks.iter().filter_map(|task| self.entries.remove_entry(task)).collect();
        let entries = Mutex::new(Entries::new());
        let attend = |dir: Option<&Dir>, place: &Place| attend(self.notices.as_ref(), dir, place);
        let take = |piece| keep(&entries, piece);
        Walk::new(&self.selection, &before, &attend, &take).tasks(&dir, tasks);
        let entries = unlocked(entries);
        tell_changes(&before, &entries, tell);
        self.entries.extend(entries);
        Ok(())
    }

    /// `false` if the whole task has to be looked at.
    fn look_at_runs(
        &mut self,
        dir: &Dir,
        task: &OsString,
        runs: &HashSet<OsString>,
        tell: Tell<'_>,
    ) -> bool {
        let open = |dir: &Dir, name: &str| subdirectory(dir, name.as_ref()).ok().flatten();
        let Ok(Some(dir)) = subdirectory(dir, task) else { return false };
        let Some(cli) = open(&dir, CLI) else { return false };
        let attend = |dir: Option<&Dir>, place: &Place| attend(self.notices.as_ref(), dir, place);
        let entries = self.entries.entry(task.clone()).or_default();
        for run in runs.iter().filter(|run| can_be_run(run) && self.selection.has_run(run)) {
            match look(&cli, task, run, entries.get(run), &attend) {
                Some(entry) => {
                    tell(Word::Is(&entry.known));
                    entries.insert(run.clone(), entry);
                }
                None => {
                    if let Some(gone) = entries.remove(run) {
                        tell(Word::Gone(&gone.known));
                    }
                }
            }
        }
        true
    }
}

impl Follow for Followed {
    fn update(&mut self, tell: Tell<'_>) -> Result<(), String> {
        match self.scanner.stands()? {
            Stands::Gone => {
                self.lose_root(tell);
                return Ok(());
            }
            Stands::Same if !self.is_gone => {}
            Stands::Same | Stands::Other => return self.begin_anew(tell),
        }
        match self.notices.as_ref().map(Notices::changes) {
            Some(Ok(changes)) if !changes.is_all => {
                self.look_at_some(changes.tasks, changes.runs, tell)
            }
            Some(Err(why)) => {
                self.notices = None;
                self.note = Some(why);
                self.look_at_all(tell)
            }
            Some(Ok(_)) | None => self.look_at_all(tell),
        }
    }

    fn known(&self) -> Box<dyn Iterator<Item = &Known> + '_> {
        Box::new(known(&self.entries))
    }

    fn away(&self) -> Option<String> {
        let shown = self.scanner.path.display();
        self.is_gone.then(|| format!("the root does not exist: {shown}"))
    }

    fn judged_at(&self) -> SystemTime {
        // Without a root no run is known.
        SystemTime::now()
    }

    fn note(&self) -> Option<String> {
        self.note.clone().or_else(|| self.notices.as_ref()?.note())
    }

    fn notices(&self) -> Option<BorrowedFd<'_>> {
        self.notices.as_ref().map(Notices::descriptor)
    }
}

fn known(entries: &Entries) -> impl Iterator<Item = &Known> {
    entries.values().flat_map(HashMap::values).map(|entry| &entry.known)
}

/// Tells of what was looked at: all that is there, and what was there and is no more.
fn tell_changes(before: &Entries, now: &Entries, tell: Tell<'_>) {
    for (task, runs) in before {
        let there = now.get(task);
        for (_, gone) in
            runs.iter().filter(|(run, _)| !there.is_some_and(|it| it.contains_key(*run)))
        {
            tell(Word::Gone(&gone.known));
        }
    }
    known(now).for_each(|known| tell(Word::Is(known)));
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
