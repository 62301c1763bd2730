//! Between the shapes of the WIT and those of the public interface.

use std::time::Duration;

use super::bindings::{coordinator, persister as wit, tandem_types as wit_types};
use crate::channel::Channel;
use crate::error::{Error, ErrorKind, Failure, Operation};
use crate::json::Json;
use crate::options::{Durability, HistoryOptions, RecordOptions, Request, RunOptions, to_ms};
use crate::report::{
    Bucket, ChannelStats, FailureCount, History, Reached, Receipt, Recorded, Recovery, Stats,
    Written,
};

impl From<wit_types::Channel> for Channel {
    fn from(channel: wit_types::Channel) -> Self {
        match channel {
            wit_types::Channel::Manifest => Channel::Manifest,
            wit_types::Channel::Heartbeat => Channel::Heartbeat,
            wit_types::Channel::Summary => Channel::Summary,
            wit_types::Channel::History => Channel::History,
        }
    }
}

impl From<Durability> for wit_types::Durability {
    fn from(durability: Durability) -> Self {
        match durability {
            Durability::Visible => Self::Visible,
            Durability::Durable => Self::Durable,
        }
    }
}

impl From<wit_types::Reached> for Reached {
    fn from(reached: wit_types::Reached) -> Self {
        match reached {
            wit_types::Reached::Visible => Reached::Visible,
            wit_types::Reached::DataSynced => Reached::DataSynced,
            wit_types::Reached::Durable => Reached::Durable,
        }
    }
}

impl From<wit_types::Operation> for Operation {
    fn from(operation: wit_types::Operation) -> Self {
        match operation {
            wit_types::Operation::CreateDirectory => Operation::CreateDirectory,
            wit_types::Operation::Open => Operation::Open,
            wit_types::Operation::Read => Operation::Read,
            wit_types::Operation::Write => Operation::Write,
            wit_types::Operation::Sync => Operation::Sync,
            wit_types::Operation::Rename => Operation::Rename,
            wit_types::Operation::SyncDirectory => Operation::SyncDirectory,
            wit_types::Operation::List => Operation::List,
            wit_types::Operation::Stat => Operation::Stat,
            wit_types::Operation::Lock => Operation::Lock,
        }
    }
}

impl From<wit_types::ErrorKind> for ErrorKind {
    fn from(kind: wit_types::ErrorKind) -> Self {
        match kind {
            wit_types::ErrorKind::InvalidInput => ErrorKind::InvalidInput,
            wit_types::ErrorKind::InvalidId => ErrorKind::InvalidId,
            wit_types::ErrorKind::AlreadyOpen => ErrorKind::AlreadyOpen,
            wit_types::ErrorKind::Closed => ErrorKind::Closed,
            wit_types::ErrorKind::Storage => ErrorKind::Storage,
            wit_types::ErrorKind::TooLarge => ErrorKind::TooLarge,
            wit_types::ErrorKind::Locked => ErrorKind::Locked,
            wit_types::ErrorKind::History => ErrorKind::History,
        }
    }
}

impl From<wit_types::Failure> for Failure {
    fn from(failure: wit_types::Failure) -> Self {
        Failure {
            channel: failure.channel.map(Into::into),
            operation: failure.operation.into(),
            path: failure.path,
            code: failure.code,
            retryable: failure.retryable,
            message: failure.message,
        }
    }
}

impl From<wit_types::Error> for Error {
    fn from(error: wit_types::Error) -> Self {
        Error::from_component(
            error.kind.into(),
            error.channel.map(Into::into),
            error.operation.map(Into::into),
            error.path,
            error.code,
            error.retryable,
            error.message,
            error.beside.map(Into::into),
        )
    }
}

impl From<wit_types::Written> for Written {
    fn from(written: wit_types::Written) -> Self {
        Written { reached: written.reached.into(), bytes: written.bytes }
    }
}

impl From<wit_types::Receipt> for Receipt {
    fn from(receipt: wit_types::Receipt) -> Self {
        Receipt {
            manifest: receipt.manifest.map(Into::into),
            heartbeat: receipt.heartbeat.map(Into::into),
        }
    }
}

