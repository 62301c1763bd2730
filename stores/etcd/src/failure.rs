//! What a request that failed came to: whether it was carried out, and whether to try again.

use std::error::Error;

use tandem_disk::ErrorCode;
use tandem_documents::Trouble;

use crate::OpenError;
use crate::wire::Refusal;

/// What is known of a request that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was not carried out, and may succeed if it is tried again.
    Again,
    /// It was not carried out, and would fail again.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// What it failed by, as far as something depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The request, or the answer, is too large.
    TooLarge,
    /// The server has no space left. It may say so of a write that it has made.
    Full,
    /// The user may not.
    Denied,
    /// User or password is wrong, or missing.
    Password,
    /// The token is no longer good.
    Token,
    /// Users are not checked.
    NoUsers,
    /// The revision is no longer known.
    Compacted,
    /// The revision is not known yet.
    Future,
    /// Anything else.
    Other,
}

/// A request that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub fate: Fate,
    pub reason: Reason,
    pub code: ErrorCode,
    pub message: String,
    /// It says nothing of the other servers: one of them may answer.
    pub is_local: bool,
    /// The server that says so, if that is worth to be told.
    pub server: Option<String>,
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    fn new(fate: Fate, reason: Reason, code: ErrorCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Failure { fate, reason, code, message, is_local: false, server: None, cause: None }
    }

    /// Nothing was sent that could be carried out.
    pub fn unsent(message: impl Into<String>) -> Self {
        Failure::new(Fate::Again, Reason::Other, ErrorCode::Io, message)
    }

    /// It was not carried out, and would fail again.
    pub fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Failure::new(Fate::Refused, Reason::Other, code, message)
    }

    /// It was sent, and no answer is to be had.
    pub fn unknown(message: impl Into<String>) -> Self {
        let failure = Failure::new(Fate::Unknown, Reason::Other, ErrorCode::Io, message);
        failure.local()
    }

    /// An answer has more bytes than were asked for.
    pub fn answer_too_large(bytes_max: usize) -> Self {
        let message = format!("the server answers with more bytes than {bytes_max}");
        Failure::new(Fate::Unknown, Reason::TooLarge, ErrorCode::FileTooLarge, message)
    }

    /// What the server says.
    pub fn said(refusal: &Refusal) -> Self {
        let (fate, reason, code) = verdict(refusal);
        let message = match reason {
            Reason::TooLarge => "the request is larger than the server takes".to_owned(),
            Reason::Full => "the server has no space left".to_owned(),
            Reason::Denied => "the user of the store lacks a privilege".to_owned(),
            Reason::Password => "the server refuses user or password".to_owned(),
            Reason::Token
            | Reason::NoUsers
            | Reason::Compacted
            | Reason::Future
            | Reason::Other => "the server failed".to_owned(),
        };
        // Whoever is not of the majority, or a learner, may say so for long, and another one answer.
        let is_local = fate != Fate::Refused && reason == Reason::Other;
        let failure = Failure { is_local, ..Failure::new(fate, reason, code, message) };
        failure.because(refusal.message.clone())
    }

    /// A watch asks for what is no longer known.
    pub fn compacted() -> Self {
        let message = "what changed is no longer known";
        Failure::new(Fate::Refused, Reason::Compacted, ErrorCode::Io, message)
    }

    /// The server has ended a watch.
    pub fn canceled(reason: &str) -> Self {
        let (says, is_denied) = (reason.to_owned(), reason.contains("permission denied"));
        let code = if is_denied { 7 } else { 0 };
        Failure::said(&Refusal { code, message: says })
    }

    /// Of something whose end is that something else is asked, so that it is not carried out for
    /// certain.
    pub fn before(self) -> Self {
        let fate = if self.fate == Fate::Unknown { Fate::Again } else { self.fate };
        Failure { fate, ..self }
    }

    /// Says nothing of the other servers.
    pub fn local(self) -> Self {
        Failure { is_local: true, ..self }
    }

    /// The same, for another who has waited for it.
    pub fn again(&self) -> Self {
        let cause = self.cause.as_ref().map(|cause| cause.to_string().into());
        Failure { message: self.message.clone(), server: self.server.clone(), cause, ..*self }
    }

    /// Of the server at an address.
    pub fn at(self, server: &str) -> Self {
        Failure { server: Some(server.to_owned()), ..self }
    }

    /// With what it comes from.
    pub fn because(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Failure { cause: Some(cause.into()), ..self }
    }

    /// For whoever asked, when there are no more tries.
    pub fn trouble(self) -> Trouble {
        let message = match self.server {
            Some(server) => format!("{}: {server}", self.message),
            None => self.message,
        };
        let trouble = match self.fate {
            Fate::Unknown => Trouble::unknown(message),
            Fate::Again => {
                let message =
                    format!("it was not carried out, and was tried long enough: {message}");
                Trouble::refused(self.code, message)
            }
            Fate::Refused => Trouble::refused(self.code, message),
        };
        match self.cause {
            Some(cause) => trouble.because(cause),
            None => trouble,
        }
    }

    /// For whoever opens the store at these servers.
    pub fn open_error(self, hosts: String) -> OpenError {
        // It has been told as one before.
        let cause = match self.cause.map(|cause| cause.downcast::<OpenError>()) {
            Some(Ok(error)) => return *error,
            Some(Err(cause)) => Some(cause),
            None => None,
        };
        let source = cause.unwrap_or_else(|| self.message.into());
        let hosts = self.server.unwrap_or(hosts);
        match (self.reason, self.fate) {
            (Reason::Password | Reason::Token, _) => OpenError::Password { hosts, source },
            (_, Fate::Unknown | Fate::Again) => OpenError::NoQuorum { hosts, source },
            (_, Fate::Refused) => OpenError::Server { hosts, source },
        }
    }
}

