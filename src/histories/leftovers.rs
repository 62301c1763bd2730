//! What processes leave in the directories of a task that are killed.

use super::settings::RemoveSettings;
use crate::error::{Code, Failure, Operation};
use crate::ident;
use crate::registry::Registry;
use crate::storage::{Kind, Storage, temp};

/// The directory, in that of a task, of the runs that keep a manifest.
pub const CLI: &str = "cli";

/// The directories that were renamed to be removed, whoever did it.
///
/// # Errors
/// The task's directory, at `path`, cannot be listed.
pub async fn renamed<S: Storage>(
    storage: &S,
    task: &S::Dir,
    path: &str,
) -> Result<Vec<String>, Failure> {
    let names = storage.list(task).await.map_err(|code| Failure {
        channel: None,
        operation: Operation::List,
        path: path.to_owned(),
        code,
    })?;
    let mut found = Vec::new();
    for name in names.into_iter().filter(|name| temp::parts(name).is_some()) {
        let is_other = match storage.stat(task, &name).await {
            Ok(stat) => stat.kind != Kind::Directory,
            // Of one that cannot be looked at, whoever is to remove it tells.
            Err(code) => code == Code::NO_ENTRY,
        };
        if !is_other {
            found.push(name);
        }
    }
    Ok(found)
}

/// Removes abandoned temporary files of all runs and summaries of a task, and the directories of
/// summaries that never came to be, and counts them. What cannot be swept now is swept later.
pub async fn sweep<S: Storage>(
    storage: &S,
    task: &S::Dir,
    path: &str,
    settings: &RemoveSettings,
    registry: &Registry,
) -> u32 {
    let names = storage.list(task).await.unwrap_or_default();
    let mut swept = temp::sweep_names(storage, task, path, &names, settings.sweep_after).await;
    for run_id in run_ids(storage, task).await {
        swept += sweep_summary(storage, task, path, &run_id, settings).await;
    }
    let Ok(cli) = storage.open_dir(&format!("{path}/{CLI}")).await else { return swept };
    for run_id in run_ids(storage, &cli).await {
        let path = format!("{path}/{CLI}/{run_id}");
        // An open run sweeps its own.
        if registry.borrow().contains(&path) {
            continue;
        }
        let Ok(dir) = storage.open_subdir(&cli, &run_id).await else { continue };
        let Ok(names) = storage.list(&dir).await else { continue };
        swept += temp::sweep_names(storage, &dir, &path, &names, settings.sweep_after).await;
    }
    swept
}

/// The names of directories that can be those of runs.
async fn run_ids<S: Storage>(storage: &S, dir: &S::Dir) -> Vec<String> {
    let mut run_ids = storage.list(dir).await.unwrap_or_default();
    run_ids.retain(|name| ident::check("run id", name).is_ok());
    run_ids
}

async fn sweep_summary<S: Storage>(
    storage: &S,
    task: &S::Dir,
    path: &str,
    run_id: &str,
    settings: &RemoveSettings,
) -> u32 {
    let path = format!("{path}/{run_id}");
    let Ok(stat) = storage.stat(task, run_id).await else { return 0 };
    let Ok(dir) = storage.open_subdir(task, run_id).await else { return 0 };
    let Ok(names) = storage.list(&dir).await else { return 0 };
    let age = settings.sweep_after;
    let mut swept = temp::sweep_names(storage, &dir, &path, &names, age).await;
    let is_abandoned = match names.is_empty() {
        // Somebody may be about to write the summary.
        true => temp::disk_time(storage, task, &path)
            .await
            .is_ok_and(|now| !stat.modified.is_zero() && now.saturating_sub(stat.modified) > age),
        false => names.iter().all(|name| temp::parts(name).is_some()),
    };
    // It stays if anything is in it.
    if is_abandoned && storage.remove_dir(task, run_id).await.is_ok() {
        swept += 1;
    }
    swept
}
