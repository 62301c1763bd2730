//! One read, merge and write of a history, for all runs that wait for it.

use std::rc::Rc;
use std::time::Duration;

use super::Shared;
use super::history::History;
use super::lock::Held;
use super::source::Place;
use super::summary::Summary;
use crate::error::{Code, Failure, Operation};
use crate::storage::durable::{Reached, Written, sync_directories};
use crate::storage::{Opened, Storage, replace, temp};

/// What one run wants of the history.
pub struct Wish {
    /// The run.
    pub summary: Rc<Summary>,
    /// How many of the last runs are kept.
    pub keep_last: Option<u32>,
    /// Whether the history is to survive a power loss.
    pub is_durable: bool,
    /// The largest file.
    pub max_bytes: u64,
    /// Older temporary files are swept.
    pub sweep_after: Duration,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The history.
    pub written: Written,
    /// How many entries it has.
    pub runs: u32,
    /// Whether the run itself was dropped as too old.
    pub is_dropped: bool,
    /// Where a corrupt history was copied.
    pub set_aside: Vec<String>,
    /// How many abandoned temporary files were removed.
    pub swept: u32,
}

/// Merges runs into a history under its lock, in their order; none if the lock turns out to be
/// lost: nothing was written then. A run that would make the history too large is left out and told
/// so.
///
/// # Errors
/// The step that failed; nothing was written, or it is not known to be durable.
pub async fn write<S: Storage>(
    shared: &Shared<S>,
    place: &Place,
    opened: &Opened<S::Dir>,
    held: &Held<S>,
    wishes: &[&Wish],
) -> Result<Option<Vec<Result<Snapshot, Failure>>>, Failure> {
    let storage = &*shared.storage;
    let dir = &opened.dir;
    let max_bytes = wishes.iter().map(|wish| wish.max_bytes).max().unwrap_or(0);
    let is_durable = wishes.iter().any(|wish| wish.is_durable);
    let sweep_after = wishes.iter().map(|wish| wish.sweep_after).min().unwrap_or(Duration::MAX);

    // A holder before this one may still be about to rename its file. From here on it cannot, so
    // what is read below is the last word.
    let names = storage.list(dir).await.map_err(|code| place.failure((Operation::List, code)))?;
    temp::revoke(storage, dir, &names, &place.name, &held.token)
        .await
        .map_err(|code| place.failure((Operation::Lock, code)))?;
    let swept = temp::sweep_names(storage, dir, &place.directory, &names, sweep_after).await;

    let source = place.find(storage, dir).await?;
    let _room = shared.room.take(source.as_ref().map_or(0, |source| source.size)).await;
    let content = match &source {
        Some(source) => source.read(storage, dir, max_bytes).await?.map(|text| (source, text)),
        None => None,
    };
    let history = match &content {
        Some((source, text)) => source.parse(text)?,
        None => Some(History::default()),
    };
    let is_corrupt = history.is_none() && source.as_ref().is_some_and(|source| !source.is_legacy());
    let merged = merge(history.unwrap_or_default(), place, wishes);
    let bytes = merged.file.len() as u64;
    if merged.are_in.iter().all(Result::is_err) {
        let failures = merged.are_in.into_iter().filter_map(Result::err);
        return Ok(Some(failures.map(Err).collect()));
    }
    let aside = match content {
        Some((_, text)) if is_corrupt => Some(set_aside(storage, dir, place, text).await?),
        _ => None,
    };
    let replaced = replace(storage, dir, place, held, merged.file, is_durable).await;
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
        let synced = shared.sync(opened, &place.directory, &place.directory).await;
        synced.map_err(|error| place.failure(error))?
    } else {
        Reached::Visible
    };
    let aside: Vec<_> = aside.iter().map(|name| format!("{}/{name}", place.directory)).collect();
    let snapshot = |is_in: bool| Snapshot {
        written: Written { reached, bytes },
        runs: merged.runs,
        is_dropped: !is_in,
        set_aside: aside.clone(),
        swept,
    };
    Ok(Some(merged.are_in.into_iter().map(|is_in| is_in.map(snapshot)).collect()))
}

/// A history's new file.
struct Merged {
    file: Vec<u8>,
    runs: u32,
    /// Whether each run is in it, or would have made it too large.
    are_in: Vec<Result<bool, Failure>>,
}

fn merge<'a>(mut history: History<'a>, place: &Place, wishes: &[&'a Wish]) -> Merged {
    let too_large = || place.failure((Operation::Write, Code::FILE_TOO_LARGE));
    let results: Vec<_> = wishes
        .iter()
        .map(|wish| history.merge(&wish.summary, wish.keep_last, wish.max_bytes))
        .collect();
    let is_in = |(result, wish): (Result<(), _>, &&Wish)| match result {
        Ok(()) => Ok(history.has(&wish.summary.run_id)),
        Err(_) => Err(too_large()),
    };
    Merged {
        are_in: results.into_iter().zip(wishes).map(is_in).collect(),
        runs: u32::try_from(history.len()).unwrap_or(u32::MAX),
        file: history.render(&place.task_id).into_bytes(),
    }
}

/// Copies a corrupt history, and makes the copy durable before the history is replaced. A rename of
/// the history itself could come late and take a good one away.
async fn set_aside<S: Storage>(
    storage: &S,
    dir: &S::Dir,
    place: &Place,
    content: Vec<u8>,
) -> Result<String, Failure> {
    let name = temp::corrupt_name(storage, &place.name);
    let copied = async {
        replace::replace(storage, dir, &name, content, true).await?;
        sync_directories(storage, dir, &place.directory, usize::MAX).await
    };
    match copied.await {
        Ok(_) => Ok(name),
        Err(error) => {
            replace::discard(storage, dir, &name).await;
            Err(place.failure(error))
        }
    }
}

/// Replaces the history, unless the lock turns out to be lost.
async fn replace<S: Storage>(
    storage: &S,
    dir: &S::Dir,
    place: &Place,
    held: &Held<S>,
    file: Vec<u8>,
    is_durable: bool,
) -> Result<bool, Failure> {
    let temp = temp::named(&place.name, &held.token);
    replace::prepare(storage, dir, &temp, file, is_durable)
        .await
        .map_err(|error| place.failure(error))?;
    // Only now: whoever takes the lock over after this look removes the temporary file.
    let is_held = held.is_held(storage).await;
    if is_held != Ok(true) {
        replace::discard(storage, dir, &temp).await;
    }
    if !is_held.map_err(|code| place.failure((Operation::Lock, code)))? {
        return Ok(false);
    }
    match replace::commit(storage, dir, &temp, &place.name).await {
        Ok(()) => Ok(true),
        Err((_, Code::NO_ENTRY)) => Ok(false),
        Err(error) => Err(place.failure(error)),
    }
}
