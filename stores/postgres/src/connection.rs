//! One connection to a server.

use std::collections::HashMap;
use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::OpenError;
use crate::address::Server;
use crate::failure::Failure;
use crate::life::Life;

/// The oldest server that has what the statements use.
const SERVER_MIN: u32 = 15;

/// What each session is set to.
///
/// A statement timeout would cancel the wait for a standby, and the server would answer as if it had
/// not. Warnings tell of such a wait that somebody else has cancelled, so they must be sent. What a
/// transaction of this store holds, it holds for a moment: a store that stands still must not keep
/// others waiting.
const SETTINGS: &str = "
    set statement_timeout = 0;
    set client_min_messages = warning;
    set default_transaction_isolation = 'read committed';
    set lock_timeout = '2s';
    set idle_in_transaction_session_timeout = '5s';
    set search_path = pg_catalog";

/// What is asked of each server: whether it takes writes, and which life of it this is. A standby
/// that was promoted has another timeline, a server that recovered has set back its statistics.
const ABOUT: &str = "
    select pg_is_in_recovery(), current_setting('transaction_read_only') = 'on',
        (select system_identifier::text from pg_control_system()),
        case when pg_is_in_recovery() then ''
            else substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end,
        concat_ws('-', extract(epoch from pg_postmaster_start_time())::text,
            (select extract(epoch from stats_reset)::text from pg_stat_archiver))";

/// What a session is to its connection.
pub(crate) struct Connection {
    client: Client,
    /// Reads and writes the socket; ended with the connection.
    io: JoinHandle<()>,
    /// Whether the server has warned since this was last set back.
    is_warned: Arc<AtomicBool>,
    prepared: HashMap<String, Statement>,
    /// Which life of the server it is in. It outlasts none.
    pub life: Life,
    /// It must not be used again.
    pub is_spoilt: bool,
    /// Its sessions cannot write.
    pub is_read_only: bool,
    pub opened: Instant,
}

impl Connection {
    /// Connects to a server that is no replica, within a time.
    pub async fn open(
        server: &Server,
        tls: &MakeRustlsConnect,
        within: Duration,
    ) -> Result<Self, OpenError> {
        let late = || {
            let source = format!("there was no answer within {} ms", within.as_millis());
            OpenError::Unreachable { hosts: server.shown.clone(), source: Some(source.into()) }
        };
        timeout(within, Connection::open_at_last(server, tls)).await.map_err(|_| late())?
    }

    async fn open_at_last(server: &Server, tls: &MakeRustlsConnect) -> Result<Self, OpenError> {
        let of = |error| open_error(&server.shown, error);
        let (client, connection) = server.config.connect(tls.clone()).await.map_err(of)?;
        let version = connection.parameter("server_version").unwrap_or_default().to_owned();
        let is_warned = Arc::new(AtomicBool::new(false));
        let io = tokio::spawn(serve(connection, is_warned.clone()));
        // Made first, so that whatever fails from here on ends the task.
        let life = Life { system: String::new(), timeline: String::new(), since: String::new() };
        let prepared = HashMap::new();
        let (is_spoilt, is_read_only, opened) = (false, false, Instant::now());
        let mut connection =
            Connection { client, io, is_warned, prepared, life, is_spoilt, is_read_only, opened };
        if major(&version) < SERVER_MIN {
            return Err(OpenError::ServerTooOld { version });
        }
        connection.client.batch_execute(SETTINGS).await.map_err(of)?;
        let row = connection.client.query_one(ABOUT, &[]).await.map_err(of)?;
        let is_replica = row.try_get::<_, bool>(0).map_err(of)?;
        connection.is_read_only = row.try_get(1).map_err(of)?;
        if is_replica {
            return Err(OpenError::OnlyReplicas { hosts: server.shown.clone() });
        }
        connection.life = Life {
            system: row.try_get(2).map_err(of)?,
            timeline: row.try_get(3).map_err(of)?,
            since: row.try_get(4).map_err(of)?,
        };
        Ok(connection)
    }

    /// Whether it can be used no more.
    pub fn is_over(&self) -> bool {
        self.is_spoilt || self.client.is_closed()
    }

