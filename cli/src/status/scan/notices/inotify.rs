//! inotify: a directory that is watched tells what happens to its entries.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use cap_std::fs::Dir;
use rustix::fs::fstatfs;
use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;

use super::changes::Changes;
use crate::status::locked::lock;
use crate::status::scan::place::{CLI, Place, RUNS};
use crate::status::scan::run::{HEARTBEAT, MANIFEST};

const WATCHES_MAX: &str = "max_user_watches";
const INSTANCES_MAX: &str = "max_user_instances";
const EVENTS_BYTES: usize = 16 * 1024;

/// File systems that nobody changes past this system, so that it can tell: ext, xfs, btrfs, f2fs,
/// zfs, bcachefs, tmpfs, ramfs, overlayfs.
const LOCAL: [u64; 9] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0xf2f5_2010,
    0x2fc1_2fc1,
    0xca45_1a4e,
    0x0102_1994,
    0x8584_58f6,
    0x794c_7630,
];

/// Watches on directories.
pub struct Notices {
    fd: OwnedFd,
    root: PathBuf,
    /// By the watch: a directory has one only, and may have several names.
    places: Mutex<HashMap<i32, Vec<Place>>>,
    /// What cannot be watched or was not read, and so is looked at each time.
    unwatched: Mutex<Vec<Place>>,
    note: Mutex<Option<String>>,
}

impl Notices {
    /// # Errors
    /// Why nothing can be watched.
    pub fn open(root: &Path) -> Result<Option<Self>, String> {
        let fd = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(|error| {
            let limit = match error {
                Errno::MFILE => told(INSTANCES_MAX),
                _ => String::new(),
            };
            format!("cannot make an inotify instance: {error}{limit}")
        })?;
        Ok(Some(Notices {
            fd,
            root: root.to_owned(),
            places: Mutex::default(),
            unwatched: Mutex::default(),
            note: Mutex::default(),
        }))
    }

    /// Watches a directory from now on; without it, has its place looked at again.
    pub fn attend(&self, dir: Option<&Dir>, place: &Place) {
        let system = dir.and_then(|dir| fstatfs(dir).ok());
        if system.is_some_and(|system| is_local(system.f_type)) {
            match self.watch(place) {
                // Another watch tells that it is gone, or what is there now.
                Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => return,
                // It may be entered and not read.
                Err(Errno::ACCESS) => {}
                Err(error) => {
                    let limit = match error {
                        Errno::NOSPC => told(WATCHES_MAX),
                        _ => String::new(),
                    };
                    lock(&self.note).get_or_insert_with(|| {
                        format!("cannot watch {}: {error}{limit}", path(place).display())
                    });
                }
            }
        }
        lock(&self.unwatched).push(place.clone());
    }

    fn watch(&self, place: &Place) -> Result<(), Errno> {
        let flags = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::MODIFY
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let mut places = lock(&self.places);
        let watch = add_watch(&self.fd, self.root.join(path(place)), flags)?;
        let places = places.entry(watch).or_default();
        if !places.contains(place) {
            places.push(place.clone());
        }
        Ok(())
    }

    /// What changed since the last call, and what nobody would tell of.
    ///
    /// # Errors
    /// Why nothing is told any more.
    pub fn changes(&self) -> Result<Changes, String> {
        let mut changes = Changes::default();
        for place in lock(&self.unwatched).drain(..) {
            changes.add(&place, None);
        }
        let mut places = lock(&self.places);
        let mut buffer = [MaybeUninit::uninit(); EVENTS_BYTES];
        let mut reader = Reader::new(&self.fd, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return Ok(changes),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(format!("cannot read from inotify: {error}")),
            };
            // What was lost can be anything.
            changes.is_all |=
                event.events().intersects(ReadFlags::QUEUE_OVERFLOW | ReadFlags::UNMOUNT);
            for place in places.get(&event.wd()).into_iter().flatten() {
                let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                changes.add(place, name.map(OsString::from));
            }
            // All its names are looked at now, and those that it still has are attended again.
            if event.events().intersects(ReadFlags::IGNORED | ReadFlags::MOVE_SELF) {
                places.remove(&event.wd());
            }
        }
    }

    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Why some directories are not watched, if they should be.
    pub fn note(&self) -> Option<String> {
        lock(&self.note).clone()
    }
}

impl Changes {
    /// Adds what a change in a directory makes necessary; without a name it is one of the directory
    /// itself.
    fn add(&mut self, place: &Place, name: Option<OsString>) {
        match (place, name) {
            (Place::Root, Some(name)) if name != RUNS => {}
            (Place::Root | Place::Runs, None) | (Place::Root, Some(_)) => self.is_all = true,
            (Place::Task(_), Some(name)) if name != CLI => {}
            (Place::Runs, Some(task)) => {
                self.tasks.insert(task);
            }
            (Place::Task(task), _) | (Place::Cli(task), None) => {
                self.tasks.insert(task.clone());
            }
            (Place::Cli(task), Some(run)) => self.add_run(task, run),
            (Place::Run(_, _), Some(name)) if name != MANIFEST && name != HEARTBEAT => {}
            (Place::Run(task, run), _) => self.add_run(task, run.clone()),
        }
    }

    fn add_run(&mut self, task: &OsString, run: OsString) {
        match self.runs.get_mut(task) {
            Some(runs) => {
                runs.insert(run);
            }
            None => {
                self.runs.insert(task.clone(), HashSet::from([run]));
            }
        }
    }
}

/// Where a directory is below the root.
fn path(place: &Place) -> PathBuf {
    let runs = Path::new(RUNS);
    match place {
        Place::Root => PathBuf::from("."),
        Place::Runs => runs.to_owned(),
        Place::Task(task) => runs.join(task),
        Place::Cli(task) => runs.join(task).join(CLI),
        Place::Run(task, run) => runs.join(task).join(CLI).join(run),
    }
}

/// The type is signed on some systems, and has 32 bits on others.
fn is_local(magic: impl TryInto<u64>) -> bool {
    magic.try_into().is_ok_and(|magic| LOCAL.contains(&magic))
}

/// A limit that is the cause.
fn told(limit: &str) -> String {
    match std::fs::read_to_string(format!("/proc/sys/fs/inotify/{limit}")) {
        Ok(value) => format!(" (the limit fs.inotify.{limit} is {})", value.trim()),
        Err(_) => format!(" (see the limit fs.inotify.{limit})"),
    }
}
