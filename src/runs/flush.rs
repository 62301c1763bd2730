//! One flush: both channels' files are replaced side by side, then their directory is synced once.

use futures::future::join_all;

use super::channel::RunChannel;
use crate::error::Failure;
use crate::storage::durable::{Durability, Reached, sync_directories};
use crate::storage::replace::replace;
use crate::storage::{Opened, Storage, open_or_create_dir};

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
pub type FileOutcome = Result<Reached, Failure>;

/// Writes the jobs (manifest, heartbeat) into the directory `path` and waits for both to settle.
/// `ancestors_synced` tells whether the directories above are known to be durable, and is updated.
pub async fn write<S: Storage>(
    storage: &S,
    path: &str,
    jobs: [Option<Job>; 2],
    ancestors_synced: &mut bool,
) -> [Option<FileOutcome>; 2] {
    let Opened { dir, was_missing, .. } = match open_or_create_dir(storage, path).await {
        Ok(opened) => opened,
        Err(failure) => {
            return RunChannel::ALL.map(|channel| {
                let job = jobs[channel as usize].as_ref();
                job.map(|_| Err(Failure { channel: Some(channel.into()), ..failure.clone() }))
            });
        }
    };
    *ancestors_synced &= !was_missing;

    let mut replacing = Vec::with_capacity(2);
    let mut written = Vec::with_capacity(2);
    for (job, channel) in jobs.into_iter().zip(RunChannel::ALL) {
        let Some(Job { name, content, durability }) = job else { continue };
        let path = format!("{path}/{name}");
        let is_durable = durability == Durability::Durable;
        written.push((channel, path, is_durable));
        let dir = &dir;
        replacing.push(async move { replace(storage, dir, &name, content, is_durable).await });
    }
    // Both start before either is waited for.
    let replaced = join_all(replacing).await;

    let needs_sync =
        replaced.iter().zip(&written).any(|(result, (_, _, durable))| result.is_ok() && *durable);
    let synced = if needs_sync {
        // An ancestor that cannot be synced is tried again by the next flush.
        let skip = if *ancestors_synced { usize::MAX } else { 0 };
        let synced = sync_directories(storage, &dir, path, skip).await;
        *ancestors_synced |= synced == Ok(Reached::Durable);
        synced
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
            channel: Some(channel.into()),
            operation,
            path,
            code,
        }));
    }
    outcomes
}
