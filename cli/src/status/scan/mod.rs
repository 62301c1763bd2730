//! Finds the runs below a root: all of them, then what changed.

pub mod file;
mod follow;
mod notices;
mod place;
mod run;
mod walk;

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt as _};

use super::locked::{lock, unlocked};
use super::row::Row;
use super::select::Selection;
use crate::plain::failed_call;
pub use follow::Followed;
use place::Place;
pub use place::{CLI, RUNS, can_be_run, can_be_task};
pub use run::{HEARTBEAT, MANIFEST, MANIFEST_BYTES_MAX, look};

/// Is told of each directory once it is open and before anything in it is looked at; without it, of
/// one in which something could not be read, so that no change tells when it can.
type Attend<'a> = &'a (dyn Fn(Option<&Dir>, &Place) + Sync);

/// The directory whose runs are looked for.
pub struct Scanner {
    root: Dir,
    path: PathBuf,
}

/// Where the path of a root leads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// To the directory that is open.
    Same,
    Other,
    Gone,
}

impl Scanner {
    /// # Errors
    /// Why there can be no runs.
    pub fn open(path: &Path) -> Result<Self, String> {
        Ok(Scanner { root: open_root(path)?, path: path.to_owned() })
    }

    /// Where the path leads by now: another directory may have been put there.
    ///
    /// # Errors
    /// It cannot be told.
    fn stands(&self) -> Result<Stands, String> {
        let problem = |error| {
            format!(
                "cannot look at the root {}: {}",
                self.path.display(),
                failed_call("stat", &error)
            )
        };
        let there = match std::fs::metadata(&self.path) {
            Ok(there) => there,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Stands::Gone),
            Err(error) => return Err(problem(error)),
        };
        // As long as it is open, no other one gets its number.
        let open = self.root.dir_metadata().map_err(problem)?;
        let is_same = there.dev() == open.dev() && there.ino() == open.ino();
        Ok(if is_same { Stands::Same } else { Stands::Other })
    }

    /// The selected runs, in no order.
    ///
    /// Nothing that is wrong with one task or run hides the others: it becomes that row's detail.
    ///
    /// # Errors
    /// Why no run can be listed.
    pub fn scan(&self, selection: &Selection) -> Result<Vec<Row>, String> {
        let rows = Mutex::new(Vec::new());
        self.each(selection, &|piece| {
            lock(&rows).extend(piece);
            true
        })?;
        Ok(unlocked(rows))
    }

    /// Hands out the selected runs, some at once, as they are found and by several threads, until
    /// the answer is `false`.
    ///
    /// # Errors
    /// Why no run can be listed.
    pub fn each(
        &self,
        selection: &Selection,
        found: &(dyn Fn(Vec<Row>) -> bool + Sync),
    ) -> Result<(), String> {
        self.walk(selection, &walk::Entries::new(), &|_, _| {}, &|piece| {
            let now = SystemTime::now();
            let rows = piece.runs.into_iter().map(|(_, entry)| Row::new(entry.known, now));
            found(rows.filter(|row| selection.has_state(row)).collect())
        })
    }

    /// The directory of all tasks, if there is one.
    fn runs(&self) -> Result<Option<Dir>, String> {
        runs(&self.root)
    }
}

/// Opens the root.
///
/// # Errors
/// Why there can be no runs.
pub fn open_root(path: &Path) -> Result<Dir, String> {
    let shown = path.display();
    Dir::open_ambient_dir(path, ambient_authority()).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("the root does not exist: {shown}"),
        io::ErrorKind::NotADirectory => format!("the root is not a directory: {shown}"),
        _ => format!("cannot open the root {shown}: {}", failed_call("open", &error)),
    })
}

/// The directory of all tasks, if there is one.
///
/// # Errors
/// It cannot be opened, or something else is in its place.
pub fn runs(root: &Dir) -> Result<Option<Dir>, String> {
    match subdirectory(root, RUNS.as_ref())? {
        Some(runs) => Ok(Some(runs)),
        None => match root.symlink_metadata(RUNS) {
            Ok(found) if found.is_symlink() => Err(format!("{RUNS} is a link to no directory")),
            Ok(_) => Err(format!("{RUNS} is not a directory")),
            Err(_) => Ok(None),
        },
    }
}

/// A directory, if there is one: a file of that name is something else. A link is followed within
/// the root.
///
/// # Errors
/// It cannot be opened.
pub fn subdirectory(dir: &Dir, name: &OsStr) -> Result<Option<Dir>, String> {
    match dir.open_dir(name) {
        Ok(dir) => Ok(Some(dir)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => {
            let name = name.to_string_lossy();
            Err(format!("cannot open {name}: {}", failed_call("open", &error)))
        }
    }
}

/// The names in a directory, and why there may be more.
pub fn names(dir: &Dir, shown: &str) -> (Vec<OsString>, Option<String>) {
    let mut names = Vec::new();
    let mut read = || {
        for entry in dir.entries().map_err(|error| failed_call("open", &error))? {
            names.push(entry.map_err(|error| failed_call("readdir", &error))?.file_name());
        }
        Ok(())
    };
    let read: Result<(), String> = read();
    (names, read.err().map(|why| format!("cannot list {shown}: {why}")))
}
