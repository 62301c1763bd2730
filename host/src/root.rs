//! The directory that is granted.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Creates the directory if it is missing, so that a power loss does not take it.
pub(crate) fn create(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => {}
        // What it is will be seen when it is opened.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error),
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    match File::open(above.unwrap_or(Path::new(".")))?.sync_all() {
        // It cannot be synced here; receipts tell so of what is below it.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput) =>
        {
            Ok(())
        }
        outcome => outcome,
    }
}