impl From<RunOptions> for wit::Options {
    fn from(options: RunOptions) -> Self {
        wit::Options {
            task_id: options.task_id,
            run_id: options.run_id,
            interval_ms: options.interval.map(to_ms),
            manifest_durability: options.manifest_durability.map(Into::into),
            heartbeat_durability: options.heartbeat_durability.map(Into::into),
            max_document_bytes: options.max_document_bytes,
            sweep_after_ms: options.sweep_after.map(to_ms),
            runs_root: options.runs_root,
            manifest_name: options.manifest_name,
            heartbeat_name: options.heartbeat_name,
        }
    }
}

impl From<Request> for wit::Request {
    fn from(request: Request) -> Self {
        wit::Request {
            manifest: request.manifest,
            heartbeat: request.heartbeat,
            force: request.force,
        }
    }
}

impl From<wit::Recovery> for Recovery {
    fn from(recovery: wit::Recovery) -> Self {
        Recovery {
            directory: recovery.directory,
            document: recovery.document.map(Json::new),
            heartbeat: recovery.heartbeat,
            heartbeat_age: recovery.heartbeat_age_ms.map(Duration::from_millis),
            swept: recovery.swept,
            set_aside: recovery.set_aside,
        }
    }
}

impl From<wit::ChannelStats> for ChannelStats {
    fn from(stats: wit::ChannelStats) -> Self {
        let count = |cause: wit::Cause| FailureCount { name: cause.name, count: cause.count };
        ChannelStats {
            dirty: stats.dirty,
            writes: stats.writes,
            bytes: stats.bytes,
            failures: stats.failures,
            retries: stats.retries,
            causes: stats.causes.into_iter().map(count).collect(),
        }
    }
}

impl From<wit::Stats> for Stats {
    fn from(stats: wit::Stats) -> Self {
        let bucket = |b: wit::Bucket| Bucket { up_to_us: b.up_to_us, count: b.count };
        Stats {
            requests: stats.requests,
            coalesced: stats.coalesced,
            flushes: stats.flushes,
            failed_flushes: stats.failed_flushes,
            automatic_retries: stats.automatic_retries,
            manifest: stats.manifest.into(),
            heartbeat: stats.heartbeat.into(),
            last_error: stats.last_error.map(Into::into),
            latency: stats.latency.into_iter().map(bucket).collect(),
        }
    }
}

impl From<RecordOptions> for coordinator::RecordOptions {
    fn from(options: RecordOptions) -> Self {
        coordinator::RecordOptions {
            task_id: options.task_id,
            summary_durability: options.summary_durability.map(Into::into),
            history_durability: options.history_durability.map(Into::into),
            keep_last: options.keep_last,
            max_summary_bytes: options.max_summary_bytes,
            max_history_bytes: options.max_history_bytes,
            lease_ms: options.lease.map(to_ms),
            lock_wait_ms: options.lock_wait.map(to_ms),
            sweep_after_ms: options.sweep_after.map(to_ms),
            runs_root: options.runs_root,
            history_root: options.history_root,
            summary_name: options.summary_name,
            history_name: options.history_name,
        }
    }
}

impl From<HistoryOptions> for coordinator::HistoryOptions {
    fn from(options: HistoryOptions) -> Self {
        coordinator::HistoryOptions {
            task_id: options.task_id,
            limit: options.limit,
            max_history_bytes: options.max_history_bytes,
            history_root: options.history_root,
            history_name: options.history_name,
        }
    }
}

impl From<coordinator::Recorded> for Recorded {
    fn from(recorded: coordinator::Recorded) -> Self {
        Recorded {
            summary: recorded.summary.into(),
            history: recorded.history.into(),
            runs: recorded.runs,
            is_dropped: recorded.is_dropped,
            set_aside: recorded.set_aside,
            swept: recorded.swept,
        }
    }
}

impl From<coordinator::TaskHistory> for History {
    fn from(history: coordinator::TaskHistory) -> Self {
        let runs = history.runs.into_iter().map(Json::new).collect();
        History { last_run_at: history.last_run_at, total: history.total, runs }
    }
}
