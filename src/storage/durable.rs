//! What a write survives, and the directory syncs that it takes.

use futures::future::{join, join_all};

use super::{StepError, Storage, ancestors, temp};
use crate::error::{Code, Operation};
pub use crate::records::{Durability, Reached, Written};

/// Syncs the directory `path` and the directories above it, but for the `skip` uppermost ones: an
/// entry is durable only if the directory that holds it is, and an earlier process may have created
/// it and crashed.
///
/// # Errors
/// The step that failed, and why.
pub async fn sync_directories<S: Storage>(
    storage: &S,
    dir: &S::Dir,
    path: &str,
    skip: usize,
) -> Result<Reached, StepError> {
    let above = ancestors(path).skip(skip).map(|ancestor| async move {
        let dir = storage.open_dir(ancestor).await.map_err(|code| (Operation::Open, code))?;
        sync_directory(storage, &dir).await
    });
    let (own, above) = join(sync_directory(storage, dir), join_all(above)).await;
    let mut reached = Reached::Durable;
    for result in [own].into_iter().chain(above) {
        match result {
            Ok(()) => {}
            Err((Operation::SyncDirectory, code)) if cannot_sync_directories(code) => {
                reached = Reached::DataSynced;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(reached)
}

/// Syncs one directory. A sync that fails may leave the directory marked as clean, so that the next
/// one would succeed and write nothing: a file that comes and goes makes it dirty again.
async fn sync_directory<S: Storage>(storage: &S, dir: &S::Dir) -> Result<(), StepError> {
    if cfg!(feature = "provoke-loss") {
        return Ok(());
    }
    let synced = storage.sync_dir(dir).await;
    if synced.is_err_and(|code| !cannot_sync_directories(code)) {
        let created = storage.create_file(dir, temp::PROBE).await;
        let removed = storage.remove(dir, temp::PROBE).await;
        if created.is_err() && removed.is_err() {
            // An earlier one is in the way that cannot be removed.
            let _ = temp::disk_time(storage, dir, "").await;
        }
    }
    synced.map_err(|code| (Operation::SyncDirectory, code))
}

/// Whether an error of a directory sync says that the file system has no such thing.
fn cannot_sync_directories(code: Code) -> bool {
    matches!(code, Code::UNSUPPORTED | Code::INVALID)
}
