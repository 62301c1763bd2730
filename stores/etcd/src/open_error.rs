//! Why a store cannot be opened, by what a caller can do about it.

use std::error::Error;

/// Why a store cannot be opened. Each message is one sentence for people, without credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The address or another option breaks a rule: correct it.
    #[error("the options of the store are wrong: {rule}")]
    Options {
        /// Which rule.
        rule: String,
    },
    /// A file that the address names cannot be used: correct it.
    #[error("the {what} cannot be used: {path}")]
    File {
        /// What it is for, such as `password file` or `file of root certificates`.
        what: &'static str,
        /// Where it is.
        path: String,
        /// What the system or the parser says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// No server takes a connection: try again later, or correct the address.
    #[error("no server can be reached at {hosts}")]
    Unreachable {
        /// The servers that were tried.
        hosts: String,
        /// What one of them failed with.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// Servers take connections and carry nothing out, as they do without a majority: try again
    /// later, or see to the cluster.
    #[error("no server carries out a request, as it is without a majority, at {hosts}")]
    NoQuorum {
        /// The servers that were tried.
        hosts: String,
        /// What one of them failed with.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// No encrypted connection as `tls` wants it came about.
    #[error("no encrypted connection comes about with {host}")]
    Tls {
        /// The server.
        host: String,
        /// What failed.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The cluster knows the user not, or by another password; or it wants one and none is given.
    #[error("the cluster refuses user or password at {hosts}")]
    Password {
        /// The servers.
        hosts: String,
        /// What one of them says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server is older than 3.4.
    #[error("the server must be etcd 3.4 or newer, and is {version}")]
    ServerTooOld {
        /// The server's own word.
        version: String,
    },
    /// The user may not do what the store needs: grant it.
    #[error("the user lacks the privilege {missing}")]
    Privileges {
        /// Which privilege on which keys.
        missing: String,
    },
    /// The server answers as no etcd does, or refuses what no other entry of this list tells.
    #[error("the server cannot be used at {hosts}")]
    Server {
        /// The servers that were tried.
        hosts: String,
        /// What one of them says.
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
