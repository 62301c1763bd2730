//! What a statement that failed came to: whether it was carried out, and whether to try again.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use tandem_disk::ErrorCode;
use tandem_documents::Trouble;
use tokio_postgres::error::{DbError, Severity};

use crate::OpenError;

/// What is known of a statement that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was not carried out, and may succeed if it is tried again.
    Again,
    /// It was not carried out, and would fail again.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// What an answer of the server says about a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verdict {
    fate: Fate,
    code: ErrorCode,
    /// The connection is of no more use.
    is_lost: bool,
    /// Of several writes in one statement, the others may succeed without the one that it is about.
    is_of_one: bool,
}

/// The verdict on an error of the server. An error that leaves the session as it is has rolled the
/// statement back; one that ends the session may have come after the commit.
fn verdict(sqlstate: &str, ends_session: bool) -> Verdict {
    use ErrorCode::*;
    use Fate::*;
    let of = |fate, code, is_lost, is_of_one| Verdict { fate, code, is_lost, is_of_one };
    if ends_session {
        return of(Unknown, Io, true, false);
    }
    match sqlstate {
        // Serialization, deadlock, somebody cancelled the statement.
        "40001" | "40P01" | "57014" => of(Again, Io, false, false),
        // A row is locked for too long.
        "55P03" => of(Again, Io, false, true),
        // The server takes no writes: it is the primary no more.
        "25006" => of(Again, ReadOnly, true, false),
        // The statement was prepared in another session, or before the tables were changed.
        "26000" | "0A000" => of(Again, Io, true, false),
        "53100" => of(Refused, InsufficientSpace, false, false),
        "53200" => of(Refused, InsufficientMemory, false, false),
        "42501" => of(Refused, Access, false, false),
        "54000" => of(Refused, FileTooLarge, false, true),
        "22021" => of(Refused, IllegalByteSequence, false, true),
        _ if sqlstate.starts_with("22") || sqlstate.starts_with("23") => {
            of(Refused, Io, false, true)
        }
        _ => of(Refused, Io, false, false),
    }
}

/// Why something has failed; several requests that went together share it.
#[derive(Clone)]
pub(crate) struct Cause(Arc<dyn Error + Send + Sync>);

impl Cause {
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Cause(Arc::from(error.into()))
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// A request that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub fate: Fate,
    pub code: ErrorCode,
    pub message: String,
    /// The connection is of no more use.
    pub is_lost: bool,
    /// The server did not answer in time: others on its connections will wait as long.
    pub is_silent: bool,
    /// Of several writes in one statement, the others may succeed without the one that it is about.
    pub is_of_one: bool,
    cause: Option<Cause>,
}

impl Failure {
    fn new(fate: Fate, code: ErrorCode, message: impl Into<String>) -> Self {
        Failure {
            fate,
            code,
            message: message.into(),
            is_lost: true,
            is_silent: false,
            is_of_one: false,
            cause: None,
        }
    }

    /// Nothing was sent that could be carried out.
    pub fn unsent(message: impl Into<String>) -> Self {
        Failure::new(Fate::Again, ErrorCode::Io, message)
    }

    /// It is refused, whoever is asked.
    pub fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Failure { is_lost: false, ..Failure::new(Fate::Refused, code, message) }
    }

    /// It was sent, and no answer is to be had.
    pub fn unknown(message: impl Into<String>) -> Self {
        Failure::new(Fate::Unknown, ErrorCode::Io, message)
    }

    /// It was sent, and no answer came in time.
    pub fn silent(message: impl Into<String>) -> Self {
        Failure { is_silent: true, ..Failure::unknown(message) }
    }

    /// What a statement failed with that was sent.
    pub fn of(error: tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else {
            let message = "no answer came that can be read";
            return Failure::unknown(message).because(Cause::new(error));
        };
        let verdict = verdict(said.code().code(), ends_session(said));
        let message = match (verdict.fate, verdict.code) {
            (_, ErrorCode::InsufficientSpace) => "the server has no space left".to_owned(),
            (_, ErrorCode::InsufficientMemory) => "the server has no memory left".to_owned(),
            (_, ErrorCode::Access) => "the user of the store lacks a privilege".to_owned(),
            (_, ErrorCode::ReadOnly) => "the server takes no writes".to_owned(),
            (Fate::Unknown, _) => "the server ended the session before it answered".to_owned(),
            _ => format!("the server refused a statement by {}", said.code().code()),
        };
        Failure {
            is_lost: verdict.is_lost,
            is_of_one: verdict.is_of_one,
            ..Failure::new(verdict.fate, verdict.code, message)
        }
        .because(Cause::new(error))
    }

    /// Of something that is made by a later commit only, so that it is not carried out for certain.
    pub fn before_commit(self) -> Self {
        let fate = if self.fate == Fate::Unknown { Fate::Again } else { self.fate };
        Failure { fate, ..self }
    }

    /// Of a connection that must not be used again.
    pub fn with_connection(self) -> Self {
        Failure { is_lost: true, ..self }
    }

    /// With what it comes from.
    pub fn because(self, cause: Cause) -> Self {
        Failure { cause: Some(cause), ..self }
    }

    /// For whoever asked, when there are no more tries.
    pub fn trouble(self) -> Trouble {
        let trouble = match self.fate {
            Fate::Unknown => Trouble::unknown(self.message),
            Fate::Again => {
                let message =
                    format!("it was not carried out, and was tried long enough: {}", self.message);
                Trouble::refused(self.code, message)
            }
            Fate::Refused => Trouble::refused(self.code, self.message),
        };
        match self.cause {
            Some(cause) => trouble.because(cause),
            None => trouble,
        }
    }
}

