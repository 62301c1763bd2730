// Generated from wit/records/types.wit by `cargo xtask records`.

//! Between the records of the bindings and those of the public interface.

use std::time::Duration;

use super::bindings::records as wit;
use crate::error::Error;
use crate::json::Json;
use crate::ms::to_ms;
use crate::records::*;

impl From<wit::Channel> for Channel {
    fn from(value: wit::Channel) -> Self {
        match value {
            wit::Channel::Manifest => Self::Manifest,
            wit::Channel::Heartbeat => Self::Heartbeat,
            wit::Channel::Summary => Self::Summary,
            wit::Channel::History => Self::History,
        }
    }
}

impl From<Durability> for wit::Durability {
    fn from(value: Durability) -> Self {
        match value {
            Durability::Visible => Self::Visible,
            Durability::Durable => Self::Durable,
        }
    }
}

impl From<wit::Reached> for Reached {
    fn from(value: wit::Reached) -> Self {
        match value {
            wit::Reached::Visible => Self::Visible,
            wit::Reached::DataSynced => Self::DataSynced,
            wit::Reached::Durable => Self::Durable,
        }
    }
}

impl From<wit::Operation> for Operation {
    fn from(value: wit::Operation) -> Self {
        match value {
            wit::Operation::CreateDirectory => Self::CreateDirectory,
            wit::Operation::Open => Self::Open,
            wit::Operation::Read => Self::Read,
            wit::Operation::Write => Self::Write,
            wit::Operation::Sync => Self::Sync,
            wit::Operation::Rename => Self::Rename,
            wit::Operation::SyncDirectory => Self::SyncDirectory,
            wit::Operation::List => Self::List,
            wit::Operation::Stat => Self::Stat,
            wit::Operation::Lock => Self::Lock,
            wit::Operation::Remove => Self::Remove,
        }
    }
}

impl From<wit::ErrorKind> for ErrorKind {
    fn from(value: wit::ErrorKind) -> Self {
        match value {
            wit::ErrorKind::InvalidInput => Self::InvalidInput,
            wit::ErrorKind::InvalidId => Self::InvalidId,
            wit::ErrorKind::AlreadyOpen => Self::AlreadyOpen,
            wit::ErrorKind::Closed => Self::Closed,
            wit::ErrorKind::Storage => Self::Storage,
            wit::ErrorKind::Conflict => Self::Conflict,
            wit::ErrorKind::TooLarge => Self::TooLarge,
            wit::ErrorKind::Locked => Self::Locked,
            wit::ErrorKind::History => Self::History,
            wit::ErrorKind::ComponentFailed => Self::ComponentFailed,
        }
    }
}

impl From<wit::LockHolder> for LockHolder {
    fn from(record: wit::LockHolder) -> Self {
        LockHolder {
            acquired_at: record.acquired_at,
            lease: Duration::from_millis(record.lease_ms),
        }
    }
}

impl From<wit::Failure> for Failure {
    fn from(record: wit::Failure) -> Self {
        Failure {
            channel: record.channel.map(Into::into),
            operation: record.operation.into(),
            path: record.path,
            code: record.code,
            retryable: record.retryable,
            message: record.message,
        }
    }
}

impl From<wit::Error> for Error {
    fn from(record: wit::Error) -> Self {
        Error::from(ErrorFields {
            kind: record.kind.into(),
            channel: record.channel.map(Into::into),
            operation: record.operation.map(Into::into),
            path: record.path,
            code: record.code,
            retryable: record.retryable,
            holder: record.holder.map(Into::into),
            message: record.message,
            beside: record.beside.map(Into::into),
        })
    }
}

impl From<wit::Written> for Written {
    fn from(record: wit::Written) -> Self {
        Written { reached: record.reached.into(), bytes: record.bytes }
    }
}

impl From<wit::Revised> for Revised {
    fn from(record: wit::Revised) -> Self {
        Revised { revision: record.revision, bytes: record.bytes }
    }
}

impl From<wit::Receipt> for Receipt {
    fn from(record: wit::Receipt) -> Self {
        Receipt {
            manifest: record.manifest.map(Into::into),
            heartbeat: record.heartbeat.map(Into::into),
            revision: record.revision,
        }
    }
}

impl From<RunOptions> for wit::RunOptions {
    fn from(record: RunOptions) -> Self {
        wit::RunOptions {
            task_id: record.task_id,
            run_id: record.run_id,
            manifest_interval_ms: record.manifest_interval.map(to_ms),
            heartbeat_interval_ms: record.heartbeat_interval.map(to_ms),
            manifest_durability: record.manifest_durability.map(Into::into),
            heartbeat_durability: record.heartbeat_durability.map(Into::into),
            max_document_bytes: record.max_document_bytes,
            sweep_after_ms: record.sweep_after.map(to_ms),
            runs_root: record.runs_root,
            manifest_name: record.manifest_name,
            heartbeat_name: record.heartbeat_name,
        }
    }
}

