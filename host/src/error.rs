//! Errors.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::channel::Channel;

/// What a caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument breaks a rule; nothing changed. Correct the argument.
    InvalidInput,
    /// A task id or a run id breaks a rule; nothing changed. Choose another id.
    InvalidId,
    /// The run is open already. Use that handle, or close it.
    AlreadyOpen,
    /// The run is closed or being closed, or the whole [`Tandem`](crate::Tandem) is shut down.
    Closed,
    /// A file operation failed. What a run did not write stays dirty, and a later flush writes it; a
    /// [`record_run`](crate::Tandem::record_run) is to be called again.
    Storage,
    /// A document, patch, summary or existing file is above a limit; nothing changed.
    TooLarge,
    /// The summary is written, the history is not: another holder kept its lock for as long as the
    /// caller would wait. Record the run again.
    Locked,
    /// The summary is written, the history is not, for any other reason. Of a
    /// [`history`](crate::Tandem::history), which has no summary: the file holds no history of the
    /// task.
    History,
    /// The component failed, and whether the call took effect is unknown. The next call starts a
    /// new one; documents that were set and not flushed are lost.
    ComponentFailed,
}

/// The step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Operation {
    /// Create a directory of the layout.
    CreateDirectory,
    /// Open a directory, or create a temporary file in it.
    Open,
    /// Read an existing file.
    Read,
    /// Write the temporary file.
    Write,
    /// Sync the temporary file's data.
    Sync,
    /// Put the temporary file in the target's place, or set a corrupt file aside.
    Rename,
    /// Sync a directory.
    SyncDirectory,
    /// List the run's directory.
    List,
    /// Read a file's type, size or time.
    Stat,
    /// Acquire or check the lock of a task's history.
    Lock,
}

/// What a file operation failed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Failure {
    /// The file that was not written, or none if the step served no single file.
    pub channel: Option<Channel>,
    /// The step that failed.
    pub operation: Operation,
    /// The file or directory, relative to the granted directory.
    pub path: String,
    /// The name of the `wasi:filesystem` error code, for example `insufficient-space`; `locked` for
    /// a lock that another holder kept.
    pub code: String,
    /// Whether the same request can succeed later without a change by the caller.
    pub retryable: bool,
    /// One sentence for a person.
    pub message: String,
}

/// Any error of this library.
///
/// When both channels of a flush failed, it tells the manifest's failure, and
/// [`beside`](Error::beside) tells the heartbeat's. When both writes of a
/// [`record_run`](crate::Tandem::record_run) failed, it tells the summary's failure, and `beside`
/// tells the history's.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .details.message)]
pub struct Error {
    details: Box<Details>,
    source: Option<Cause>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Details {
    kind: ErrorKind,
    channel: Option<Channel>,
    operation: Option<Operation>,
    path: Option<String>,
    code: Option<String>,
    retryable: bool,
    message: String,
    beside: Option<Failure>,
}

/// Why a component failed, or what the system said.
#[derive(Clone, Debug)]
pub(crate) struct Cause(Arc<dyn std::error::Error + Send + Sync>);

impl Error {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.details.kind
    }

    /// The file that was not written, if the error is about one.
    pub fn channel(&self) -> Option<Channel> {
        self.details.channel
    }

    /// The step that failed, for [`ErrorKind::Storage`], [`ErrorKind::Locked`] and
    /// [`ErrorKind::History`].
    pub fn operation(&self) -> Option<Operation> {
        self.details.operation
    }

    /// The path that the error is about, if there is one.
    pub fn path(&self) -> Option<&str> {
        self.details.path.as_deref()
    }

    /// The name of the `wasi:filesystem` error code, for the same kinds as
    /// [`operation`](Error::operation); `locked` for a lock that another holder kept.
    pub fn code(&self) -> Option<&str> {
        self.details.code.as_deref()
    }

    /// Whether the same request can succeed later without a change by the caller.
    pub fn retryable(&self) -> bool {
        self.details.retryable
    }

    /// One sentence for a person: what, where, which rule.
    pub fn message(&self) -> &str {
        &self.details.message
    }

    /// The second failure of the same flush.
    pub fn beside(&self) -> Option<&Failure> {
        self.details.beside.as_ref()
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let details = Details {
            kind,
            channel: None,
            operation: None,
            path: None,
            code: None,
            retryable: false,
            message: message.into(),
            beside: None,
        };
        Error { details: Box::new(details), source: None }
    }

