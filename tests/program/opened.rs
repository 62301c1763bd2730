//! Which files and directories another process opens.

use std::collections::{BTreeSet, HashMap};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};

/// Watches some of them.
pub struct Opened {
    fd: OwnedFd,
    paths: HashMap<i32, PathBuf>,
}

impl Opened {
    /// Of a directory, what is in it counts too.
    pub fn watch<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Self {
        let fd = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
        let watch = |path: P| {
            (add_watch(&fd, path.as_ref(), WatchFlags::OPEN).unwrap(), path.as_ref().to_owned())
        };
        let paths = paths.into_iter().map(watch).collect();
        Opened { fd, paths }
    }

    /// How often they were opened since the last call.
    pub fn count(&mut self) -> usize {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.fd, &mut buffer);
        let events = std::iter::from_fn(|| Some(reader.next().ok()?.events()));
        // That a file is gone is told too.
        events.filter(|events| events.contains(ReadFlags::OPEN)).count()
    }

    /// Those of them that were opened since the last call.
    pub fn since(&mut self) -> BTreeSet<PathBuf> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.fd, &mut buffer);
        let mut opened = BTreeSet::new();
        while let Ok(event) = reader.next() {
            opened.insert(self.paths[&event.wd()].clone());
        }
        opened
    }
}