    /// One statement, which is a transaction of its own unless one was begun. With `is_write` it
    /// counts as unanswered if the server warns meanwhile: so it tells that it did not wait for its
    /// standbys.
    pub async fn query(
        &mut self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
        is_write: bool,
        patience: Duration,
    ) -> Result<Vec<Row>, Failure> {
        let statement = match self.prepared.get(sql) {
            Some(statement) => statement.clone(),
            None => {
                let prepared = self.answer(self.client.prepare(sql), false, patience).await;
                let statement = prepared.map_err(Failure::before_commit)?;
                self.prepared.insert(sql.to_owned(), statement.clone());
                statement
            }
        };
        self.answer(self.client.query(&statement, parameters), is_write, patience).await
    }

    /// A command without parameters and rows.
    pub async fn command(
        &mut self,
        sql: &str,
        is_write: bool,
        patience: Duration,
    ) -> Result<(), Failure> {
        self.answer(self.client.batch_execute(sql), is_write, patience).await
    }

    /// Waits for what is sent when it is first waited for.
    async fn answer<T>(
        &self,
        sent: impl Future<Output = Result<T, tokio_postgres::Error>>,
        is_write: bool,
        patience: Duration,
    ) -> Result<T, Failure> {
        if self.is_over() {
            return Err(Failure::unsent("the connection was lost"));
        }
        self.is_warned.store(false, Ordering::Relaxed);
        let answer = timeout(patience, sent).await;
        let answer = answer.map_err(|_| {
            Failure::silent(format!("the server did not answer within {patience:?}"))
        })?;
        let answer = answer.map_err(Failure::of)?;
        if is_write && self.is_warned.load(Ordering::Relaxed) {
            let message = "the server warned that it may not have waited for its standbys";
            return Err(Failure::unknown(message));
        }
        Ok(answer)
    }
}

/// Ends the socket at once: a server that is still at work on a statement goes on with it, and
/// nothing waits for that.
impl Drop for Connection {
    fn drop(&mut self) {
        self.io.abort();
    }
}

/// Reads and writes a socket until it is closed, and notes warnings. A warning comes before the
/// answer that it belongs to, on one thread with whoever waits for that.
async fn serve<S, T>(mut connection: tokio_postgres::Connection<S, T>, is_warned: Arc<AtomicBool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notice(notice) = message {
            let is_less = matches!(
                notice.parsed_severity(),
                Some(Severity::Notice | Severity::Info | Severity::Debug | Severity::Log)
            );
            is_warned.fetch_or(!is_less, Ordering::Relaxed);
        }
    }
}

/// The number before the first dot, or another end of it; 0 if there is none.
fn major(version: &str) -> u32 {
    let end = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..end].parse().unwrap_or(0)
}

/// Why a connection did not come about.
fn open_error(host: &str, error: tokio_postgres::Error) -> OpenError {
    let host = host.to_owned();
    if let Some(said) = error.as_db_error() {
        let missing = || format!("to connect at {host}: {}", said.message());
        return match said.code() {
            &SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                OpenError::Password { host, source: error.into() }
            }
            &SqlState::INVALID_CATALOG_NAME => OpenError::Database { host, source: error.into() },
            &SqlState::INSUFFICIENT_PRIVILEGE => OpenError::Privileges { missing: missing() },
            &SqlState::CANNOT_CONNECT_NOW
            | &SqlState::TOO_MANY_CONNECTIONS
            | &SqlState::ADMIN_SHUTDOWN
            | &SqlState::CRASH_SHUTDOWN => {
                OpenError::Unreachable { hosts: host, source: Some(error.into()) }
            }
            _ => OpenError::Server { host, source: error.into() },
        };
    }
    // The client tells these kinds apart in its words only.
    let text = error.to_string();
    let about = error.source().map(ToString::to_string).unwrap_or_default();
    if text.contains("TLS") {
        OpenError::Tls { host, source: error.into() }
    } else if text == "authentication error" || about == "password missing" {
        OpenError::Password { host, source: error.into() }
    } else {
        OpenError::Unreachable { hosts: host, source: Some(error.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_what_stands_before_the_dot() {
        assert_eq!(major("15.18 (Debian 15.18-0+deb12u1)"), 15);
        assert_eq!(major("19devel"), 19);
        assert_eq!(major("9.6.24"), 9);
        assert_eq!(major(""), 0);
        assert_eq!(major("99999999999999"), 0);
    }
}
