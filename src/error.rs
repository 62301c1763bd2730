//! Errors, typed by what the caller can do about them.

use std::fmt;

use crate::records;
pub use crate::records::{Channel, ErrorKind, LockHolder, Operation};

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Channel::Manifest => "manifest",
            Channel::Heartbeat => "heartbeat",
            Channel::Summary => "summary",
            Channel::History => "history",
        })
    }
}

impl Operation {
    /// The name of the WIT case.
    pub fn name(self) -> &'static str {
        match self {
            Operation::CreateDirectory => "create-directory",
            Operation::Open => "open",
            Operation::Read => "read",
            Operation::Write => "write",
            Operation::Sync => "sync",
            Operation::Rename => "rename",
            Operation::SyncDirectory => "sync-directory",
            Operation::List => "list",
            Operation::Stat => "stat",
            Operation::Lock => "lock",
            Operation::Remove => "remove",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operation::CreateDirectory => "create the directory",
            Operation::Open => "open",
            Operation::Read => "read",
            Operation::Write => "write",
            Operation::Sync => "sync",
            Operation::Rename => "replace",
            Operation::SyncDirectory => "sync the directory",
            Operation::List => "list",
            Operation::Stat => "read the state of",
            Operation::Lock => "lock",
            Operation::Remove => "remove",
        })
    }
}

/// The name of a `wasi:filesystem` error code, [`Code::LOCKED`] or [`Code::OTHER_TASK`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(pub &'static str);

impl Code {
    /// The name is taken.
    pub const EXIST: Code = Code("exist");
    /// The argument does not fit the object.
    pub const INVALID: Code = Code("invalid");
    /// The object is a directory.
    pub const IS_DIRECTORY: Code = Code("is-directory");
    /// The file is above a size limit.
    pub const FILE_TOO_LARGE: Code = Code("file-too-large");
    /// Another holder kept the lock for as long as the caller would wait.
    pub const LOCKED: Code = Code("locked");
    /// The history is another task's.
    pub const OTHER_TASK: Code = Code("other-task");
    /// There is no such file or directory.
    pub const NO_ENTRY: Code = Code("no-entry");
    /// The object is no directory.
    pub const NOT_DIRECTORY: Code = Code("not-directory");
    /// The directory has something in it.
    pub const NOT_EMPTY: Code = Code("not-empty");
    /// The file system cannot do this.
    pub const UNSUPPORTED: Code = Code("unsupported");

    /// The code in a sentence.
    fn reason(self) -> &'static str {
        match self {
            Code::LOCKED => "another holder keeps it",
            Code::OTHER_TASK => "it is another task's",
            Code(name) => name,
        }
    }

    /// Whether the same request can succeed later without a change by the caller.
    pub fn is_retryable(self) -> bool {
        matches!(
            self.0,
            "already"
                | "busy"
                | "deadlock"
                | "quota"
                | "in-progress"
                | "interrupted"
                | "io"
                | "locked"
                | "no-lock"
                | "insufficient-memory"
                | "insufficient-space"
                | "text-file-busy"
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What a file operation failed with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {operation} {path}: {}", code.reason())]
pub struct Failure {
    /// The file that was not written, if the step served one.
    pub channel: Option<Channel>,
    /// The step.
    pub operation: Operation,
    /// The path that the caller knows, relative to the granted directory.
    pub path: String,
    /// Why.
    pub code: Code,
}

/// A history that is another task's, which has the same directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("history is of the task {of:?}, which has the same directory as {task_id:?}: {path}")]
pub struct Another {
    /// Whose history it is.
    pub of: String,
    /// Whose history was looked for.
    pub task_id: String,
    /// The file.
    pub path: String,
}

impl Another {
    /// What that is for a run that was to be recorded.
    pub fn into_failure(self) -> Failure {
        Failure {
            channel: Some(Channel::History),
            operation: Operation::Read,
            path: self.path,
            code: Code::OTHER_TASK,
        }
    }
}

/// An error of the component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An argument breaks a rule.
    #[error("{message}")]
    InvalidInput {
        /// The channel that the argument is for.
        channel: Option<Channel>,
        /// What, where and the rule.
        message: String,
    },
    /// A task id or a run id breaks a rule.
    #[error("{0}")]
    InvalidId(String),
    /// The run is open in this component already.
    #[error("run is open already: {path}")]
    AlreadyOpen {
        /// The run's directory.
        path: String,
    },
    /// The run is closed or being closed.
    #[error("run is closed: {path}")]
    Closed {
        /// The run's directory.
        path: String,
    },
    /// A file operation failed.
    #[error("{first}")]
    Storage {
        /// The failure with precedence: the manifest's or the summary's, if that failed.
        first: Failure,
        /// The other channel's failure.
        beside: Option<Failure>,
    },
    /// The new file was gone when it was to be put in its place: somebody else writes the same file.
    #[error("{first}: somebody else writes it")]
    Conflict {
        /// The failure with precedence.
        first: Failure,
        /// The other channel's failure.
        beside: Option<Failure>,
    },
    /// The summary was written and the history was not.
    #[error("summary is written, history is not: {0}")]
    History(Failure),
    /// The summary was written and the history was not, because another holder kept its lock.
    #[error("summary is written, history is not: {failure}{}", Since(holder))]
    Locked {
        /// The lock that was not acquired.
        failure: Failure,
        /// Who kept it, if it was seen.
        holder: Option<LockHolder>,
    },
    /// No run was removed, because another holder kept the lock of their history.
    #[error("no run is removed: {failure}{}", Since(holder))]
    NotRemoved {
        /// The lock that was not acquired.
        failure: Failure,
        /// Who kept it, if it was seen.
        holder: Option<LockHolder>,
    },
    /// The history's file holds no history of its task.
    #[error("history is corrupt, the next run that is recorded sets it aside: {path}")]
    Corrupt {
        /// The file.
        path: String,
    },
    /// The history is another task's, whose directory is this task's too.
    #[error("{0}")]
    OfAnother(Another),
    /// The summary was written and the history was not, because that is another task's.
    #[error("summary is written, history is not: {0}")]
    UnrecordedOfAnother(Another),
    /// A document, a patch or a file is above a size limit.
    #[error("{what} takes {bytes} bytes, above {option}: {limit}")]
    TooLarge {
        /// What it is a part of.
        channel: Channel,
        /// What is too large.
        what: &'static str,
        /// The option that limits it.
        option: &'static str,
        /// The file, when the document is on the disk already.
        path: Option<String>,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
}

impl Failure {
    /// Whether the new file was gone when it was to be put in its place.
    pub fn is_conflict(&self) -> bool {
        self.operation == Operation::Rename && self.code == Code::NO_ENTRY
    }
}

impl Error {
    /// An argument that breaks a rule.
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Error::InvalidInput { channel: None, message: message.into() }
    }

    /// What a write of one or two files failed with.
    pub fn of_files(first: Failure, beside: Option<Failure>) -> Self {
        if first.is_conflict() {
            Error::Conflict { first, beside }
        } else {
            Error::Storage { first, beside }
        }
    }

    /// A document that breaks a rule.
    pub fn invalid(channel: Channel, message: impl Into<String>) -> Self {
        Error::InvalidInput { channel: Some(channel), message: message.into() }
    }
}

impl From<Failure> for Error {
    fn from(first: Failure) -> Self {
        Error::of_files(first, None)
    }
}

/// Since when a lock is kept, as the end of a sentence.
struct Since<'a>(&'a Option<LockHolder>);

