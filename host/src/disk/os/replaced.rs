//! Replaced files, which are freed off the path of whoever waits for a rename.

use std::fs::File;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::fs::Dir;

/// The file that a rename is about to replace, if there is one.
///
/// While it is open the rename only takes its name away. Otherwise the rename frees it too, which
/// on ext4 takes three times as long as all the rest of the replacement of a small file.
pub(super) struct Replaced(Option<File>);

impl Replaced {
    /// What `path` names, be it a link.
    pub(super) fn find(dir: &Dir, path: &str) -> Replaced {
        // Without any right: nobody notices, and no device or pipe does anything.
        #[cfg(target_os = "linux")]
        let opened = super::open::open_last(dir, path, rustix::fs::OFlags::PATH).ok();
        #[cfg(not(target_os = "linux"))]
        let opened = super::open::open_file(dir, path).ok();
        Replaced(opened.map(File::from))
    }

    /// The mode of a regular file.
    pub(super) fn mode(&self) -> Option<u32> {
        use std::os::unix::fs::PermissionsExt;

        let metadata = self.0.as_ref()?.metadata().ok()?;
        metadata.is_file().then(|| metadata.permissions().mode())
    }
}

/// Closes replaced files on a worker.
#[derive(Clone, Debug, Default)]
pub(super) struct Closing {
    waiting: Arc<Mutex<Vec<File>>>,
}

/// More are closed by whoever brings them: their space on the disk must not pile up.
const WAITING_MAX: usize = 64;

impl Closing {
    pub(super) fn close_later(&self, replaced: Replaced) {
        let Some(file) = replaced.0 else { return };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING_MAX {
            drop(waiting);
            drop(file);
            return;
        }
        waiting.push(file);
        if waiting.len() > 1 {
            // A worker is on its way.
            return;
        }
        drop(waiting);
        let waiting = self.waiting.clone();
        // Nobody waits for it. Where the runtime ends first, the last disk's end closes them.
        tokio::task::spawn_blocking(move || {
            let files = mem::take(&mut *waiting.lock().unwrap_or_else(PoisonError::into_inner));
            drop(files);
        });
    }
}