/// No connection came about, so nothing was sent.
impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let message = error.to_string();
        let code = match error {
            OpenError::OnlyReplicas { .. } | OpenError::ReadOnlySessions { .. } => {
                ErrorCode::ReadOnly
            }
            OpenError::Password { .. } | OpenError::Privileges { .. } => ErrorCode::Access,
            _ => ErrorCode::Io,
        };
        let failure = match error.may_pass() {
            true => Failure { code, ..Failure::unsent(message) },
            false => Failure::refused(code, message),
        };
        failure.because(Cause::new(error))
    }
}

/// Whether the server ends the session with this error.
fn ends_session(said: &DbError) -> bool {
    match said.parsed_severity() {
        Some(severity) => matches!(severity, Severity::Fatal | Severity::Panic),
        // Without it the severity is in the server's language: what cannot be read may be the worst.
        None => said.severity() != "ERROR",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_the_session_is_unknown() {
        for sqlstate in ["57P01", "57P02", "58030", "XX000", "53100", "40001", "25006"] {
            let verdict = verdict(sqlstate, true);
            assert_eq!((verdict.fate, verdict.is_lost), (Fate::Unknown, true), "{sqlstate}");
        }
    }

    #[test]
    fn what_leaves_the_session_was_not_carried_out() {
        use ErrorCode::*;
        use Fate::*;
        let table = [
            ("40001", Again, Io, false),
            ("40P01", Again, Io, false),
            ("55P03", Again, Io, false),
            ("57014", Again, Io, false),
            ("25006", Again, ReadOnly, true),
            ("26000", Again, Io, true),
            ("53100", Refused, InsufficientSpace, false),
            ("53200", Refused, InsufficientMemory, false),
            ("42501", Refused, Access, false),
            ("54000", Refused, FileTooLarge, false),
            ("22021", Refused, IllegalByteSequence, false),
            ("42P01", Refused, Io, false),
            ("XX000", Refused, Io, false),
            ("58030", Refused, Io, false),
        ];
        for (sqlstate, fate, code, is_lost) in table {
            let verdict = verdict(sqlstate, false);
            assert_eq!(
                (verdict.fate, verdict.code, verdict.is_lost),
                (fate, code, is_lost),
                "{sqlstate}"
            );
        }
    }

    #[test]
    fn only_what_is_about_one_write_is_split() {
        for (sqlstate, is_of_one) in [
            ("22021", true),
            ("23514", true),
            ("54000", true),
            ("55P03", true),
            ("53100", false),
            ("40P01", false),
        ] {
            assert_eq!(verdict(sqlstate, false).is_of_one, is_of_one, "{sqlstate}");
        }
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        let fate = |error: OpenError| {
            let failure = Failure::from(error);
            (failure.fate, failure.code)
        };
        let (host, hosts) = (String::new(), String::new());
        let unreachable = OpenError::Unreachable { hosts: hosts.clone(), source: None };
        assert_eq!(fate(unreachable), (Fate::Again, ErrorCode::Io));
        let replicas = OpenError::OnlyReplicas { hosts };
        assert_eq!(fate(replicas), (Fate::Again, ErrorCode::ReadOnly));
        assert_eq!(fate(OpenError::Replaced { host: host.clone() }), (Fate::Again, ErrorCode::Io));
        let password = OpenError::Password { host, source: "no".into() };
        assert_eq!(fate(password), (Fate::Refused, ErrorCode::Access));
    }

    #[test]
    fn what_is_certain_is_told_as_refused() {
        assert!(Failure::unsent("no host").trouble().is_refused());
        assert!(Failure::unknown("lost").before_commit().trouble().is_refused());
        assert!(!Failure::silent("late").trouble().is_refused());
        assert_eq!(Failure::refused(ErrorCode::Access, "no").trouble().code(), ErrorCode::Access);
    }
}
