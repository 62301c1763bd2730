//! The directory of a run that was refused: nothing says what it is, and nobody would remove it.

use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::location::Location;

/// A run's directory, before the run is opened.
pub struct Fresh {
    root: PathBuf,
    /// Below the root; none if it is there already.
    directory: Option<PathBuf>,
}

impl Fresh {
    /// Looks whether the run has a directory.
    pub fn find(location: &Location, task: &str, run: &str) -> Self {
        let root = &location.root.path;
        let directory = Path::new(".runs").join(task).join("cli").join(run);
        let is_there = root.join(&directory).symlink_metadata().is_ok();
        // A store has no directories that stay.
        let is_fresh = location.is_directory() && !is_there;
        Fresh { root: root.to_owned(), directory: is_fresh.then_some(directory) }
    }

    /// Removes the directory, if it was not there and there is still no manifest in it. What cannot be
    /// removed stays.
    pub fn discard(self) {
        let Some(directory) = self.directory else { return };
        let Ok(root) = Dir::open_ambient_dir(&self.root, ambient_authority()) else { return };
        if root.symlink_metadata(directory.join("manifest.json")).is_ok() {
            return;
        }
        let _ = root.remove_file(directory.join(".heartbeat"));
        let _ = root.remove_dir(&directory);
    }
}
