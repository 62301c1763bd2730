//! Errors.

use std::fmt;
use std::sync::Arc;

use rustix::io::Errno;
use serde::Serialize;

use crate::error_records::{Channel, ErrorFields, ErrorKind, Failure, LockHolder, Operation};
use crate::limits::{failed_call, in_words, met_by};

/// Any error of this library.
///
/// When both channels of a flush failed, it tells the manifest's failure, and
/// [`beside`](Error::beside) tells the heartbeat's. When both writes of a
/// [`record_run`](crate::Tandem::record_run) failed, it tells the summary's failure, and `beside`
/// tells the history's.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .details.message)]
pub struct Error {
    details: Box<ErrorFields>,
    source: Option<Cause>,
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

    /// The step that failed, for [`ErrorKind::Storage`], [`ErrorKind::Conflict`],
    /// [`ErrorKind::Locked`] and [`ErrorKind::History`].
    pub fn operation(&self) -> Option<Operation> {
        self.details.operation
    }

    /// The path that the error is about, if there is one.
    pub fn path(&self) -> Option<&str> {
        self.details.path.as_deref()
    }

    /// The name of the `wasi:filesystem` error code, for the same kinds as
    /// [`operation`](Error::operation); `locked` for a lock that another holder kept, `other-task`
    /// for a history that is another task's.
    pub fn code(&self) -> Option<&str> {
        self.details.code.as_deref()
    }

    /// Whether the same request can succeed later without a change by the caller.
    pub fn retryable(&self) -> bool {
        self.details.retryable
    }

    /// Who keeps the lock, for [`ErrorKind::Locked`].
    pub fn holder(&self) -> Option<&LockHolder> {
        self.details.holder.as_ref()
    }

    /// One sentence for a person: what, where, which rule.
    pub fn message(&self) -> &str {
        &self.details.message
    }

    /// The second failure of the same call.
    pub fn beside(&self) -> Option<&Failure> {
        self.details.beside.as_ref()
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let details = ErrorFields {
            kind,
            channel: None,
            operation: None,
            path: None,
            code: None,
            retryable: false,
            holder: None,
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

    pub(crate) fn no_thread(source: &std::io::Error) -> Self {
        let message = "a thread for the component cannot be started";
        let error = Error::new(ErrorKind::ComponentFailed, message);
        Error { source: Some(Cause::said(in_words(source))), ..error }
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
        call: &str,
        source: &std::io::Error,
    ) -> Self {
        let code = crate::disk::ErrorCode::from(source);
        let mut error = Error::new(ErrorKind::Storage, message);
        error.details.operation = Some(operation);
        error.details.path = Some(path);
        error.details.code = Some(code.name().to_owned());
        Error { source: Some(Cause::said(failed_call(call, source))), ..error }
    }

    /// The same error with what `said` knows that the system said of its failed step, and of that
    /// beside it.
    pub(crate) fn with_said(
        mut self,
        said: impl Fn(Operation, &str, &str) -> Option<String>,
    ) -> Self {
        if let Some(beside) = &mut self.details.beside {
            beside.add_said(&said);
        }
        if let (Some(operation), Some(path), Some(code)) =
            (self.operation(), self.path(), self.code())
        {
            self.source = said(operation, path, code).map(Cause::said).or(self.source);
        }
        self
    }
}

/// One that the component tells.
impl From<ErrorFields> for Error {
    fn from(fields: ErrorFields) -> Self {
        Error { details: Box::new(fields), source: None }
    }
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
        #[derive(Serialize)]
        struct Record<'a> {
            #[serde(flatten)]
            fields: &'a ErrorFields,
            cause: Option<String>,
        }
        let cause = self.source.as_ref().map(Cause::line);
        Record { fields: &self.details, cause }.serialize(serializer)
    }
}

impl Cause {
    /// What the system said.
    fn said(words: String) -> Self {
        let words: Box<dyn std::error::Error + Send + Sync> = words.into();
        Cause(Arc::from(words))
    }

    /// What wasmtime said, with the limit that it met.
    pub(crate) fn new(error: wasmtime::Error) -> Self {
        let limit = error.downcast_ref::<Errno>().and_then(|&errno| met_by(errno));
        let cause = Cause(Arc::from(error.into_boxed_dyn_error()));
        match limit {
            Some(limit) => Cause::said(format!("{cause}, {limit}")),
            None => cause,
        }
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

    #[test]
    fn a_cause_that_is_a_limit_names_it() {
        let cause = Cause::new(wasmtime::Error::from(Errno::MFILE).context("a call")).to_string();
        let limit = met_by(Errno::MFILE).map_or_else(String::new, |limit| format!(", {limit}"));
        assert_eq!(cause, format!("a call: {}{limit}", Errno::MFILE));
    }
}
