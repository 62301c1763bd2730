//! Directories and files by inode number, as a live file system or a crash image holds them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tandem_host::disk::{ErrorCode, Kind};

/// Names an inode. They are counted up and never used again.
pub(crate) type Ino = u32;

/// The granted directory.
pub(crate) const ROOT: Ino = 0;

/// A name in a directory.
pub(crate) type Name = Arc<str>;

/// What an inode is.
#[derive(Clone, Debug)]
pub(crate) enum Inode {
    Dir { entries: BTreeMap<Name, Ino>, modified_ns: u64 },
    File { data: Arc<Vec<u8>>, modified_ns: u64 },
}

impl Inode {
    /// An empty directory.
    pub(crate) fn dir(modified_ns: u64) -> Self {
        Inode::Dir { entries: BTreeMap::new(), modified_ns }
    }

    fn modified_ns(&self) -> u64 {
        match self {
            Inode::Dir { modified_ns, .. } | Inode::File { modified_ns, .. } => *modified_ns,
        }
    }
}

/// All inodes, those without a name too.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    inodes: BTreeMap<Ino, Inode>,
}

impl Tree {
    /// An empty directory.
    pub(crate) fn new() -> Self {
        Tree { inodes: BTreeMap::from([(ROOT, Inode::dir(0))]) }
    }

    /// The highest number in use.
    pub(crate) fn last_ino(&self) -> Ino {
        self.inodes.last_key_value().map_or(ROOT, |(ino, _)| *ino)
    }

    pub(crate) fn insert(&mut self, ino: Ino, inode: Inode) {
        self.inodes.insert(ino, inode);
    }

    pub(crate) fn kind(&self, ino: Ino) -> Kind {
        match self.inodes.get(&ino) {
            Some(Inode::Dir { .. }) => Kind::Directory,
            Some(Inode::File { .. }) => Kind::File,
            None => Kind::Other,
        }
    }

    pub(crate) fn entries(&self, dir: Ino) -> Result<&BTreeMap<Name, Ino>, ErrorCode> {
        match self.inodes.get(&dir) {
            Some(Inode::Dir { entries, .. }) => Ok(entries),
            Some(Inode::File { .. }) => Err(ErrorCode::NotDirectory),
            None => Err(ErrorCode::BadDescriptor),
        }
    }

    pub(crate) fn file(&self, ino: Ino) -> Result<(&Arc<Vec<u8>>, u64), ErrorCode> {
        match self.inodes.get(&ino) {
            Some(Inode::File { data, modified_ns }) => Ok((data, *modified_ns)),
            Some(Inode::Dir { .. }) => Err(ErrorCode::IsDirectory),
            None => Err(ErrorCode::BadDescriptor),
        }
    }

