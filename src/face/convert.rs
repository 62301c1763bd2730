//! Core shapes to WIT shapes and back. Both worlds have the same ones.

use std::time::Duration;

use super::world::{coordinator, persister as wit, types};
use crate::coordinator::options::{HistoryOptions, RecordOptions};
use crate::coordinator::{Recorded, TaskHistory};
use crate::error::{Channel, Code, Error, Failure, Operation};
use crate::persister::Receipt;
use crate::persister::options::Options;
use crate::persister::recovery::Recovery;
use crate::persister::schedule::Channels;
use crate::persister::stats::{ChannelStats, Stats};
use crate::storage::durable::{Durability, Reached, Written};

impl From<Receipt> for types::Receipt {
    fn from(Receipt { manifest, heartbeat }: Receipt) -> Self {
        types::Receipt {
            manifest: manifest.map(types::Written::from),
            heartbeat: heartbeat.map(types::Written::from),
        }
    }
}

impl From<Written> for types::Written {
    fn from(Written { reached, bytes }: Written) -> Self {
        let reached = match reached {
            Reached::Visible => types::Reached::Visible,
            Reached::DataSynced => types::Reached::DataSynced,
            Reached::Durable => types::Reached::Durable,
        };
        types::Written { reached, bytes }
    }
}

impl From<wit::Options> for Options {
    fn from(options: wit::Options) -> Self {
        let mut checked = Options::new(options.task_id, options.run_id);
        set(&mut checked.interval_ms, options.interval_ms);
        set(&mut checked.manifest_durability, options.manifest_durability.map(Durability::from));
        set(&mut checked.heartbeat_durability, options.heartbeat_durability.map(Durability::from));
        set(&mut checked.max_document_bytes, options.max_document_bytes);
        set(&mut checked.sweep_after, options.sweep_after_ms.map(Duration::from_millis));
        set(&mut checked.runs_root, options.runs_root);
        set(&mut checked.manifest_name, options.manifest_name);
        set(&mut checked.heartbeat_name, options.heartbeat_name);
        checked
    }
}

impl From<types::Durability> for Durability {
    fn from(durability: types::Durability) -> Self {
        match durability {
            types::Durability::Visible => Durability::Visible,
            types::Durability::Durable => Durability::Durable,
        }
    }
}

impl From<coordinator::RecordOptions> for RecordOptions {
    fn from(options: coordinator::RecordOptions) -> Self {
        let mut checked = RecordOptions::new(options.task_id);
        set(&mut checked.summary_durability, options.summary_durability.map(Durability::from));
        set(&mut checked.history_durability, options.history_durability.map(Durability::from));
        checked.keep_last = options.keep_last;
        set(&mut checked.max_summary_bytes, options.max_summary_bytes);
        set(&mut checked.history.max_bytes, options.max_history_bytes);
        set(&mut checked.lease_ms, options.lease_ms);
        set(&mut checked.lock_wait_ms, options.lock_wait_ms);
        set(&mut checked.sweep_after, options.sweep_after_ms.map(Duration::from_millis));
        set(&mut checked.runs_root, options.runs_root);
        set(&mut checked.history.root, options.history_root);
        set(&mut checked.summary_name, options.summary_name);
        set(&mut checked.history.name, options.history_name);
        checked
    }
}

impl From<coordinator::HistoryOptions> for HistoryOptions {
    fn from(options: coordinator::HistoryOptions) -> Self {
        let mut checked = HistoryOptions::new(options.task_id);
        checked.limit = options.limit;
        set(&mut checked.max_bytes, options.max_history_bytes);
        set(&mut checked.root, options.history_root);
        set(&mut checked.name, options.history_name);
        checked
    }
}

impl From<Recorded> for coordinator::Recorded {
    fn from(recorded: Recorded) -> Self {
        coordinator::Recorded {
            summary: recorded.summary.into(),
            history: recorded.history.into(),
            runs: recorded.runs,
            is_dropped: recorded.is_dropped,
            set_aside: recorded.set_aside,
            swept: recorded.swept,
        }
    }
}

impl From<TaskHistory> for coordinator::TaskHistory {
    fn from(history: TaskHistory) -> Self {
        let TaskHistory { last_run_at, total, runs } = history;
        coordinator::TaskHistory { last_run_at, total, runs }
    }
}

