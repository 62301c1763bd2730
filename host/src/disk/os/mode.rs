//! The modes of files.

use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt as _};

use cap_std::fs::{Dir, PermissionsExt as _};
use rustix::fs::{Mode, OFlags};

use super::open::open_last;
use crate::disk::ErrorCode;

/// Mode of a file that is not complete yet.
pub(super) const PRIVATE: u32 = 0o600;
/// Less the umask, the mode of other files.
pub(super) const PUBLIC: u32 = 0o666;
/// Permissions, without what runs a file as somebody else.
const PERMISSIONS: u32 = 0o777;

/// What a process takes away from the modes of the files that it creates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Umask(u32);

impl Umask {
    /// That of this process.
    #[allow(clippy::useless_conversion, reason = "modes have 16 bits on some systems")]
    pub(super) fn get() -> Umask {
        // To ask the system changes it for a moment, and another thread may create a file then.
        let told = std::fs::read("/proc/self/status").ok().and_then(|status| {
            let status = String::from_utf8_lossy(&status);
            let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
            u32::from_str_radix(line.trim(), 8).ok()
        });
        Umask(told.unwrap_or_else(|| {
            let umask = rustix::process::umask(Mode::from_raw_mode(0o077));
            rustix::process::umask(umask);
            umask.bits().into()
        }))
    }
}

/// The permissions of the file at `path`, or those of a new one.
pub(super) fn of(dir: &Dir, path: &str, umask: Umask) -> u32 {
    let found = dir.symlink_metadata(path).map_err(ErrorCode::from);
    like(found.map(|old| old.is_file().then(|| old.permissions().mode())), umask)
}

/// The permissions of what was found, if it is a file, or those of a new one.
pub(super) fn like(found: Result<Option<u32>, ErrorCode>, umask: Umask) -> u32 {
    match found {
        Ok(Some(mode)) => mode & PERMISSIONS,
        // A link has no permissions of its own.
        Ok(None) | Err(ErrorCode::NoEntry) => PUBLIC & !umask.0,
        // It may have been private.
        Err(_) => PRIVATE,
    }
}

/// Gives a complete file its mode, or leaves it private: some file systems have no modes.
pub(super) fn open_up(dir: &Dir, path: &str, mode: u32) {
    if mode == PRIVATE {
        return;
    }
    // Through a handle: the name could have become a link that leads elsewhere, and a second name
    // of another file is none of ours.
    let Ok(file) = open_last(dir, path, OFlags::RDONLY | OFlags::NONBLOCK) else { return };
    let file = File::from(file);
    if file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.nlink() == 1) {
        let _ = file.set_permissions(Permissions::from_mode(mode));
    }
}
