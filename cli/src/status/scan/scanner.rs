//! Looks at all runs below a root.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, MetadataExt as _};

use super::directory::{Attend, names, open_root, runs};
use super::place::{Place, RUNS};
use super::walk::{Entries, Piece, Take, Walk};
use crate::plain::failed_call;
use crate::status::select::Selection;

/// The directory whose runs are looked for.
pub struct Scanner {
    root: Dir,
    pub path: PathBuf,
}

/// Where the path of a root leads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stands {
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
    pub fn stands(&self) -> Result<Stands, String> {
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

    /// Looks at all runs that may be selected.
    ///
    /// # Errors
    /// Why no run can be listed.
    pub fn walk(
        &self,
        selection: &Selection,
        before: &Entries,
        attend: Attend<'_>,
        take: Take<'_>,
    ) -> Result<(), String> {
        attend(Some(&self.root), &Place::Root);
        let Some(runs) = self.runs()? else { return Ok(()) };
        attend(Some(&runs), &Place::Runs);
        let tasks = if selection.tasks.is_empty() {
            let (names, problem) = names(&runs, RUNS);
            match problem {
                Some(why) if names.is_empty() => return Err(why),
                Some(why) => {
                    attend(None, &Place::Runs);
                    take(Piece::unreadable(OsStr::new(""), why));
                }
                None => {}
            }
            names
        } else {
            let mut tasks: Vec<_> = selection.tasks.iter().map(OsString::from).collect();
            tasks.sort_unstable();
            tasks.dedup();
            tasks
        };
        Walk::new(selection, before, attend, take).tasks(&runs, tasks);
        Ok(())
    }

    /// The directory of all tasks, if there is one.
    pub fn runs(&self) -> Result<Option<Dir>, String> {
        runs(&self.root)
    }
}