fn set<T>(option: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *option = value;
    }
}

impl From<Recovery> for wit::Recovery {
    fn from(recovery: Recovery) -> Self {
        wit::Recovery {
            directory: recovery.directory,
            document: recovery.document,
            heartbeat: recovery.heartbeat,
            heartbeat_age_ms: recovery.heartbeat_age_ms,
            swept: recovery.swept,
            set_aside: recovery.set_aside,
        }
    }
}

impl From<(Stats, Channels)> for wit::Stats {
    fn from((stats, dirty): (Stats, Channels)) -> Self {
        let latency =
            stats.latency().map(|(up_to_us, count)| wit::Bucket { up_to_us, count }).collect();
        let [manifest, heartbeat] = stats.channels;
        wit::Stats {
            requests: stats.requests,
            coalesced: stats.coalesced,
            flushes: stats.flushes,
            failed_flushes: stats.failed_flushes,
            automatic_retries: stats.automatic_retries,
            manifest: channel_stats(manifest, dirty.manifest),
            heartbeat: channel_stats(heartbeat, dirty.heartbeat),
            last_error: stats.last_error.map(types::Error::from),
            latency,
        }
    }
}

fn channel_stats(stats: ChannelStats, dirty: bool) -> wit::ChannelStats {
    let causes = stats.causes.into_iter().map(|(name, count)| wit::Cause { name, count }).collect();
    wit::ChannelStats {
        dirty,
        writes: stats.writes,
        bytes: stats.bytes,
        failures: stats.failures,
        retries: stats.retries,
        causes,
    }
}

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let (kind, channel, path) = match error {
            Error::InvalidInput { channel, .. } => (types::ErrorKind::InvalidInput, channel, None),
            Error::InvalidId(_) => (types::ErrorKind::InvalidId, None, None),
            Error::AlreadyOpen { path } => (types::ErrorKind::AlreadyOpen, None, Some(path)),
            Error::Closed { path } => (types::ErrorKind::Closed, None, Some(path)),
            Error::TooLarge { channel, path, .. } => {
                (types::ErrorKind::TooLarge, Some(channel), path)
            }
            Error::Corrupt { path } => {
                (types::ErrorKind::History, Some(Channel::History), Some(path))
            }
            Error::Storage { first, beside } => {
                return of_failure(types::ErrorKind::Storage, first, beside, message);
            }
            Error::History(failure) => {
                let is_locked = failure.code == Code::LOCKED;
                let kind =
                    if is_locked { types::ErrorKind::Locked } else { types::ErrorKind::History };
                return of_failure(kind, failure, None, message);
            }
        };
        types::Error {
            kind,
            channel: channel.map(types::Channel::from),
            operation: None,
            path,
            code: None,
            retryable: false,
            message,
            beside: None,
        }
    }
}

fn of_failure(
    kind: types::ErrorKind,
    failure: Failure,
    beside: Option<Failure>,
    message: String,
) -> types::Error {
    types::Error {
        kind,
        channel: failure.channel.map(types::Channel::from),
        operation: Some(failure.operation.into()),
        path: Some(failure.path),
        code: Some(failure.code.0.to_owned()),
        retryable: failure.code.is_retryable(),
        message,
        beside: beside.map(types::Failure::from),
    }
}

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        types::Failure {
            channel: failure.channel.map(types::Channel::from),
            operation: failure.operation.into(),
            path: failure.path,
            code: failure.code.0.to_owned(),
            retryable: failure.code.is_retryable(),
            message,
        }
    }
}

impl From<Channel> for types::Channel {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Manifest => types::Channel::Manifest,
            Channel::Heartbeat => types::Channel::Heartbeat,
            Channel::Summary => types::Channel::Summary,
            Channel::History => types::Channel::History,
        }
    }
}

impl From<Operation> for types::Operation {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::CreateDirectory => types::Operation::CreateDirectory,
            Operation::Open => types::Operation::Open,
            Operation::Read => types::Operation::Read,
            Operation::Write => types::Operation::Write,
            Operation::Sync => types::Operation::Sync,
            Operation::Rename => types::Operation::Rename,
            Operation::SyncDirectory => types::Operation::SyncDirectory,
            Operation::List => types::Operation::List,
            Operation::Stat => types::Operation::Stat,
            Operation::Lock => types::Operation::Lock,
        }
    }
}
