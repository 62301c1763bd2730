//! One read, merge and write of a history, for all runs that wait for it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::history::History;
use super::lock::Held;
use super::pending::{Addition, Snapshot};
use super::shared::Shared;
use super::source::{HistoryFile, Unread};
use crate::error::{Code, Error, Failure, Operation};
use crate::storage::durable::{Durability, Reached, Written, sync_directories};
use crate::storage::{Opened, Storage, replace, temp};

/// Merges runs into a history under its lock, in their order; none if the lock turns out to be
/// lost: nothing was written then. A run that would make the history too large is left out and told
/// so.
///
/// # Errors
/// The step that failed; nothing was written, or it is not known to be durable. The history is
/// another task's; nothing was written.
pub async fn write<S: Storage>(
    shared: &Shared<S>,
    file: &HistoryFile,
    opened: &Opened<S::Dir>,
    held: &Held<S>,
    additions: &[&Addition],
) -> Result<Option<Vec<Result<Snapshot, Failure>>>, Unread> {
    let storage = &*shared.storage;
    let dir = &opened.dir;
    let settings = || additions.iter().map(|addition| &addition.settings);
    let max_bytes = settings().map(|settings| settings.max_history_bytes).max().unwrap_or(0);
    let is_durable = settings().any(|it| it.history_durability == Durability::Durable);
    let sweep_after = settings().map(|it| it.sweep_after).min().unwrap_or(Duration::MAX);

    let swept = fence(storage, dir, file, held, sweep_after).await?;

    let source = file.find(storage, dir).await?;
    // No more than the limit is read.
    let size = source.as_ref().map_or(0, |source| source.size.min(max_bytes));
    let _permit = shared.semaphore.acquire(size).await;
    let content = match &source {
        Some(source) => source.read(storage, dir, max_bytes).await?.map(|text| (source, text)),
        None => None,
    };
    let history = match &content {
        Some((source, text)) => source.parse(storage, text).await?,
        None => Some(History::default()),
    };
    let is_corrupt = history.is_none() && source.as_ref().is_some_and(|source| !source.is_legacy());
    let merged = merge(history.unwrap_or_default(), file, additions);
    let bytes = merged.file.len() as u64;
    if merged.results.iter().all(Result::is_err) {
        let failures = merged.results.into_iter().filter_map(Result::err);
        return Ok(Some(failures.map(Err).collect()));
    }
    let aside = match content {
        Some((_, text)) if is_corrupt => Some(set_aside(storage, dir, file, text).await?),
        _ => None,
    };
    let replaced = replace(storage, dir, file, held, merged.file, is_durable).await;
    if replaced != Ok(true)
        && let Some(name) = &aside
    {
        // What it is a copy of is still there.
        replace::discard(storage, dir, name).await;
    }
    if !replaced? {
        return Ok(None);
    }
    let reached = if is_durable {
        let synced = shared.sync(opened, &file.directory, &file.directory).await;
        synced.map_err(|error| file.failure(error))?
    } else {
        Reached::Visible
    };
    let aside: Vec<_> = aside.iter().map(|name| format!("{}/{name}", file.directory)).collect();
    let snapshot = |ahead: Vec<String>| Snapshot {
        written: Written { reached, bytes },
        runs: merged.runs,
        ahead,
        set_aside: aside.clone(),
        swept,
    };
    Ok(Some(merged.results.into_iter().map(|result| result.map(snapshot)).collect()))
}

/// What is to be taken out of a history.
pub struct Subtraction<'a> {
    /// The runs.
    pub run_ids: BTreeSet<&'a str>,
    /// The largest history.
    pub max_bytes: u64,
    /// Temporary files that are older go too.
    pub sweep_after: Duration,
}

