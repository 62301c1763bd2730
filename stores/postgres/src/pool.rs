//! The connections of a store, and how often something is tried.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

use crate::OpenError;
use crate::address::Address;
use crate::connection::Connection;
use crate::failure::{Failure, Fate};
use crate::life::Life;

/// How long it waits before the second try; each wait is twice as long as the one before.
const PAUSE_MIN: Duration = Duration::from_millis(20);

/// How long it waits between tries at most.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long a session that cannot write is used where there are other servers.
const READER_MAX: Duration = Duration::from_secs(30);

/// Connections, opened when they are needed.
pub(crate) struct Pool {
    address: Address,
    /// Whether sessions that cannot write will do.
    is_read_only: bool,
    permits: Semaphore,
    idle: RefCell<Vec<Held>>,
    /// The server that is tried first.
    first: Cell<usize>,
    /// Connections from before a server fell silent are not used again.
    generation: Cell<u64>,
    /// The newest life of a server that was seen.
    newest: RefCell<Option<Life>>,
}

/// A connection, and what it was opened in.
struct Held {
    connection: Connection,
    generation: u64,
}

/// A connection that is in use.
struct Lease<'a> {
    held: Held,
    _permit: SemaphorePermit<'a>,
}

/// Whether something may be asked again whose answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It changes nothing.
    Read,
    /// It may have been carried out.
    Write,
}

impl Pool {
    pub fn new(address: Address, connections: usize, is_read_only: bool) -> Self {
        Pool {
            address,
            is_read_only,
            permits: Semaphore::new(connections),
            idle: RefCell::default(),
            first: Cell::new(0),
            generation: Cell::new(0),
            newest: RefCell::default(),
        }
    }

    /// Connects to the first server that takes writes; if there is none, tells the most telling of
    /// what they failed with. Who only reads has a session that cannot write if there is no other, in
    /// the newest life.
    ///
    /// Of the time until a deadline each server that is left has its share, so that one that says
    /// nothing leaves some for the others.
    pub async fn connect(&self, deadline: Option<Instant>) -> Result<Connection, OpenError> {
        let servers = &self.address.servers;
        let mut failed: Option<OpenError> = None;
        let mut reader: Option<Connection> = None;
        for n in 0..servers.len() {
            let index = (self.first.get() + n) % servers.len();
            let server = &servers[index];
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            // What there is already must be of use before the deadline.
            let sharing = servers.len() - n + usize::from(reader.is_some());
            let within = share(server.within, left, sharing);
            let error = match Connection::open(server, &self.address.tls, within).await {
                Ok(connection) if self.is_replaced(&connection.life) => {
                    OpenError::Replaced { host: server.shown.clone() }
                }
                Ok(connection) if connection.is_read_only => {
                    if self.is_read_only {
                        let is_newer = |held: &Connection| connection.life.replaces(&held.life);
                        if reader.as_ref().is_none_or(is_newer) {
                            reader = Some(connection);
                        }
                        continue;
                    }
                    OpenError::ReadOnlySessions { host: server.shown.clone() }
                }
                Ok(connection) => {
                    self.first.set(index);
                    return Ok(connection);
                }
                Err(error) => error,
            };
            if failed.as_ref().is_none_or(|failed| weight(failed) < weight(&error)) {
                failed = Some(error);
            }
        }
        if let Some(connection) = reader {
            return Ok(connection);
        }
        Err(match failed {
            Some(OpenError::OnlyReplicas { .. }) => {
                OpenError::OnlyReplicas { hosts: self.address.shown() }
            }
            Some(OpenError::Unreachable { source, .. }) => {
                OpenError::Unreachable { hosts: self.address.shown(), source }
            }
            Some(error) => error,
            None => OpenError::Unreachable { hosts: self.address.shown(), source: None },
        })
    }

    /// Its servers, for people.
    pub fn servers(&self) -> String {
        self.address.shown()
    }

    /// The schema of the store in each of them.
    pub fn schema(&self) -> &str {
        &self.address.schema
    }

    /// The word of the newest life of a server that was seen.
    pub fn life(&self) -> Option<String> {
        self.newest.borrow().as_ref().map(Life::word)
    }

    /// Notes a life, and tells whether a newer one of the same cluster is known.
    fn is_replaced(&self, life: &Life) -> bool {
        let mut newest = self.newest.borrow_mut();
        if newest.as_ref().is_some_and(|newest| newest.replaces(life)) {
            return true;
        }
        *newest = Some(life.clone());
        false
    }

