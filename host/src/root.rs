//! The directory that is granted.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Creates the directory if it is missing, so that a power loss does not take it: whoever created it
/// may have died before its parent was synced.
pub(crate) fn create(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    // A directory that may not be read cannot be synced, nor on some file systems any.
    let Ok(above) = File::open(above.unwrap_or(Path::new("."))) else { return Ok(()) };
    match above.sync_all() {
        Err(error) if is_unsupported(&error) => Ok(()),
        outcome => outcome,
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
}
