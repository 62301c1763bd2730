//! Replaced files, which are freed off the path of whoever waits for a rename.

use std::fs::File;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cap_std::fs::Dir;
use tokio::runtime::Handle;

/// The file that a rename is about to replace, held open if that is of use.
///
/// While it is open the rename only takes its name away. Otherwise the rename frees it too, which
/// on ext4 was measured to take three times as long as all the rest.
pub(super) struct Replaced(Option<File>);

/// Larger files are freed by the rename: who replaces them may need their space at once.
const BYTES_MAX: u64 = 1024 * 1024;

impl Replaced {
    /// What `path` names, be it a link.
    ///
    /// Only on file systems that are known to replace an open file in one step. A network file
    /// system can do otherwise: NFS first gives it another name, so that there is none for a while.
    #[cfg(target_os = "linux")]
    pub(super) fn hold(dir: &Dir, path: &str) -> Replaced {
        // Without any right: nobody notices, and no device or pipe does anything.
        let opened = super::open::open_last(dir, path, rustix::fs::OFlags::PATH).ok();
        Replaced(opened.map(File::from).filter(|file| {
            let is_small = file.metadata().is_ok_and(|metadata| metadata.len() <= BYTES_MAX);
            is_small && rustix::fs::fstatfs(file).is_ok_and(|system| replaces_open_files(&system))
        }))
    }

    /// Elsewhere nothing is known.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn hold(_: &Dir, _: &str) -> Replaced {
        Replaced(None)
    }
}

#[cfg(target_os = "linux")]
fn replaces_open_files(system: &rustix::fs::StatFs) -> bool {
    /// The magic numbers of ext2 to ext4, XFS, btrfs and tmpfs.
    const KNOWN: [u64; 4] = [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994];

    u64::try_from(system.f_type).is_ok_and(|magic| KNOWN.contains(&magic))
}

/// Closes replaced files on a worker.
#[derive(Clone, Debug, Default)]
pub(super) struct Closing(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    files: Vec<File>,
    /// How many a worker has taken and not closed yet.
    taken: usize,
}

/// More are closed by whoever brings them: their space on the disk must not pile up.
const HELD_MAX: usize = 64;

impl Closing {
    pub(super) fn close_later(&self, replaced: Replaced) {
        let Some(file) = replaced.0 else { return };
        let Ok(runtime) = Handle::try_current() else { return };
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
            let work = Work(self.clone());
            runtime.spawn_blocking(move || drop(work));
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what is held when it is done, and also when a runtime that ends does not begin it.
struct Work(Closing);

impl Drop for Work {
    fn drop(&mut self) {
        let files = {
            let mut held = self.0.held();
            held.taken += held.files.len();
            mem::take(&mut held.files)
        };
        let count = files.len();
        drop(files);
        self.0.held().taken -= count;
    }
}
