//! The runs of Tandem in PostgreSQL: a store of documents with versions, which several hosts share.
//!
//! [`PostgresDocuments`] is a [`Documents`](tandem_documents::Documents) over PostgreSQL 15 or newer.
//! [`PostgresDocuments::migrate`] makes its schema, [`PostgresDocuments::open`] opens it.
//!
//! # The address
//!
//! `postgres://USER@HOST:PORT,HOST:PORT/DATABASE?OPTION=VALUE&...`. The hosts are tried in turn until
//! one is the primary: a replica is never used, and one whose sessions are read-only by who only reads,
//! if there is no other. A host may be the percent-encoded directory of a Unix socket.
//!
//! | option | |
//! |---|---|
//! | `sslmode`, `sslrootcert` | see below |
//! | `passfile` | a file of lines `HOST:PORT:DATABASE:USER:PASSWORD`, as libpq has it: `*` matches everything, `\` stands before a `:` or `\` that is meant, the first line that matches counts |
//! | `schema` | the schema of the store, by default `tandem`: small letters, digits and `_` |
//! | `connect_timeout` | seconds for one host to accept a connection and a password, 3 by default; a request leaves each host that is left its share of the patience |
//! | `keepalives_idle` | seconds without traffic after which a connection is looked at, at most 60, which it is by default |
//! | `target_session_attrs` | `read-write`, which it is without it; who only reads takes less |
//! | `user`, `password`, `dbname`, `host`, `hostaddr`, `port`, `options`, `application_name`, `channel_binding`, `sslnegotiation`, `tcp_user_timeout`, `keepalives`, `keepalives_interval`, `keepalives_retries` | as libpq has them |
//!
//! The password is the one in the address; else that of the variable `PGPASSWORD`; else that of
//! `passfile` or of the file that the variable `PGPASSFILE` names. No message and no `Debug` shows
//! it.
//!
//! # TLS
//!
//! | `sslmode` | encrypted | what is checked of the server |
//! |---|---|---|
//! | `disable` | no | nothing |
//! | `prefer`, the default | if the server can | nothing |
//! | `require` | always | nothing: it keeps out who listens, not who stands between |
//! | `verify-full` | always | its certificate must come from one of those in the PEM file `sslrootcert`, be valid now, and name the host of the address |
//!
//! `sslrootcert` without `verify-full` is refused, and so is `verify-full` without it, so that
//! nobody believes to be checking what is not checked. Over a Unix socket nothing is encrypted. A
//! password by SCRAM is bound to the encrypted connection where server and certificate allow it.
//!
//! # What holds
//!
//! - **Versions** are made of the server's clock (milliseconds), 20 random bits, and the version
//!   before. They grow with each write of a key, and a state that a crash took back shares its
//!   version with no later one, or with a chance of one in a million if the clock is set back to the
//!   same millisecond. A sequence would repeat itself: a crash takes back what was written without
//!   waiting for the disk, the sequence's state too, and somebody may have read what is gone.
//! - **A write** is one statement, and its condition a part of it. What was sent and not answered is
//!   unknown, and its connection is dropped. Nothing is cancelled: a server that waits for its
//!   standby takes a cancelled wait for an answer. A server that warns that it gave up waiting has
//!   not answered either.
//! - **Small writes go together**: while a statement is under way others wait, and then go as one,
//!   each on its own condition. A body of more than 64 KiB goes alone.
//! - **Level `Visible`** commits with `synchronous_commit = off`: others see it at once, and a crash
//!   of the server may lose what was written in the last second. Level `Durable` commits as the
//!   server, the database or the user is set, and [`promise`](tandem_documents::Documents::promise)
//!   tells what that is worth; the store does not change it. Whoever takes the last name out of
//!   `synchronous_standby_names` has the server answer for what waits, too: with Patroni, set
//!   `synchronous_mode_strict`.
//! - **A read** is answered by a server that takes itself for the primary, and so is a condition that
//!   does not hold. One that was cut off from its standbys may be behind with both; it acknowledges
//!   no durable write, so what follows from such a read fails there, and nothing is lost. A store
//!   that has seen a newer timeline never speaks to an older one again. Where a read alone must
//!   never be behind, [`Options::confirms_reads`] has each wait for the standbys, as a durable write
//!   does. That a promoted standby and the old primary never both have a quorum is up to whoever
//!   promotes.
//! - **Changes** are followed by the snapshot in which they were last read, so a transaction that
//!   commits late is not missed. A look reads the rows below the prefix, 20,000 in some milliseconds,
//!   and the bodies of those that changed. After a crash, a restart or a failover of the server
//!   everything is told anew, since the ids of lost transactions are given again. What was visible,
//!   not durable, and created just before such a crash is gone without being told: whoever follows
//!   lists anew now and then.
//! - **Keys** have at most 4,096 bytes, and no NUL; bodies as many bytes as [`Options`] say.
//!
//! A pooler between store and server has to give each connection a session of its own.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod address;
mod batch;
mod changes;
mod connection;
mod cursor;
mod failure;
mod keys;
mod lane;
mod layout;
mod life;
mod open_error;
mod options;
mod passfile;
mod pool;
mod promise;
mod reads;
mod shared;
mod store;
mod tls;
mod worker;
mod writes;

pub use open_error::OpenError;
pub use options::Options;
pub use store::PostgresDocuments;