    /// The directory that holds the last step of `path`, and that step. `.` is `at` itself.
    pub(crate) fn resolve<'p>(&self, at: Ino, path: &'p str) -> Result<(Ino, &'p str), ErrorCode> {
        let (dirs, last) = path.rsplit_once('/').unwrap_or((".", path));
        let mut dir = at;
        for step in dirs.split('/').filter(|step| !matches!(*step, "" | ".")) {
            dir = *self.entries(dir)?.get(step).ok_or(ErrorCode::NoEntry)?;
        }
        self.entries(dir)?;
        Ok((dir, last))
    }

    /// What stands at `path`.
    pub(crate) fn lookup(&self, at: Ino, path: &str) -> Result<Ino, ErrorCode> {
        let (dir, last) = self.resolve(at, path)?;
        match last {
            "" | "." => Ok(dir),
            ".." => Err(ErrorCode::NotPermitted),
            name => self.entries(dir)?.get(name).copied().ok_or(ErrorCode::NoEntry),
        }
    }

    /// Whether `other` is `ino` or in it, however deep.
    pub(crate) fn holds(&self, ino: Ino, other: Ino) -> bool {
        let inside = || {
            self.entries(ino)
                .is_ok_and(|entries| entries.values().any(|entry| self.holds(*entry, other)))
        };
        ino == other || inside()
    }

    /// The time of what was changed last.
    pub(crate) fn newest_ns(&self) -> u64 {
        self.inodes.values().map(Inode::modified_ns).max().unwrap_or(0)
    }

    /// The content of the file at `path` below the root, if there is one.
    pub(crate) fn content(&self, path: &str) -> Option<&Arc<Vec<u8>>> {
        let ino = self.lookup(ROOT, path).ok()?;
        self.file(ino).ok().map(|(data, _)| data)
    }

    /// When the file at `path` below the root was changed last, since the epoch.
    pub(crate) fn modified_ns(&self, path: &str) -> Option<u64> {
        let ino = self.lookup(ROOT, path).ok()?;
        self.file(ino).ok().map(|(_, modified_ns)| modified_ns)
    }

    /// When an inode was changed last, since the epoch.
    pub(crate) fn changed_ns(&self, ino: Ino) -> u64 {
        self.inodes.get(&ino).map_or(0, Inode::modified_ns)
    }

    /// Whether a directory is at `path` below the root.
    pub(crate) fn has_dir(&self, path: &str) -> bool {
        self.lookup(ROOT, path).is_ok_and(|ino| self.kind(ino) == Kind::Directory)
    }

    /// Puts a file at `path` below the root, with the directories that lead to it.
    pub(crate) fn put(&mut self, path: &str, data: &[u8], modified_ns: u64) {
        let (dirs, name) = path.rsplit_once('/').unwrap_or((".", path));
        let mut dir = ROOT;
        for step in dirs.split('/').filter(|step| *step != ".") {
            dir = match self.lookup(dir, step) {
                Ok(ino) => ino,
                Err(_) => self.put_in(dir, step, Inode::dir(modified_ns)),
            };
        }
        let data = Arc::new(data.to_vec());
        self.put_in(dir, name, Inode::File { data, modified_ns });
    }

    /// Takes the file at `path` below the root away, and the directories that have nothing in them then.
    pub(crate) fn take(&mut self, path: &str) {
        let mut path = path;
        loop {
            let (dir, name) = path.rsplit_once('/').unwrap_or((".", path));
            let Ok(ino) = self.lookup(ROOT, dir) else { return };
            self.bind(ino, &name.into(), None);
            if ino == ROOT || self.entries(ino).is_ok_and(|entries| !entries.is_empty()) {
                return;
            }
            path = dir;
        }
    }

    fn put_in(&mut self, dir: Ino, name: &str, inode: Inode) -> Ino {
        let ino = self.last_ino() + 1;
        self.insert(ino, inode);
        self.bind(dir, &name.into(), Some(ino));
        ino
    }

    /// Binds a name, or removes it.
    pub(crate) fn bind(&mut self, dir: Ino, name: &Name, to: Option<Ino>) {
        if let Some(Inode::Dir { entries, .. }) = self.inodes.get_mut(&dir) {
            match to {
                Some(ino) => entries.insert(name.clone(), ino),
                None => entries.remove(name),
            };
        }
    }

    /// Changes the length of a file; what is new reads as zeros.
    pub(crate) fn resize(&mut self, ino: Ino, size: usize) {
        if let Some(Inode::File { data, .. }) = self.inodes.get_mut(&ino)
            && data.len() != size
        {
            Arc::make_mut(data).resize(size, 0);
        }
    }

    /// Writes inside the length of a file.
    pub(crate) fn write(&mut self, ino: Ino, offset: usize, bytes: &[u8]) {
        if let Some(Inode::File { data, .. }) = self.inodes.get_mut(&ino) {
            let data = Arc::make_mut(data);
            let end = data.len().min(offset.saturating_add(bytes.len()));
            if let Some(place) = data.get_mut(offset..end) {
                place.copy_from_slice(&bytes[..place.len()]);
            }
        }
    }

    /// Puts `data` in the place of a file's whole content.
    pub(crate) fn replace(&mut self, ino: Ino, new: Arc<Vec<u8>>) {
        if let Some(Inode::File { data, .. }) = self.inodes.get_mut(&ino) {
            *data = new;
        }
    }

    pub(crate) fn touch(&mut self, ino: Ino, now_ns: u64) {
        let inode = self.inodes.get_mut(&ino);
        if let Some(Inode::File { modified_ns, .. } | Inode::Dir { modified_ns, .. }) = inode {
            *modified_ns = now_ns;
        }
    }

    /// Forgets what no name leads to.
    pub(crate) fn collect(&mut self) {
        let mut kept: Vec<Ino> = self.walk().into_iter().map(|(_, ino)| ino).collect();
        kept.push(ROOT);
        kept.sort_unstable();
        self.inodes.retain(|ino, _| kept.binary_search(ino).is_ok());
    }

    /// Every entry of every directory, of those without a name too.
    pub(crate) fn all_entries(&self) -> impl Iterator<Item = (Ino, &Name, Ino)> {
        self.inodes.iter().flat_map(|(dir, inode)| {
            let entries = match inode {
                Inode::Dir { entries, .. } => Some(entries),
                Inode::File { .. } => None,
            };
            entries.into_iter().flatten().map(|(name, to)| (*dir, name, *to))
        })
    }

    /// Every name with its path, sorted inside each directory. A directory comes before what it
    /// holds.
    pub(crate) fn walk(&self) -> Vec<(String, Ino)> {
        let mut found = Vec::new();
        self.walk_into(ROOT, "", &mut found);
        found
    }

    fn walk_into(&self, dir: Ino, path: &str, found: &mut Vec<(String, Ino)>) {
        let Ok(entries) = self.entries(dir) else { return };
        for (name, ino) in entries {
            let path = if path.is_empty() { name.to_string() } else { format!("{path}/{name}") };
            found.push((path.clone(), *ino));
            if self.kind(*ino) == Kind::Directory {
                self.walk_into(*ino, &path, found);
            }
        }
    }
}