impl fmt::Display for Since<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(LockHolder { acquired_at, lease_ms }) = self.0 else { return Ok(()) };
        if let Some(acquired_at) = acquired_at {
            write!(f, ", since {acquired_at}")?;
        }
        write!(f, ", under a lease of {lease_ms} ms")
    }
}

impl From<Error> for records::Error {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let (kind, channel, path) = match error {
            Error::InvalidInput { channel, .. } => (ErrorKind::InvalidInput, channel, None),
            Error::InvalidId(_) => (ErrorKind::InvalidId, None, None),
            Error::AlreadyOpen { path } => (ErrorKind::AlreadyOpen, None, Some(path)),
            Error::Closed { path } => (ErrorKind::Closed, None, Some(path)),
            Error::TooLarge { channel, path, .. } => (ErrorKind::TooLarge, Some(channel), path),
            Error::Corrupt { path } => (ErrorKind::History, Some(Channel::History), Some(path)),
            Error::OfAnother(Another { path, .. }) => {
                (ErrorKind::History, Some(Channel::History), Some(path))
            }
            Error::UnrecordedOfAnother(another) => {
                return of_failure(ErrorKind::History, another.into_failure(), None, message);
            }
            Error::Storage { first, beside } => {
                return of_failure(ErrorKind::Storage, first, beside, message);
            }
            Error::Conflict { first, beside } => {
                return of_failure(ErrorKind::Conflict, first, beside, message);
            }
            Error::History(failure) => {
                return of_failure(ErrorKind::History, failure, None, message);
            }
            Error::Locked { failure, holder } | Error::NotRemoved { failure, holder } => {
                let error = of_failure(ErrorKind::Locked, failure, None, message);
                return records::Error { holder, ..error };
            }
        };
        records::Error {
            kind,
            channel,
            operation: None,
            path,
            code: None,
            retryable: false,
            holder: None,
            message,
            beside: None,
        }
    }
}

fn of_failure(
    kind: ErrorKind,
    failure: Failure,
    beside: Option<Failure>,
    message: String,
) -> records::Error {
    let records::Failure { channel, operation, path, code, retryable, message: _ } = failure.into();
    records::Error {
        kind,
        channel,
        operation: Some(operation),
        path: Some(path),
        code: Some(code),
        retryable,
        holder: None,
        message,
        beside: beside.map(records::Failure::from),
    }
}

impl From<Failure> for records::Failure {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        let Failure { channel, operation, path, code } = failure;
        let retryable = code.is_retryable();
        records::Failure { channel, operation, path, code: code.0.to_owned(), retryable, message }
    }
}