    pub(crate) fn invalid_input(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::InvalidInput, message)
    }

    pub(crate) fn too_large(channel: Channel, message: impl Into<String>) -> Self {
        let mut error = Error::new(ErrorKind::TooLarge, message);
        error.details.channel = Some(channel);
        error
    }

    pub(crate) fn shut_down() -> Self {
        Error::new(ErrorKind::Closed, "tandem is shut down")
    }

    pub(crate) fn forked() -> Self {
        let message = "this process was forked from the one that opened tandem: open it again here";
        Error::new(ErrorKind::Closed, message)
    }

    pub(crate) fn panicked() -> Self {
        Error::new(ErrorKind::ComponentFailed, "the thread of the component panicked")
    }

    pub(crate) fn no_thread(source: std::io::Error) -> Self {
        let message = "a thread for the component cannot be started";
        let error = Error::new(ErrorKind::ComponentFailed, message);
        Error { source: Some(Cause(Arc::new(source))), ..error }
    }

    pub(crate) fn run_closed(directory: &str) -> Self {
        let mut error = Error::new(ErrorKind::Closed, format!("the run is closed: {directory}"));
        error.details.path = Some(directory.to_owned());
        error
    }

    pub(crate) fn component_failed(cause: &Cause) -> Self {
        let message = "the component failed, whether the call took effect is unknown";
        let error = Error::new(ErrorKind::ComponentFailed, message);
        Error { source: Some(cause.clone()), ..error }
    }

    pub(crate) fn component_unusable(cause: wasmtime::Error) -> Self {
        let message = "the component cannot be used";
        let error = Error::new(ErrorKind::ComponentFailed, message);
        Error { source: Some(Cause::new(cause)), ..error }
    }

    pub(crate) fn storage(
        operation: Operation,
        path: String,
        message: String,
        source: std::io::Error,
    ) -> Self {
        let code = crate::disk::ErrorCode::from(&source);
        let mut error = Error::new(ErrorKind::Storage, message);
        error.details.operation = Some(operation);
        error.details.path = Some(path);
        error.details.code = Some(code.name().to_owned());
        Error { source: Some(Cause(Arc::new(source))), ..error }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of the WIT record")]
    pub(crate) fn from_component(
        kind: ErrorKind,
        channel: Option<Channel>,
        operation: Option<Operation>,
        path: Option<String>,
        code: Option<String>,
        retryable: bool,
        message: String,
        beside: Option<Failure>,
    ) -> Self {
        let details = Details { kind, channel, operation, path, code, retryable, message, beside };
        Error { details: Box::new(details), source: None }
    }
}

/// The documents of all runs are above their limit.
pub(crate) fn too_many_documents(bytes: u64, bytes_max: u64) -> Error {
    let message = format!(
        "the documents of all runs take {bytes} bytes, above max_total_document_bytes: {bytes_max}"
    );
    Error::too_large(Channel::Manifest, message)
}

/// Two errors are equal if they tell the same; causes are not compared.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        self.details == other.details
    }
}

impl Eq for Error {}

impl Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let Details { kind, channel, operation, path, code, retryable, message, beside } =
            &*self.details;
        let mut record = serializer.serialize_struct("Error", 9)?;
        record.serialize_field("kind", kind)?;
        record.serialize_field("channel", channel)?;
        record.serialize_field("operation", operation)?;
        record.serialize_field("path", path)?;
        record.serialize_field("code", code)?;
        record.serialize_field("retryable", retryable)?;
        record.serialize_field("message", message)?;
        record.serialize_field("beside", beside)?;
        record.serialize_field("cause", &self.source.as_ref().map(Cause::line))?;
        record.end()
    }
}

impl Cause {
    pub(crate) fn new(error: wasmtime::Error) -> Self {
        Cause(Arc::from(error.into_boxed_dyn_error()))
    }

    /// The chain in one line, without what takes several: those are the frames of a trap, which
    /// tell a person nothing. `Debug` still has them.
    fn line(&self) -> String {
        let error: &(dyn std::error::Error + 'static) = &*self.0;
        let chain = std::iter::successors(Some(error), |error| error.source());
        let texts: Vec<String> = chain.map(|error| error.to_string().trim().to_owned()).collect();
        let lines: Vec<&str> =
            texts.iter().map(String::as_str).filter(|text| !text.contains('\n')).collect();
        match (&lines[..], texts.last()) {
            ([], Some(reason)) => reason.lines().next().unwrap_or_default().to_owned(),
            (lines, _) => lines.join(": "),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())
    }
}

/// It has no source: its text tells the whole chain.
impl std::error::Error for Cause {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_one_line_with_the_reason_and_without_frames() {
        let reason = wasmtime::Error::msg("wasm trap: unreachable");
        let trap = reason.context("error while executing at wasm backtrace:\n    0: 0x1 - a!b");
        let error = Error::component_failed(&Cause::new(trap.context("a call")));
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("a call: wasm trap: unreachable"));
        let json = serde_json::to_value(&error).map(|error| error["cause"].clone());
        assert_eq!(json.ok(), cause.map(Into::into));
        let long = Cause::new(wasmtime::Error::msg("why\nand where"));
        assert_eq!(long.to_string(), "why");
    }
}
