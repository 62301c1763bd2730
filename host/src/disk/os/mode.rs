//! The modes of files.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt as _};

use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, PermissionsExt as _};
use rustix::fs::{Mode, OFlags};

use super::failed::{Failed, outcome};
use super::open::open_last;
use crate::disk::ErrorCode;

/// Mode of a file that is not complete yet.
pub(super) const PRIVATE: u32 = 0o600;
/// Less the umask, the mode of other files.
const PUBLIC: u32 = 0o666;
/// Less the umask, the mode of directories.
const PUBLIC_DIR: u32 = 0o777;
/// Permissions, without what runs a file as somebody else.
const PERMISSIONS: u32 = 0o777;

/// Which modes files and directories have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Modes {
    /// What the process takes away from the modes of what it creates.
    umask: u32,
    /// The mode of every file, if one was chosen.
    chosen: Option<u32>,
}

impl Modes {
    /// Those of this process.
    #[allow(clippy::useless_conversion, reason = "modes have 16 bits on some systems")]
    pub(super) fn inherited() -> Modes {
        // To ask the system changes it for a moment, and another thread may create a file then.
        let told = std::fs::read("/proc/self/status").ok().and_then(|status| {
            let status = String::from_utf8_lossy(&status);
            let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
            u32::from_str_radix(line.trim(), 8).ok()
        });
        let umask = told.unwrap_or_else(|| {
            let umask = rustix::process::umask(Mode::from_raw_mode(0o077));
            rustix::process::umask(umask);
            umask.bits().into()
        });
        Modes { umask, chosen: None }
    }

    /// This one for every file. Its owner can always write and read it, and nobody runs it.
    pub(super) fn chosen(self, mode: u32) -> Modes {
        Modes { chosen: Some(mode & PUBLIC | PRIVATE), ..self }
    }

    /// The permissions of the file at `path`, or those of a new one.
    ///
    /// # Errors
    /// There was no descriptor left to look.
    pub(super) fn of(self, dir: &Dir, path: &str) -> Result<u32, Failed> {
        let found = outcome(dir.symlink_metadata(path).map_err(Failed::from))?;
        Ok(self.like(found.map(|old| old.is_file().then(|| old.permissions().mode()))))
    }

    /// The permissions of what was found, if it is a file, or those of a new one.
    pub(super) fn like(self, found: Result<Option<u32>, ErrorCode>) -> u32 {
        match (self.chosen, found) {
            (Some(mode), _) => mode,
            (None, Ok(Some(mode))) => mode & PERMISSIONS,
            // A link has no permissions of its own.
            (None, Ok(None) | Err(ErrorCode::NoEntry)) => PUBLIC & !self.umask,
            // It may have been private.
            (None, Err(_)) => PRIVATE,
        }
    }

    /// What to ask for when a file is created under its own name.
    pub(super) fn named(self) -> u32 {
        self.chosen.unwrap_or(PUBLIC)
    }

    /// Gives a file that was created under its own name what the umask took away of its mode.
    pub(super) fn restore(self, file: &File) {
        if let Some(mode) = self.chosen.filter(|mode| mode & self.umask != 0) {
            // Some file systems have no modes.
            let _ = file.set_permissions(Permissions::from_mode(mode));
        }
    }

    /// Creates a directory.
    pub(super) fn create_dir(self, dir: &Dir, path: &str) -> io::Result<()> {
        let mode = self.chosen.map_or(PUBLIC_DIR, dir_mode);
        dir.create_dir_with(path, DirBuilder::new().mode(mode))
    }

    /// Whether the umask takes something away of the mode that was chosen for directories.
    pub(super) fn restores_dirs(self) -> bool {
        self.chosen.is_some_and(|mode| dir_mode(mode) & self.umask != 0)
    }

    /// Gives a directory that was created what the umask took away of its mode. It may have from the
    /// one above it that files in it are the group's (setgid); that stays.
    pub(super) fn restore_dir(self, dir: &Dir, path: &str) -> Result<(), Failed> {
        let Some(mode) = self.chosen.map(dir_mode) else { return Ok(()) };
        let created = File::from(open_last(dir, path, OFlags::RDONLY | OFlags::DIRECTORY)?);
        let inherited = created.metadata()?.mode() & !PERMISSIONS & 0o7777;
        created.set_permissions(Permissions::from_mode(mode | inherited))?;
        Ok(())
    }
}

/// The mode of the directories of files with this mode: who may read these may enter.
pub(crate) fn dir_mode(mode: u32) -> u32 {
    mode | (mode & 0o444) >> 2
}

/// Gives a complete file its mode, or leaves it private: some file systems have no modes.
///
/// # Errors
/// There was no descriptor left to do so.
pub(super) fn open_up(dir: &Dir, path: &str, mode: u32) -> Result<(), Failed> {
    if mode == PRIVATE {
        return Ok(());
    }
    // Through a handle: the name could have become a link that leads elsewhere, and a second name
    // of another file is none of ours.
    let opened = outcome(open_last(dir, path, OFlags::RDONLY | OFlags::NONBLOCK))?;
    let Ok(file) = opened else { return Ok(()) };
    let file = File::from(file);
    if file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.nlink() == 1) {
        let _ = file.set_permissions(Permissions::from_mode(mode));
    }
    Ok(())
}
