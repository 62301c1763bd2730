//! What is durable, and the changes that are not durable yet.

use std::sync::Arc;

use super::model::{DirSync, FileSync, Model};
use super::tree::{Ino, Inode, Name, ROOT, Tree};
use tandem_host::disk::Kind;

/// One change of a disk.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A name was bound to an inode, or to nothing: create, link, unlink, and each half of a rename.
    Name {
        dir: Ino,
        name: Name,
        to: Option<Ino>,
        /// The file whose earlier data is on the disk before this name is, if the model says so.
        flushes: Option<Ino>,
        /// Goes with the next change: the first half of a rename.
        is_tied: bool,
        /// The number of the rename of a directory that this is a half of. Both are durable, or
        /// neither.
        pair: Option<u32>,
    },
    /// Bytes of a file.
    Data { ino: Ino, offset: usize, bytes: Arc<Vec<u8>> },
    /// The size of a file.
    Size { ino: Ino, size: usize },
}

/// A change that is not durable yet.
#[derive(Clone, Debug)]
pub(crate) struct Effect {
    pub change: Change,
    /// A sync failed and marked this as clean: no later sync takes it along.
    pub is_lost: bool,
    /// The half of a directory's rename whose own directory is synced, but not yet the other's.
    is_synced: bool,
    /// Names this effect.
    serial: u64,
}

impl Effect {
    /// The inode whose sync covers this.
    pub(crate) fn covered_by(&self) -> Ino {
        match &self.change {
            Change::Name { dir, .. } => *dir,
            Change::Data { ino, .. } | Change::Size { ino, .. } => *ino,
        }
    }

    fn pair(&self) -> Option<u32> {
        match self.change {
            Change::Name { pair, .. } => pair,
            Change::Data { .. } | Change::Size { .. } => None,
        }
    }

    fn is_of(&self, slot: (Ino, &Name)) -> bool {
        matches!(&self.change, Change::Name { dir, name, .. } if (*dir, name) == slot)
    }
}

/// What makes the rename of a directory durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pairs {
    /// The sync that covers either half.
    Either,
    /// The syncs of both directories.
    Both,
}

/// What a power loss cannot take away, and in their order the effects that it can.
#[derive(Clone, Debug)]
pub(crate) struct Persistent {
    pub durable: Tree,
    pub pending: Vec<Effect>,
    last_serial: u64,
    last_pair: u32,
}

impl Persistent {
    /// Everything in `tree` is durable.
    pub(crate) fn new(tree: Tree) -> Self {
        Persistent { durable: tree, pending: Vec::new(), last_serial: 0, last_pair: 0 }
    }

    /// An inode without a name, which nobody can see.
    pub(crate) fn create(&mut self, ino: Ino, inode: Inode) {
        self.durable.insert(ino, inode);
    }

    pub(crate) fn push(&mut self, change: Change) {
        if let Change::Name { dir, .. } = &change {
            // The directory is dirty again, with all that is in it.
            let dir = *dir;
            for effect in self.pending.iter_mut().filter(|effect| effect.covered_by() == dir) {
                effect.is_lost = false;
            }
        }
        self.last_serial += 1;
        let serial = self.last_serial;
        self.pending.push(Effect { change, is_lost: false, is_synced: false, serial });
    }

    /// A number for both halves of a directory's rename.
    pub(crate) fn next_pair(&mut self) -> u32 {
        self.last_pair += 1;
        self.last_pair
    }

    /// The sync of a file's data and size.
    pub(crate) fn sync_file(&mut self, model: &Model, ino: Ino) {
        match model.file_sync {
            FileSync::DataOnly => {}
            FileSync::Journal => self.commit_journal(ino),
            FileSync::OwnNames => {
                self.commit_names(Pairs::Either, |_, to| to == Some(ino));
                self.commit_path_to(|_, to| to == Some(ino));
            }
        }
        self.commit_data(ino, usize::MAX);
    }

    /// The sync of a directory's entries.
    pub(crate) fn sync_dir(&mut self, model: &Model, ino: Ino) {
        match model.dir_sync {
            DirSync::Unsupported => {}
            DirSync::OwnEntries => self.commit_names(Pairs::Both, |dir, _| dir == ino),
            DirSync::Journal => self.commit_journal(ino),
            DirSync::OwnPath => {
                self.commit_names(Pairs::Either, |dir, _| dir == ino);
                self.commit_path_to(|_, to| to == Some(ino));
            }
        }
    }

    /// A sync that failed and marked what it should have written as clean.
    pub(crate) fn lose(&mut self, ino: Ino) {
        for effect in self.pending.iter_mut().filter(|effect| effect.covered_by() == ino) {
            effect.is_lost = true;
        }
    }

    /// Commits the journal as far as an inode needs it: up to its last change. A file whose data is
    /// written now changes its size now, which is the journal's end.
    fn commit_journal(&mut self, ino: Ino) {
        let touches = |effect: &Effect| match &effect.change {
            Change::Name { dir, to, .. } => *dir == ino || *to == Some(ino),
            Change::Data { .. } | Change::Size { .. } => false,
        };
        let last = self.pending.iter().rposition(touches);
        let due = if self.has_pending_data(ino) { Some(self.pending.len()) } else { last };
        let Some(mut due) = due else { return };
        let is_tied = |effect: &Effect| matches!(effect.change, Change::Name { is_tied: true, .. });
        while self.pending.get(due).is_some_and(is_tied) {
            due += 1;
        }
        // Those behind it stay, in their order.
        let later = self.pending.split_off((due + 1).min(self.pending.len()));
        self.commit_names(Pairs::Either, |_, _| true);
        self.pending.extend(later);
    }

