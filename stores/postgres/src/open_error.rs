//! Why a store cannot be opened, by what a caller can do about it.

use std::error::Error;

/// Why a store cannot be opened or migrated. Each message is one sentence for people, without
/// credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The address or another option breaks a rule: correct it.
    #[error("the options of the store are wrong: {rule}")]
    Options {
        /// Which rule.
        rule: String,
    },
    /// A file that the address or the environment names cannot be used: correct it.
    #[error("the {what} cannot be used: {path}")]
    File {
        /// What it is for: `password file` or `root certificates`.
        what: &'static str,
        /// Where it is.
        path: String,
        /// What the system or the parser says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// No host answers, or none that could tell more: try again later, or correct the address.
    #[error("no server can be reached at {hosts}")]
    Unreachable {
        /// The hosts that were tried.
        hosts: String,
        /// What one of them failed with.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// No encrypted connection as `sslmode` wants it came about.
    #[error("no encrypted connection comes about with {host}")]
    Tls {
        /// The host.
        host: String,
        /// What failed.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server knows the user not, or by another password.
    #[error("the server refuses user or password at {host}")]
    Password {
        /// The host.
        host: String,
        /// What the server says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server has no such database.
    #[error("the server has no database of that name at {host}")]
    Database {
        /// The host.
        host: String,
        /// What the server says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server is older than 15.
    #[error("the server must be postgresql 15 or newer, and is {version}")]
    ServerTooOld {
        /// The server's own word.
        version: String,
    },
    /// Every server that answers is a replica, or refuses writes.
    #[error("no server that takes writes can be reached, only a replica, at {hosts}")]
    OnlyReplicas {
        /// The hosts that were tried.
        hosts: String,
    },
    /// The database or the user is set to refuse writes.
    #[error(
        "the sessions of this user are read-only: see `default_transaction_read_only` at {host}"
    )]
    ReadOnlySessions {
        /// The host.
        host: String,
    },
    /// The server has an older timeline than the store has already seen: it is a primary no more.
    #[error("the server is a primary that was replaced at {host}")]
    Replaced {
        /// The host.
        host: String,
    },
    /// The schema is not there, or not whole: migrate.
    #[error(
        "the database has no tables of the store: run `PostgresDocuments::migrate` to make them in schema {schema}"
    )]
    NoSchema {
        /// The schema that was looked for.
        schema: String,
    },
    /// The schema is older than this crate needs: migrate.
    #[error(
        "the tables of the store are of layout {found}, older than {needed}: run `PostgresDocuments::migrate` for schema {schema}"
    )]
    SchemaOlder {
        /// The schema.
        schema: String,
        /// The layout that it has.
        found: i32,
        /// The layout that this crate has.
        needed: i32,
    },
    /// The schema is newer than this crate knows: take a newer release of it.
    #[error(
        "the tables of the store are of layout {found}, newer than {known}, which is the newest that this release knows, in schema {schema}"
    )]
    SchemaNewer {
        /// The schema.
        schema: String,
        /// The layout that it has.
        found: i32,
        /// The layout that this crate has.
        known: i32,
    },
    /// The user may not do what the store needs: grant it.
    #[error("the user lacks the privilege {missing}")]
    Privileges {
        /// Which privilege on what.
        missing: String,
    },
    /// The server refused what no other entry of this list tells.
    #[error("the server cannot be used at {host}")]
    Server {
        /// The host.
        host: String,
        /// What the server says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// This machine has no thread, or no other means, for the store.
    #[error("the store's thread cannot be started")]
    Thread {
        /// What the system says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl OpenError {
    /// Whether the same may succeed soon, with nothing changed: a failover passes by.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(
            self,
            OpenError::Unreachable { .. }
                | OpenError::OnlyReplicas { .. }
                | OpenError::ReadOnlySessions { .. }
                | OpenError::Replaced { .. }
                | OpenError::Server { .. }
        )
    }
}
