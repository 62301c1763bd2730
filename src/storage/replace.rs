//! Atomic replacement of one file: a new temporary file, its content, its sync, its rename.

use super::{StepError, Storage, temp};
use crate::error::Operation;

/// Replaces `name` in `dir`, and syncs the data before that if `sync` is set. Until the rename the
/// old file is untouched; on every error the temporary file is removed. The directory is not
/// synced.
///
/// # Errors
/// The step that failed, and why.
pub async fn replace<S: Storage>(
    storage: &S,
    dir: &S::Dir,
    name: &str,
    content: Vec<u8>,
    sync: bool,
) -> Result<(), StepError> {
    let temp = temp::name(storage, name);
    prepare(storage, dir, &temp, content, sync).await?;
    commit(storage, dir, &temp, name).await
}

/// Writes the temporary file `temp`, and syncs its data if `sync` is set.
///
/// # Errors
/// The step that failed, and why; the file is gone then.
pub async fn prepare<S: Storage>(
    storage: &S,
    dir: &S::Dir,
    temp: &str,
    content: Vec<u8>,
    sync: bool,
) -> Result<(), StepError> {
    let new = storage.create_file(dir, temp).await.map_err(|code| (Operation::Open, code))?;
    let filled = async {
        storage.write(&new, content).await.map_err(|code| (Operation::Write, code))?;
        if sync {
            storage.sync_data(&new).await.map_err(|code| (Operation::Sync, code))?;
        }
        Ok(())
    };
    let result = filled.await;
    // Windows renames no open file.
    drop(new);
    if result.is_err() {
        discard(storage, dir, temp).await;
    }
    result
}

/// Puts the prepared file `temp` in the place of `name`.
///
/// # Errors
/// The rename's; the temporary file is gone then.
pub async fn commit<S: Storage>(
    storage: &S,
    dir: &S::Dir,
    temp: &str,
    name: &str,
) -> Result<(), StepError> {
    let result = storage.rename(dir, temp, name).await;
    if result.is_err() {
        discard(storage, dir, temp).await;
    }
    result.map_err(|code| (Operation::Rename, code))
}

/// Removes a prepared file. The first error is the one to report; what cannot be removed now is
/// swept later.
pub async fn discard<S: Storage>(storage: &S, dir: &S::Dir, temp: &str) {
    let _ = storage.remove(dir, temp).await;
}