    /// Does something with a connection, and again until the deadline as long as it was not carried
    /// out for certain, or repeating it does no harm.
    pub async fn attempt<T>(
        &self,
        deadline: Instant,
        repeat: Repeat,
        mut work: impl AsyncFnMut(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut pause = PAUSE_MIN;
        loop {
            let failure = match self.lease(deadline).await {
                Ok(mut lease) => match work(&mut lease.held.connection).await {
                    Ok(value) => {
                        self.give_back(lease);
                        return Ok(value);
                    }
                    Err(failure) => {
                        if failure.is_silent {
                            self.suspect(lease.held.generation);
                        }
                        if !failure.is_lost {
                            self.give_back(lease);
                        }
                        failure
                    }
                },
                Err(failure) => failure,
            };
            let may_repeat = match failure.fate {
                Fate::Again => true,
                Fate::Unknown => repeat == Repeat::Read,
                Fate::Refused => false,
            };
            if !may_repeat || Instant::now() + pause >= deadline {
                return Err(failure);
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn lease(&self, deadline: Instant) -> Result<Lease<'_>, Failure> {
        let late = |what: &str| Failure::unsent(what);
        let permit = timeout_at(deadline, self.permits.acquire()).await;
        let permit = permit.map_err(|_| late("no connection of the store was free"))?;
        let permit = permit.map_err(|_| late("the store is closed"))?;
        let generation = self.generation.get();
        loop {
            let held = self.idle.borrow_mut().pop();
            match held {
                Some(held) if held.generation != generation || held.connection.is_over() => {}
                Some(held) if self.may_be_better(&held.connection) => {}
                Some(held) => return Ok(Lease { held, _permit: permit }),
                None => break,
            }
        }
        let connection = timeout_at(deadline, self.connect(Some(deadline))).await;
        let connection = connection.map_err(|_| {
            late(&format!("no server took a connection in time at {}", self.address.shown()))
        })??;
        Ok(Lease { held: Held { connection, generation }, _permit: permit })
    }

    /// Keeps a connection that was opened apart, to be used.
    pub fn keep(&self, connection: Connection) {
        self.idle.borrow_mut().push(Held { connection, generation: self.generation.get() });
    }

    fn give_back(&self, lease: Lease<'_>) {
        let Lease { held, _permit } = lease;
        if held.generation == self.generation.get() && !held.connection.is_over() {
            self.idle.borrow_mut().push(held);
        }
    }

    /// Whether another server may take writes by now, where this one does not.
    fn may_be_better(&self, connection: &Connection) -> bool {
        let has_others = self.address.servers.len() > 1;
        connection.is_read_only && has_others && connection.opened.elapsed() > READER_MAX
    }

    /// A server did not answer: nothing else is sent on its other connections, and another server is
    /// tried first.
    fn suspect(&self, generation: u64) {
        if generation == self.generation.get() {
            self.generation.set(generation + 1);
            self.idle.borrow_mut().clear();
            self.first.set((self.first.get() + 1) % self.address.servers.len().max(1));
        }
    }
}

/// How long one of so many servers may take to be connected to, of the time that is left.
fn share(within: Duration, left: Option<Duration>, servers: usize) -> Duration {
    let servers = u32::try_from(servers.max(1)).unwrap_or(u32::MAX);
    left.map_or(within, |left| within.min(left / servers))
}

/// How much an error tells, among those of several servers.
fn weight(error: &OpenError) -> u8 {
    match error {
        OpenError::Unreachable { .. } => 0,
        OpenError::Replaced { .. } => 1,
        OpenError::OnlyReplicas { .. } => 2,
        OpenError::ReadOnlySessions { .. } => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_says_nothing_leaves_time_for_the_others() {
        let s = Duration::from_secs;
        assert_eq!(share(s(3), Some(s(30)), 3), s(3));
        assert_eq!(share(s(3), Some(s(6)), 3), s(2));
        // Of those that answered at once it has the time.
        assert_eq!(share(s(3), Some(s(6)), 1), s(3));
        assert_eq!(share(s(3), Some(Duration::ZERO), 2), Duration::ZERO);
        // A store that is opened waits for each of them.
        assert_eq!(share(s(600), None, 3), s(600));
    }
}
