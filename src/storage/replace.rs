//! Atomic replacement of one file: a new temporary file, its content, its sync, its rename.

use super::{Storage, temp};
use crate::error::{Code, Operation};

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
) -> Result<(), (Operation, Code)> {
    let temp = temp::name(storage, name);
    let new = storage.create_file(dir, &temp).await.map_err(|code| (Operation::Open, code))?;
    let moved = async {
        storage.write(&new, content).await.map_err(|code| (Operation::Write, code))?;
        if sync {
            storage.sync_data(&new).await.map_err(|code| (Operation::Sync, code))?;
        }
        // Windows renames no open file.
        drop(new);
        storage.rename(dir, &temp, name).await.map_err(|code| (Operation::Rename, code))
    };
    let result = moved.await;
    if result.is_err() {
        // The first error is the one to report; what cannot be removed now is swept later.
        let _ = storage.remove(dir, &temp).await;
    }
    result
}