/// The verdict on what a server says. Certain is only what it checks before it hands the request to
/// the cluster, or when it would carry it out; of timeouts and changes of the leader nobody knows.
fn verdict(refusal: &Refusal) -> (Fate, Reason, ErrorCode) {
    use ErrorCode::{Access, FileTooLarge, InsufficientSpace, Io};
    use Fate::{Again, Refused, Unknown};
    let says = |words: &str| refusal.message.contains(words);
    match refusal.code {
        _ if says("request is too large") || says("message larger than max") => {
            (Refused, Reason::TooLarge, FileTooLarge)
        }
        // Said before it is handed on, and also after it was carried out.
        _ if says("database space exceeded") => (Unknown, Reason::Full, InsufficientSpace),
        _ if says("invalid auth token") || says("revision of auth store is old") => {
            (Again, Reason::Token, Access)
        }
        _ if says("authentication is not enabled") => (Refused, Reason::NoUsers, Io),
        _ if says("user name is empty") || says("invalid user ID or password") => {
            (Refused, Reason::Password, Access)
        }
        _ if says("revision has been compacted") => (Refused, Reason::Compacted, Io),
        _ if says("is a future revision") => (Refused, Reason::Future, Io),
        _ if says("not supported for learner") => (Again, Reason::Other, Io),
        7 => (Refused, Reason::Denied, Access),
        16 => (Again, Reason::Token, Access),
        // An argument is wrong, it is out of range, or not known.
        3 | 11 | 12 => (Refused, Reason::Other, Io),
        _ => (Unknown, Reason::Other, Io),
    }
}

/// No connection came about, so nothing was sent.
impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let failure = match error {
            OpenError::Unreachable { .. } => Failure::unsent(error.to_string()),
            _ => Failure::refused(ErrorCode::Io, error.to_string()),
        };
        failure.because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: u32, message: &str) -> Failure {
        Failure::said(&Refusal { code, message: message.into() })
    }

    #[test]
    fn what_a_server_says_is_certain_only_if_it_is() {
        use ErrorCode::*;
        use Fate::*;
        for (code, message, fate, error) in [
            (3, "etcdserver: request is too large", Refused, FileTooLarge),
            (8, "grpc: received message larger than max (9 vs. 2)", Refused, FileTooLarge),
            (8, "etcdserver: mvcc: database space exceeded", Unknown, InsufficientSpace),
            (8, "etcdserver: too many requests", Unknown, Io),
            (7, "etcdserver: permission denied", Refused, Access),
            (16, "etcdserver: invalid auth token", Again, Access),
            (3, "etcdserver: revision of auth store is old", Again, Access),
            (3, "etcdserver: user name is empty", Refused, Access),
            (3, "etcdserver: duplicate key given in txn request", Refused, Io),
            (11, "etcdserver: mvcc: required revision has been compacted", Refused, Io),
            (11, "etcdserver: mvcc: required revision is a future revision", Refused, Io),
            (14, "etcdserver: no leader", Unknown, Io),
            (14, "etcdserver: request timed out", Unknown, Io),
            (14, "etcdserver: leader changed", Unknown, Io),
            (14, "etcdserver: rpc not supported for learner", Again, Io),
            (13, "whatever", Unknown, Io),
            (2, "whatever", Unknown, Io),
            (0, "", Unknown, Io),
        ] {
            let failure = said(code, message);
            assert_eq!((failure.fate, failure.code), (fate, error), "{message}");
        }
    }

    #[test]
    fn another_server_is_asked_where_one_does_not_know() {
        assert!(said(14, "etcdserver: no leader").is_local);
        assert!(said(14, "etcdserver: rpc not supported for learner").is_local);
        assert!(Failure::unknown("lost").is_local);
        assert!(!said(8, "etcdserver: mvcc: database space exceeded").is_local);
        assert!(!said(7, "etcdserver: permission denied").is_local);
    }

    #[test]
    fn what_is_certain_is_told_as_refused() {
        assert!(Failure::unsent("no host").trouble().is_refused());
        assert!(Failure::unknown("lost").before().trouble().is_refused());
        assert!(!Failure::unknown("late").trouble().is_refused());
        let unreachable = OpenError::Unreachable { hosts: String::new(), source: None };
        assert_eq!(Failure::from(unreachable).fate, Fate::Again);
        assert_eq!(Failure::from(OpenError::Options { rule: String::new() }).fate, Fate::Refused);
    }

    #[test]
    fn why_a_store_is_not_opened_is_told_by_what_helps() {
        let hosts = || "h:1".to_owned();
        let open_error = |code, message| said(code, message).open_error(hosts());
        let password = open_error(3, "etcdserver: user name is empty");
        assert!(matches!(password, OpenError::Password { .. }));
        let no_quorum = open_error(14, "etcdserver: request timed out");
        assert!(matches!(no_quorum, OpenError::NoQuorum { .. }));
        assert!(matches!(open_error(12, "unknown service"), OpenError::Server { .. }));
        let unreachable = OpenError::Unreachable { hosts: hosts(), source: None };
        let told = Failure::from(unreachable).open_error("other".into());
        assert!(matches!(told, OpenError::Unreachable { hosts, .. } if hosts == "h:1"));
    }
}
