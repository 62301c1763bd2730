//! The directory that is granted.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// Creates the directory if it is missing, so that a power loss does not take it: whoever created it
/// may have died before its parent was synced. A mode holds whatever the umask is.
pub(crate) fn create(path: &Path, mode: Option<u32>) -> io::Result<()> {
    match DirBuilder::new().mode(mode.unwrap_or(0o777)).create(path) {
        Ok(()) => {
            if let Some(mode) = mode {
                // From the directory above it may have that files in it are the group's (setgid).
                let inherited = fs::metadata(path)?.permissions().mode() & 0o7000;
                fs::set_permissions(path, Permissions::from_mode(mode | inherited))?;
            }
        }
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
