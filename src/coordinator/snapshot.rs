//! One read, merge and write of a history, for all runs that wait for it.

use std::rc::Rc;
use std::time::Duration;

use super::Shared;
use super::history::History;
use super::lock::Held;
use super::source::Place;
use super::summary::Summary;
use crate::error::{Code, Failure, Operation};
use crate::storage::durable::{Reached, Written};
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
/// lost: nothing was written then.
///
/// # Errors
/// The step that failed; nothing was written, or it is not known to be durable.
pub async fn write<S: Storage>(
    shared: &Shared<S>,
    place: &Place,
    opened: &Opened<S::Dir>,
    held: &Held<S>,
    wishes: &[&Wish],
) -> Result<Option<Vec<Snapshot>>, Failure> {
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
    let mut set_aside = Vec::new();
    let (file, kept, runs) = match history {
        Some(history) => {
            let merged = merge(history, place, wishes);
            drop(content);
            merged
        }
        None => {
            if let Some((source, text)) = content
                && !source.is_legacy()
            {
                let name = temp::corrupt_name(storage, &place.name);
                // A copy: a rename that comes late could take a good history away.
                replace::replace(storage, dir, &name, text, is_durable)
                    .await
                    .map_err(|error| place.failure(error))?;
                set_aside.push(format!("{}/{name}", place.directory));
            }
            merge(History::default(), place, wishes)
        }
    };
    let bytes = file.len() as u64;
    if bytes > max_bytes {
        return Err(place.failure((Operation::Write, Code::FILE_TOO_LARGE)));
    }

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
        return Ok(None);
    }
    match replace::commit(storage, dir, &temp, &place.name).await {
        Ok(()) => {}
        Err((_, Code::NO_ENTRY)) => return Ok(None),
        Err(error) => return Err(place.failure(error)),
    }
    let reached = if is_durable {
        let synced = shared.sync(opened, &place.directory, &place.directory).await;
        synced.map_err(|error| place.failure(error))?
    } else {
        Reached::Visible
    };
    let snapshot = |is_kept: bool| Snapshot {
        written: Written { reached, bytes },
        runs,
        is_dropped: !is_kept,
        set_aside: set_aside.clone(),
        swept,
    };
    Ok(Some(kept.into_iter().map(snapshot).collect()))
}

/// The history's new file, whether each run is in it, and how many entries it has.
fn merge<'a>(
    mut history: History<'a>,
    place: &Place,
    wishes: &[&'a Wish],
) -> (Vec<u8>, Vec<bool>, u32) {
    let kept = wishes.iter().map(|wish| history.merge(&wish.summary, wish.keep_last)).collect();
    let runs = u32::try_from(history.len()).unwrap_or(u32::MAX);
    (history.render(&place.task_id).into_bytes(), kept, runs)
}
