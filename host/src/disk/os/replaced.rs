//! Replaced files, which are freed off the path of whoever waits for a rename.

#[cfg(target_os = "linux")]
use std::collections::BTreeMap;
use std::fs::File;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cap_std::fs::Dir;

use super::failed::{Failed, outcome};
use super::workers::Workers;
use crate::disk::ErrorCode;

/// What a rename is about to replace, be it a link.
pub(super) struct Target {
    #[cfg(target_os = "linux")]
    found: Result<(File, std::fs::Metadata), ErrorCode>,
    #[cfg(not(target_os = "linux"))]
    found: Result<cap_std::fs::Metadata, ErrorCode>,
}

#[cfg(target_os = "linux")]
impl Target {
    pub(super) fn find(dir: &Dir, path: &str) -> Result<Target, Failed> {
        // Without any right: nobody notices, and no device or pipe does anything.
        let opened = super::open::open_last(dir, path, rustix::fs::OFlags::PATH);
        let found = opened.and_then(|opened| {
            let file = File::from(opened);
            let metadata = file.metadata()?;
            Ok((file, metadata))
        });
        Ok(Target { found: outcome(found)? })
    }

    /// Its mode, if it is a regular file.
    pub(super) fn mode(&self) -> Result<Option<u32>, ErrorCode> {
        use std::os::unix::fs::MetadataExt;

        let (_, metadata) = self.found.as_ref().map_err(|code| *code)?;
        Ok(metadata.is_file().then(|| metadata.mode()))
    }

    /// Keeps it open during its rename, if that is of use and safe.
    ///
    /// While it is open the rename only takes its name away. Otherwise the rename frees it too,
    /// which on ext4 was measured to take three times as long as all the rest.
    pub(super) fn hold(self, closing: &Closing) -> Option<File> {
        use std::os::unix::fs::MetadataExt;

        let (file, metadata) = self.found.ok()?;
        let is_small = metadata.len() <= BYTES_MAX;
        (is_small && closing.is_safe(metadata.dev(), &file)).then_some(file)
    }
}

#[cfg(not(target_os = "linux"))]
impl Target {
    pub(super) fn find(dir: &Dir, path: &str) -> Result<Target, Failed> {
        Ok(Target { found: outcome(dir.symlink_metadata(path).map_err(Failed::from))? })
    }

    /// Its mode, if it is a regular file.
    pub(super) fn mode(&self) -> Result<Option<u32>, ErrorCode> {
        use cap_std::fs::MetadataExt;

        let metadata = self.found.as_ref().map_err(|code| *code)?;
        Ok(metadata.is_file().then(|| metadata.mode()))
    }

    /// Of other systems nothing is known.
    pub(super) fn hold(self, _: &Closing) -> Option<File> {
        None
    }
}

/// Larger files are freed by the rename: who replaces them may need their space at once.
#[cfg(target_os = "linux")]
const BYTES_MAX: u64 = 1024 * 1024;

#[cfg(target_os = "linux")]
fn replaces_open_files(system: &rustix::fs::StatFs) -> bool {
    /// The magic numbers of ext2 to ext4, XFS, btrfs and tmpfs.
    const KNOWN: [u64; 4] = [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994];

    u64::try_from(system.f_type).is_ok_and(|magic| KNOWN.contains(&magic))
}

/// Closes replaced files on a worker.
#[derive(Clone, Debug)]
pub(super) struct Closing {
    held: Arc<Mutex<Held>>,
    workers: Workers,
}

#[derive(Debug, Default)]
struct Held {
    files: Vec<File>,
    /// How many a worker has taken and not closed yet.
    taken: usize,
    /// Which devices are known to replace an open file in one step, or not to.
    #[cfg(target_os = "linux")]
    devices: BTreeMap<u64, bool>,
}

/// More are closed by whoever brings them: their space on the disk must not pile up.
const HELD_MAX: usize = 64;

impl Closing {
    pub(super) fn new(workers: &Workers) -> Self {
        Closing { held: Arc::default(), workers: workers.clone() }
    }

    /// Whether the file system of this device is known to replace an open file in one step. A network
    /// file system can do otherwise: NFS first gives it another name, so that there is none for a
    /// while.
    #[cfg(target_os = "linux")]
    fn is_safe(&self, device: u64, file: &File) -> bool {
        *self.held().devices.entry(device).or_insert_with(|| {
            rustix::fs::fstatfs(file).is_ok_and(|system| replaces_open_files(&system))
        })
    }

    /// Closes a file that has been replaced.
    pub(super) fn close_later(&self, file: Option<File>) {
        let Some(file) = file else { return };
        let mut held = self.held();
        if held.files.len() + held.taken >= HELD_MAX {
            drop(held);
            drop(file);
            return;
        }
        held.files.push(file);
        let is_first = held.files.len() == 1;
        drop(held);
        if is_first {
            // Nobody waits for it.
            let held = self.held.clone();
            self.workers.start(move || close(&held));
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        locked(&self.held)
    }
}

/// Closes what is held.
fn close(held: &Mutex<Held>) {
    let files = {
        let mut held = locked(held);
        held.taken += held.files.len();
        mem::take(&mut held.files)
    };
    let count = files.len();
    drop(files);
    locked(held).taken -= count;
}

fn locked(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