impl From<wit::Recovery> for Recovery {
    fn from(record: wit::Recovery) -> Self {
        Recovery {
            directory: record.directory,
            document: record.document.map(Json::new),
            heartbeat: record.heartbeat,
            heartbeat_age: record.heartbeat_age_ms.map(Duration::from_millis),
            swept: record.swept,
            set_aside: record.set_aside,
        }
    }
}

impl From<Request> for wit::Request {
    fn from(record: Request) -> Self {
        wit::Request { manifest: record.manifest, heartbeat: record.heartbeat, force: record.force }
    }
}

impl From<wit::FailureCount> for FailureCount {
    fn from(record: wit::FailureCount) -> Self {
        FailureCount { name: record.name, count: record.count }
    }
}

impl From<wit::ChannelStats> for ChannelStats {
    fn from(record: wit::ChannelStats) -> Self {
        ChannelStats {
            dirty: record.dirty,
            writes: record.writes,
            bytes: record.bytes,
            failures: record.failures,
            retries: record.retries,
            causes: record.causes.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<wit::Bucket> for Bucket {
    fn from(record: wit::Bucket) -> Self {
        Bucket { up_to_us: record.up_to_us, count: record.count }
    }
}

impl From<wit::Stats> for Stats {
    fn from(record: wit::Stats) -> Self {
        Stats {
            revision: record.revision,
            written_revision: record.written_revision,
            requests: record.requests,
            coalesced: record.coalesced,
            flushes: record.flushes,
            failed_flushes: record.failed_flushes,
            automatic_retries: record.automatic_retries,
            manifest: record.manifest.into(),
            heartbeat: record.heartbeat.into(),
            last_error: record.last_error.map(Error::from),
            latency: record.latency.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<RecordOptions> for wit::RecordOptions {
    fn from(record: RecordOptions) -> Self {
        wit::RecordOptions {
            task_id: record.task_id,
            summary_durability: record.summary_durability.map(Into::into),
            history_durability: record.history_durability.map(Into::into),
            keep_last: record.keep_last,
            max_summary_bytes: record.max_summary_bytes,
            max_history_bytes: record.max_history_bytes,
            lease_ms: record.lease.map(to_ms),
            lock_wait_ms: record.lock_wait.map(to_ms),
            sweep_after_ms: record.sweep_after.map(to_ms),
            runs_root: record.runs_root,
            history_root: record.history_root,
            summary_name: record.summary_name,
            history_name: record.history_name,
        }
    }
}

impl From<wit::Recorded> for Recorded {
    fn from(record: wit::Recorded) -> Self {
        Recorded {
            summary: record.summary.into(),
            history: record.history.into(),
            runs: record.runs,
            ahead: record.ahead,
            set_aside: record.set_aside,
            swept: record.swept,
        }
    }
}

impl From<RemoveOptions> for wit::RemoveOptions {
    fn from(record: RemoveOptions) -> Self {
        wit::RemoveOptions {
            task_id: record.task_id,
            from_history: record.from_history,
            sweep: record.sweep,
            alive_for_ms: record.alive_for.map(to_ms),
            max_history_bytes: record.max_history_bytes,
            lease_ms: record.lease.map(to_ms),
            lock_wait_ms: record.lock_wait.map(to_ms),
            sweep_after_ms: record.sweep_after.map(to_ms),
            runs_root: record.runs_root,
            manifest_name: record.manifest_name,
            heartbeat_name: record.heartbeat_name,
            summary_name: record.summary_name,
            history_root: record.history_root,
            history_name: record.history_name,
        }
    }
}

impl From<wit::LeftReason> for LeftReason {
    fn from(value: wit::LeftReason) -> Self {
        match value {
            wit::LeftReason::Open => Self::Open,
            wit::LeftReason::Alive => Self::Alive,
            wit::LeftReason::NoDirectory => Self::NoDirectory,
            wit::LeftReason::Failed => Self::Failed,
        }
    }
}

impl From<wit::LeftRun> for LeftRun {
    fn from(record: wit::LeftRun) -> Self {
        LeftRun {
            run_id: record.run_id,
            reason: record.reason.into(),
            failure: record.failure.map(Into::into),
        }
    }
}

impl From<wit::Removed> for Removed {
    fn from(record: wit::Removed) -> Self {
        Removed {
            runs: record.runs,
            absent: record.absent,
            left: record.left.into_iter().map(Into::into).collect(),
            entries: record.entries,
            swept: record.swept,
            remaining: record.remaining.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<HistoryOptions> for wit::HistoryOptions {
    fn from(record: HistoryOptions) -> Self {
        wit::HistoryOptions {
            task_id: record.task_id,
            limit: record.limit,
            max_history_bytes: record.max_history_bytes,
            history_root: record.history_root,
            history_name: record.history_name,
        }
    }
}

impl From<wit::TaskHistory> for TaskHistory {
    fn from(record: wit::TaskHistory) -> Self {
        TaskHistory {
            last_run_at: record.last_run_at,
            total: record.total,
            runs: record.runs.into_iter().map(Json::new).collect(),
        }
    }
}
