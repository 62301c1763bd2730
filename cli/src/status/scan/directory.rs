//! Opens and lists the directories that runs are in.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::place::{Place, RUNS};
use crate::plain::failed_call;

/// Is told of each directory once it is open and before anything in it is looked at; without it, of
/// one in which something could not be read, so that no change tells when it can.
pub type Attend<'a> = &'a (dyn Fn(Option<&Dir>, &Place) + Sync);

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