/// Removes the entries of runs from a history under its lock, and tells whose were there; none if
/// the lock turns out to be lost: nothing was written then. `swept` counts temporary files.
///
/// # Errors
/// [`Error::Corrupt`], and [`Error::Storage`] as [`write()`].
pub async fn remove<S: Storage>(
    shared: &Shared<S>,
    file: &HistoryFile,
    opened: &Opened<S::Dir>,
    held: &Held<S>,
    subtraction: &Subtraction<'_>,
    swept: &mut u32,
) -> Result<Option<BTreeSet<String>>, Error> {
    let storage = &*shared.storage;
    let dir = &opened.dir;
    let &Subtraction { ref run_ids, max_bytes, sweep_after } = subtraction;
    *swept += fence(storage, dir, file, held, sweep_after).await?;
    if run_ids.is_empty() {
        return Ok(Some(BTreeSet::new()));
    }
    let Some(source) = file.find(storage, dir).await? else { return Ok(Some(BTreeSet::new())) };
    let _permit = shared.semaphore.acquire(source.size.min(max_bytes)).await;
    let Some(text) = source.read(storage, dir, max_bytes).await? else {
        return Ok(Some(BTreeSet::new()));
    };
    let Some(mut history) = source.parse(storage, &text).await? else {
        let nothing = source.is_legacy().then(|| Some(BTreeSet::new()));
        return nothing.ok_or_else(|| Error::Corrupt { path: file.path() });
    };
    let removed = history.remove(run_ids);
    if !removed.is_empty() {
        let content = history.render(&file.task_id).into_bytes();
        if !replace(storage, dir, file, held, content, true).await? {
            return Ok(None);
        }
    }
    // Also if none was there: an earlier call may have removed them, and not have come so far.
    let synced = shared.sync(opened, &file.directory, &file.directory).await;
    synced.map_err(|error| file.failure(error))?;
    Ok(Some(removed))
}

/// Takes away what a holder before this one may still be about to put in the history's place. From
/// here on it cannot, so what is read after this is the last word. Counts the temporary files that were
/// older than `sweep_after`, whosever they are.
async fn fence<S: Storage>(
    storage: &S,
    dir: &S::Dir,
    file: &HistoryFile,
    held: &Held<S>,
    sweep_after: Duration,
) -> Result<u32, Failure> {
    let names = storage.list(dir).await.map_err(|code| file.failure((Operation::List, code)))?;
    let swept = temp::sweep_names(storage, dir, &file.directory, &names, sweep_after).await;
    temp::revoke(storage, dir, &names, &file.name, &held.token)
        .await
        .map_err(|code| file.failure((Operation::Lock, code)))?;
    Ok(swept)
}

/// A history's new content.
struct Merged {
    file: Vec<u8>,
    runs: u32,
    /// What became of each run: which others are ahead of it, or that it would have made the history
    /// too large.
    results: Vec<Result<Vec<String>, Failure>>,
}

fn merge<'a>(mut history: History<'a>, file: &HistoryFile, additions: &[&'a Addition]) -> Merged {
    let too_large = |_| file.failure((Operation::Write, Code::FILE_TOO_LARGE));
    let add = |run: &&'a Addition| {
        let Addition { summary, settings } = run;
        let (keep_last, max_bytes) = (settings.keep_last, settings.max_history_bytes);
        history.merge(summary, &file.task_id, keep_last, max_bytes).map_err(too_large)
    };
    Merged {
        results: additions.iter().map(add).collect(),
        runs: u32::try_from(history.len()).unwrap_or(u32::MAX),
        file: history.render(&file.task_id).into_bytes(),
    }
}

/// Copies a corrupt history, and makes the copy durable before the history is replaced. A rename of
/// the history itself could come late and take a good one away.
async fn set_aside<S: Storage>(
    storage: &S,
    dir: &S::Dir,
    file: &HistoryFile,
    content: Vec<u8>,
) -> Result<String, Failure> {
    let name = temp::corrupt_name(storage, &file.name);
    let copied = async {
        replace::replace(storage, dir, &name, content, true).await?;
        sync_directories(storage, dir, &file.directory, usize::MAX).await
    };
    match copied.await {
        Ok(_) => Ok(name),
        Err(error) => {
            replace::discard(storage, dir, &name).await;
            Err(file.failure(error))
        }
    }
}

/// Replaces the history, unless the lock turns out to be lost.
async fn replace<S: Storage>(
    storage: &S,
    dir: &S::Dir,
    file: &HistoryFile,
    held: &Held<S>,
    content: Vec<u8>,
    is_durable: bool,
) -> Result<bool, Failure> {
    let temp = temp::named(&file.name, &held.token);
    replace::prepare(storage, dir, &temp, content, is_durable)
        .await
        .map_err(|error| file.failure(error))?;
    // Only now: whoever takes the lock over after this look removes the temporary file.
    let is_held = held.is_held(storage).await;
    if is_held != Ok(true) {
        replace::discard(storage, dir, &temp).await;
    }
    if !is_held.map_err(|code| file.failure((Operation::Lock, code)))? {
        return Ok(false);
    }
    match replace::commit(storage, dir, &temp, &file.name).await {
        Ok(()) => Ok(true),
        Err((_, Code::NO_ENTRY)) => Ok(false),
        Err(error) => Err(file.failure(error)),
    }
}
