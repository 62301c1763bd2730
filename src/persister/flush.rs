//! One flush: both channels' files are replaced side by side, then their directory is synced once.

use std::future::poll_fn;
use std::task::Poll;

use futures::future::LocalBoxFuture;

use super::options::Durability;
use crate::error::{Channel, Code, Failure, Operation};
use crate::storage::replace::replace;
use crate::storage::{Opened, Storage, ancestors, cannot_sync_directories, open_or_create_dir};

/// What a successful write did reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Atomically replaced.
    Visible,
    /// Synced and replaced, but the directory cannot be synced.
    DataSynced,
    /// Synced, replaced, and the directory synced.
    Durable,
}

/// What one channel is to write.
pub struct Job {
    /// The file's name.
    pub name: String,
    /// Its new content.
    pub content: Vec<u8>,
    /// What it is to survive.
    pub durability: Durability,
}

/// The outcome of one channel.
pub type Outcome = Result<Reached, Failure>;

/// One of several steps that run side by side. Boxed, so that the code that waits for several of
/// them exists once in the component.
type Lane<'a> = LocalBoxFuture<'a, Result<(), (Operation, Code)>>;

/// Writes the jobs (manifest, heartbeat) into the directory `path` and waits for both to settle.
/// `ancestors_synced` tells whether the directories above are known to be durable, and is updated.
pub async fn write<S: Storage>(
    storage: &S,
    path: &str,
    jobs: [Option<Job>; 2],
    ancestors_synced: &mut bool,
) -> [Option<Outcome>; 2] {
    let Opened { dir, was_missing, .. } = match open_or_create_dir(storage, path).await {
        Ok(opened) => opened,
        Err(failure) => {
            let failed = |(job, channel): (Option<Job>, _)| {
                job.map(|_| Err(Failure { channel: Some(channel), ..failure.clone() }))
            };
            let [manifest, heartbeat] = jobs;
            return [(manifest, Channel::Manifest), (heartbeat, Channel::Heartbeat)].map(failed);
        }
    };
    *ancestors_synced &= !was_missing;

    let mut lanes: Vec<Lane<'_>> = Vec::with_capacity(2);
    let mut written = Vec::with_capacity(2);
    for (job, channel) in jobs.into_iter().zip(Channel::ALL) {
        let Some(Job { name, content, durability }) = job else { continue };
        let path = format!("{path}/{name}");
        let is_durable = durability == Durability::Durable;
        written.push((channel, path, is_durable));
        let dir = &dir;
        lanes
            .push(Box::pin(async move { replace(storage, dir, &name, content, is_durable).await }));
    }
    // Both lanes start before either is waited for.
    let replaced = settle(lanes).await;

    let needs_sync =
        replaced.iter().zip(&written).any(|(result, (_, _, durable))| result.is_ok() && *durable);
    let synced = if needs_sync {
        sync_directories(storage, &dir, path, ancestors_synced).await
    } else {
        Ok(Reached::Visible)
    };

    let mut outcomes = [None, None];
    for (result, (channel, path, is_durable)) in replaced.into_iter().zip(written) {
        let outcome = match result {
            Ok(()) if is_durable => synced,
            Ok(()) => Ok(Reached::Visible),
            Err(error) => Err(error),
        };
        outcomes[channel as usize] = Some(outcome.map_err(|(operation, code)| Failure {
            channel: Some(channel),
            operation,
            path,
            code,
        }));
    }
    outcomes
}

/// Starts every lane before it waits for any, and waits for all of them. (`join_all` takes 3 KB of
/// the component.)
async fn settle(mut lanes: Vec<Lane<'_>>) -> Vec<Result<(), (Operation, Code)>> {
    let mut results: Vec<Option<Result<(), (Operation, Code)>>> = vec![None; lanes.len()];
    poll_fn(|context| {
        let mut is_settled = true;
        for (lane, result) in lanes.iter_mut().zip(&mut results) {
            if result.is_some() {
                continue;
            }
            match lane.as_mut().poll(context) {
                Poll::Ready(outcome) => *result = Some(outcome),
                Poll::Pending => is_settled = false,
            }
        }
        if is_settled { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().flatten().collect()
}

/// Syncs the run's directory, and once the directories above it: an entry is durable only if the
/// directory that holds it is, and an earlier process may have created them and crashed.
async fn sync_directories<S: Storage>(
    storage: &S,
    dir: &S::Dir,
    path: &str,
    ancestors_synced: &mut bool,
) -> Result<Reached, (Operation, Code)> {
    let mut lanes: Vec<Lane<'_>> = vec![Box::pin(async move {
        storage.sync_dir(dir).await.map_err(|code| (Operation::SyncDirectory, code))
    })];
    if !*ancestors_synced {
        for ancestor in ancestors(path) {
            lanes.push(Box::pin(async move {
                let dir =
                    storage.open_dir(ancestor).await.map_err(|code| (Operation::Open, code))?;
                storage.sync_dir(&dir).await.map_err(|code| (Operation::SyncDirectory, code))
            }));
        }
    }
    let mut reached = Reached::Durable;
    for result in settle(lanes).await {
        match result {
            Ok(()) => {}
            Err((Operation::SyncDirectory, code)) if cannot_sync_directories(code) => {
                reached = Reached::DataSynced;
            }
            Err(error) => return Err(error),
        }
    }
    *ancestors_synced = reached == Reached::Durable;
    Ok(reached)
}
