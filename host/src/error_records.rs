// Generated from wit/records/types.wit by `cargo xtask records`.

//! What errors are made of, apart from the other records, which have errors in them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ms;

/// One of the files of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Channel {
    /// The run's JSON document: what the run is and where it stands.
    Manifest,
    /// The liveness file: one ISO-8601 UTC timestamp with milliseconds and a newline.
    Heartbeat,
    /// The JSON document of a completed run, written once.
    Summary,
    /// The summaries of all completed runs of a task.
    History,
}

/// The step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Operation {
    /// Create a directory of the layout. POSIX: `mkdirat`.
    CreateDirectory,
    /// Open the directory, or create a temporary file in it. POSIX: `openat`.
    Open,
    /// Read an existing file.
    Read,
    /// Write the temporary file.
    Write,
    /// Sync the temporary file's data. POSIX: `fdatasync`.
    Sync,
    /// Put the temporary file in the target's place, or set a corrupt file aside. POSIX:
    /// `renameat`.
    Rename,
    /// Sync a directory. POSIX: `fsync` on a directory.
    SyncDirectory,
    /// List the run's directory.
    List,
    /// Read a file's type, size or time. POSIX: `fstatat`.
    Stat,
    /// Acquire or check the lock of a task history.
    Lock,
    /// Take the directory of a run away, or remove what was in it. POSIX: `renameat`, `unlinkat`.
    Remove,
}

/// What a caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument breaks a rule; nothing changed. Correct the argument.
    InvalidInput,
    /// A task id or a run id breaks a rule; nothing changed. Choose another id.
    InvalidId,
    /// The run is open in this component already. Use that handle, or close it.
    AlreadyOpen,
    /// The run is closed or being closed. Open it again.
    Closed,
    /// A file operation failed. What a run did not write stays dirty, and a later flush writes it;
    /// a `record_run` is to be called again.
    Storage,
    /// Somebody else writes the same file: when the new file was to be put in its place, it was
    /// gone. On a plain file system somebody has removed it, or its directory. A storage that
    /// numbers the versions of a file answers so when another owner of the run has written it
    /// since. What was not written stays dirty and is not retried by itself: find out who owns the
    /// run, then ask again.
    Conflict,
    /// A document, patch, summary or existing file is above a limit, or all of them in memory
    /// together would be; nothing changed.
    TooLarge,
    /// Another holder kept the lock of the history for as long as the caller would wait: the
    /// summary is written, the history is not; of `remove_runs`, nothing is removed. Call again.
    Locked,
    /// The summary is written, the history is not, for any other reason. For `history` and
    /// `remove_runs`, which have no summary: the file holds no history of the task. One such reason
    /// is that the file is the history of another task whose directory is this task's too: their
    /// ids are equal but for ASCII case, or the file system takes the two names for one, or one is
    /// a link. It is left as it is, and the message names both ids: choose another id. In a
    /// directory that is this task's alone, a history of another task is corrupt.
    History,
    /// The component failed, and whether the call took effect is unknown. Hosts answer it, the
    /// component never does.
    ComponentFailed,
}

/// Who keeps the lock of a task's history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LockHolder {
    /// When it acquired the lock, by its own clock, if the lock's file tells.
    pub acquired_at: Option<String>,
    /// How long the lock may stand untouched before the caller may take it over: the lease that the
    /// lock's file tells, or the caller's own if it tells none.
    #[serde(rename = "lease_ms", serialize_with = "ms::serialize_some")]
    pub lease: Duration,
}

/// What a file operation failed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Failure {
    /// The file that was not written, or none if the step served no single file.
    pub channel: Option<Channel>,
    /// The step that failed.
    pub operation: Operation,
    /// The file or directory that the caller knows; a temporary file is named by its target.
    pub path: String,
    /// The name of the `wasi:filesystem` error code, for example `insufficient-space`; `locked` for
    /// a lock that another holder kept, `other-task` for a history that is another task's.
    pub code: String,
    /// Whether the same request can succeed later without a change by the caller. True for
    /// `already`, `busy`, `deadlock`, `quota`, `in-progress`, `interrupted`, `io`, `locked`,
    /// `no-lock`, `insufficient-memory`, `insufficient-space` and `text-file-busy`.
    pub retryable: bool,
    /// One sentence for a person: what, where, why.
    pub message: String,
}

/// An error of this package.
///
/// When both channels of a flush failed, the fields tell the manifest's failure, whichever
/// failed first in time, and `beside` tells the heartbeat's. When both writes of `record_run`
/// failed, they tell the summary's failure, and `beside` tells the history's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ErrorFields {
    /// What the caller can do about it.
    pub kind: ErrorKind,
    /// The file that was not written, if the error is about one.
    pub channel: Option<Channel>,
    /// The step that failed, for `storage`, `conflict`, `locked` and the `history` of `record_run`;
    /// otherwise none.
    pub operation: Option<Operation>,
    /// The path that the error is about, if there is one.
    pub path: Option<String>,
    /// As `Failure::code`, where `operation` is set; otherwise none.
    pub code: Option<String>,
    /// As `Failure::retryable`, where `operation` is set; otherwise false.
    pub retryable: bool,
    /// Who keeps the lock, for `locked`, if its file was read; otherwise none.
    pub holder: Option<LockHolder>,
    /// One sentence for a person: what, where, which rule.
    pub message: String,
    /// The second failure of the same call.
    pub beside: Option<Failure>,
}