    /// Makes the names durable that are chosen by directory and inode, in their order.
    fn commit_names(&mut self, pairs: Pairs, is_chosen: impl Fn(Ino, Option<Ino>) -> bool) {
        let is_due = |effect: &&Effect| {
            let is_chosen =
                matches!(&effect.change, Change::Name { dir, to, .. } if is_chosen(*dir, *to));
            is_chosen && !effect.is_lost
        };
        let due: Vec<u64> =
            self.pending.iter().filter(is_due).map(|effect| effect.serial).collect();
        for serial in due {
            // One that is gone went along with an earlier one.
            let Some(at) = self.place(serial) else { continue };
            if pairs == Pairs::Both && self.waits_for_twin(at) {
                self.pending[at].is_synced = true;
            } else {
                self.commit_name(serial);
            }
        }
    }

    fn place(&self, serial: u64) -> Option<usize> {
        self.pending.iter().position(|effect| effect.serial == serial)
    }

    /// Whether the other half of this rename of a directory is not synced.
    fn waits_for_twin(&self, at: usize) -> bool {
        let Effect { serial, .. } = self.pending[at];
        let pair = self.pending[at].pair();
        pair.is_some()
            && self
                .pending
                .iter()
                .any(|effect| effect.pair() == pair && effect.serial != serial && !effect.is_synced)
    }

    /// Makes a name durable, with the other half if it is one of a directory's rename.
    fn commit_name(&mut self, serial: u64) {
        let Some(at) = self.place(serial) else { return };
        let Change::Name { dir, name, to, flushes, pair, .. } = self.pending[at].change.clone()
        else {
            return;
        };
        self.pending.remove(at);
        // What the same name showed before is history.
        let is_earlier = |effect: &&Effect| effect.serial < serial && effect.is_of((dir, &name));
        let earlier: Vec<(u64, bool)> = self
            .pending
            .iter()
            .filter(is_earlier)
            .map(|effect| (effect.serial, effect.pair().is_some()))
            .collect();
        for (serial, is_half) in earlier {
            match self.place(serial) {
                Some(_) if is_half => self.commit_name(serial),
                Some(at) => drop(self.pending.remove(at)),
                None => {}
            }
        }
        self.durable.bind(dir, &name, to);
        if let Some(ino) = flushes {
            let before = self.pending.iter().take_while(|effect| effect.serial < serial).count();
            self.commit_data(ino, before);
        }
        let twin = pair.and_then(|_| self.pending.iter().find(|effect| effect.pair() == pair));
        if let Some(twin) = twin.map(|effect| effect.serial) {
            self.commit_name(twin);
        }
    }

    /// Makes the directories durable that lead to a chosen name.
    fn commit_path_to(&mut self, is_chosen: impl Fn(Ino, Option<Ino>) -> bool) {
        let mut dirs: Vec<Ino> = Vec::new();
        for (path_dir, to) in self.bindings() {
            if is_chosen(path_dir, to) {
                dirs.push(path_dir);
            }
        }
        while let Some(dir) = dirs.pop() {
            if dir == ROOT {
                continue;
            }
            let parents: Vec<Ino> = self
                .bindings()
                .into_iter()
                .filter(|(_, to)| *to == Some(dir))
                .map(|(parent, _)| parent)
                .collect();
            self.commit_names(Pairs::Either, |_, to| to == Some(dir));
            dirs.extend(parents);
        }
    }

    /// Every binding of a name that there is or may be.
    fn bindings(&self) -> Vec<(Ino, Option<Ino>)> {
        let mut found: Vec<(Ino, Option<Ino>)> = Vec::new();
        for (dir, _, to) in self.durable.all_entries() {
            found.push((dir, Some(to)));
        }
        for effect in &self.pending {
            if let Change::Name { dir, to, .. } = &effect.change {
                found.push((*dir, *to));
            }
        }
        found
    }

    /// Makes a file's data durable that is older than the effect `before`.
    fn commit_data(&mut self, ino: Ino, before: usize) {
        let (durable, mut index) = (&mut self.durable, 0);
        self.pending.retain(|effect| {
            let is_due = index < before && !effect.is_lost;
            index += 1;
            match &effect.change {
                Change::Size { ino: of, size } if is_due && *of == ino => {
                    durable.resize(ino, *size);
                }
                Change::Data { ino: of, offset, bytes } if is_due && *of == ino => {
                    durable.write(ino, *offset, bytes);
                }
                _ => return true,
            }
            false
        });
    }

    /// Whether a file has data that a power loss may take away.
    pub(crate) fn has_pending_data(&self, ino: Ino) -> bool {
        self.durable.kind(ino) == Kind::File
            && self.pending.iter().any(|effect| {
                matches!(&effect.change, Change::Data { ino: of, .. } | Change::Size { ino: of, .. }
                    if *of == ino)
            })
    }
}
