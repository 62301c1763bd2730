//! The servers of a store, the connections to them, and how often something is tried.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use hyper::header::HeaderValue;
use tandem_disk::ErrorCode;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::OpenError;
use crate::address::{Address, User};
use crate::connection::Connection;
use crate::failure::{Failure, Fate, Reason};
use crate::wire::{AuthenticateAnswer, AuthenticateRequest};

/// How long it waits before the second try; each wait is twice as long as the one before.
const PAUSE_MIN: Duration = Duration::from_millis(20);

/// How long it waits between tries at most.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What stands between may have forgotten a connection that nothing has passed for longer.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// How many bytes an answer has that tells a token.
const TOKEN_BYTES_MAX: usize = 64 << 10;

/// Connections, opened when they are needed.
pub(crate) struct Pool {
    address: Address,
    patience: Duration,
    permits: Semaphore,
    idle: RefCell<Vec<Held>>,
    /// The server that is asked. It counts on.
    current: Cell<usize>,
    /// What the user is known by. Whoever holds it is about to ask for one.
    token: Mutex<Option<HeaderValue>>,
    /// Which servers were seen to be of the store's cluster.
    own: RefCell<BTreeSet<usize>>,
}

/// A connection, and which server it is to.
struct Held {
    connection: Connection,
    server: usize,
    since: Instant,
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

/// A server to ask something of, as the user of the store.
pub(crate) struct Asked<'a> {
    pub connection: &'a mut Connection,
    pub server: usize,
    pub token: Option<&'a HeaderValue>,
    /// When it is asked at last.
    pub deadline: Instant,
}

impl Pool {
    pub fn new(address: Address, connections: usize, patience: Duration) -> Self {
        Pool {
            address,
            patience,
            permits: Semaphore::new(connections),
            idle: RefCell::default(),
            current: Cell::new(0),
            token: Mutex::default(),
            own: RefCell::default(),
        }
    }

    /// Its servers, for people.
    pub fn servers(&self) -> String {
        self.address.shown()
    }

    /// What stands before the keys of the store.
    pub fn prefix(&self) -> &str {
        &self.address.prefix
    }

    /// How long a read waits for one server, so that there is time for another.
    pub fn read_within(&self) -> Duration {
        self.patience / 3
    }

    /// When something that is asked now is to be sent at last.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Connects to the first server that takes a connection, from the current one on; if there is
    /// none, tells the most telling of what they failed with.
    ///
    /// Of the time until a deadline each server that is left has its share, so that one that says
    /// nothing leaves some for the others.
    pub async fn connect(
        &self,
        deadline: Option<Instant>,
    ) -> Result<(Connection, usize), OpenError> {
        let Address { servers, tls, connect_within, .. } = &self.address;
        let mut failed: Option<OpenError> = None;
        let first = self.current.get();
        for server in (first..).take(servers.len()) {
            let at = &servers[server % servers.len()];
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let within = share(*connect_within, left, servers.len() - (server - first));
            match Connection::open(at, tls.as_ref(), within).await {
                Ok(connection) => {
                    self.current.set(server.max(self.current.get()));
                    return Ok((connection, server));
                }
                Err(error) => {
                    let is_away =
                        |error: &OpenError| matches!(error, OpenError::Unreachable { .. });
                    if failed.as_ref().is_none_or(|failed| is_away(failed) && !is_away(&error)) {
                        failed = Some(error);
                    }
                }
            }
        }
        Err(match failed {
            Some(OpenError::Unreachable { source, .. }) => {
                OpenError::Unreachable { hosts: self.servers(), source }
            }
            Some(error) => error,
            None => OpenError::Unreachable { hosts: self.servers(), source: None },
        })
    }

    /// Asks a server, and another one until the deadline as long as it was not carried out for
    /// certain, or repeating it does no harm.
    pub async fn attempt<T>(
        &self,
        deadline: Instant,
        repeat: Repeat,
        mut work: impl AsyncFnMut(Asked<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let within = match repeat {
            Repeat::Read => self.read_within(),
            Repeat::Write => self.patience,
        };
        let mut pause = PAUSE_MIN;
        loop {
            let failure = match self.once(deadline, within, &mut work).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            let may_repeat = match failure.fate {
                Fate::Again => true,
                Fate::Unknown => repeat == Repeat::Read && failure.reason != Reason::TooLarge,
                Fate::Refused => false,
            };
            if !may_repeat || Instant::now() + pause >= deadline {
                return Err(failure);
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn once<T>(
        &self,
        deadline: Instant,
        within: Duration,
        work: &mut impl AsyncFnMut(Asked<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut lease = self.lease(deadline).await?;
        let token = self.token_until(deadline, &mut lease.held).await?;
        let Held { connection, server, .. } = &mut lease.held;
        let asked = Asked { connection, server: *server, token: token.as_ref(), deadline };
        let answer = timeout(within, work(asked)).await;
        let answer = answer.unwrap_or_else(|_| {
            Err(Failure::unknown(format!("the server did not answer within {within:?}")))
        });
        if let Err(failure) = &answer {
            self.learn(lease.held.server, token, failure).await;
        }
        self.give_back(lease);
        answer
    }

    /// What a failure says of its server, and of the token that was shown there.
    pub async fn learn(&self, server: usize, token: Option<HeaderValue>, failure: &Failure) {
        let is_of_token = failure.reason == Reason::Token;
        if failure.is_local || (is_of_token && token.is_none()) {
            self.suspect(server);
        }
        if is_of_token {
            self.forget(token).await;
        }
    }

    /// A server was seen to be of the store's cluster.
    pub fn know(&self, server: usize) {
        self.own.borrow_mut().insert(self.place(server));
    }

    /// What a server answers before it has said of which cluster it is. Nothing was carried out.
    ///
    /// In another cluster other users are known, so a server that refuses may be of another one, even
    /// where one of the own was before. Its refusal is final if no other server is known as one of the
    /// own: or a store would be opened in whichever cluster lets its user in, and one that lost its
    /// privileges would not be told.
    pub fn at_door(&self, server: usize, failure: Failure) -> Failure {
        let place = self.place(server);
        let failure = failure.before().at(&self.address.servers[place].shown);
        let mut own = self.own.borrow_mut();
        let (was_opened, was_own) = (!own.is_empty(), own.contains(&place));
        if failure.fate == Fate::Refused {
            own.remove(&place);
            self.suspect(server);
            let is_final = !was_opened || (was_own && own.is_empty());
            if !is_final {
                return Failure { fate: Fate::Again, code: ErrorCode::Io, ..failure.local() };
            }
        } else if was_opened && !was_own {
            return failure.local();
        }
        failure
    }

    /// Where a server stands in the address.
    fn place(&self, server: usize) -> usize {
        server % self.address.servers.len()
    }

    /// A connection of its own, with the token, for what goes on for long.
    pub async fn apart(&self) -> Result<(Connection, usize, Option<HeaderValue>), Failure> {
        let deadline = self.deadline();
        loop {
            let (connection, server) = self.connect(Some(deadline)).await?;
            let mut held = Held { connection, server, since: Instant::now() };
            match self.token_until(deadline, &mut held).await {
                Err(failure)
                    if failure.fate == Fate::Again && Instant::now() + PAUSE_MIN < deadline =>
                {
                    sleep(PAUSE_MIN).await;
                }
                token => return Ok((held.connection, server, token?)),
            }
        }
    }

    async fn token_until(
        &self,
        deadline: Instant,
        held: &mut Held,
    ) -> Result<Option<HeaderValue>, Failure> {
        let token = timeout_at(deadline, self.token(held)).await;
        token.map_err(|_| Failure::unsent("the user of the store was not known in time"))?
    }

    /// What the user is known by, asked for if there is none.
    async fn token(&self, held: &mut Held) -> Result<Option<HeaderValue>, Failure> {
        let Some(User { name, password }) = &self.address.user else { return Ok(None) };
        let mut token = self.token.lock().await;
        if token.is_none() {
            if held.server != self.current.get() {
                return Err(Failure::unsent("another server is asked by now"));
            }
            let request = AuthenticateRequest { name, password };
            let path = "/v3/auth/authenticate";
            let answer = held.connection.ask(path, &request, None, TOKEN_BYTES_MAX);
            let answer = timeout(self.read_within(), answer).await;
            let answer: Result<AuthenticateAnswer, Failure> = answer.unwrap_or_else(|_| {
                Err(Failure::unknown("the server did not answer who wanted to be known"))
            });
            match answer.and_then(|AuthenticateAnswer { token }| secret(&token)) {
                Ok(known) => *token = Some(known),
                // Then nothing is asked of whoever comes.
                Err(failure) if failure.reason == Reason::NoUsers => return Ok(None),
                Err(failure) => {
                    let failure = self.at_door(held.server, failure);
                    if failure.is_local {
                        self.suspect(held.server);
                    }
                    return Err(failure);
                }
            }
        }
        Ok(token.clone())
    }

    /// Forgets a token that is no longer good, unless there is another one already.
    pub async fn forget(&self, stale: Option<HeaderValue>) {
        let mut token = self.token.lock().await;
        if *token == stale {
            *token = None;
        }
    }

    async fn lease(&self, deadline: Instant) -> Result<Lease<'_>, Failure> {
        let permit = timeout_at(deadline, self.permits.acquire()).await;
        let permit = permit.map_err(|_| Failure::unsent("no connection of the store was free"))?;
        let permit = permit.map_err(|_| Failure::unsent("the store is closed"))?;
        loop {
            let held = self.idle.borrow_mut().pop();
            match held {
                Some(held) if held.since.elapsed() > IDLE_MAX || !self.is_good(&held) => {}
                Some(held) => return Ok(Lease { held, _permit: permit }),
                None => break,
            }
        }
        let connection = timeout_at(deadline, self.connect(Some(deadline))).await;
        let (connection, server) = connection.map_err(|_| {
            Failure::unsent(format!("no server took a connection in time at {}", self.servers()))
        })??;
        Ok(Lease { held: Held { connection, server, since: Instant::now() }, _permit: permit })
    }

    fn is_good(&self, held: &Held) -> bool {
        held.server == self.current.get() && !held.connection.is_over()
    }

    fn give_back(&self, lease: Lease<'_>) {
        let Lease { held, _permit } = lease;
        if self.is_good(&held) {
            self.idle.borrow_mut().push(Held { since: Instant::now(), ..held });
        }
    }

    /// A server did not answer, or is none of the store's: nothing else is sent on its other
    /// connections, and the next one is asked.
    pub fn suspect(&self, server: usize) {
        if server == self.current.get() {
            self.current.set(server + 1);
            self.idle.borrow_mut().clear();
        }
    }
}

/// How long one of so many servers may take to be connected to, of the time that is left.
fn share(within: Duration, left: Option<Duration>, servers: usize) -> Duration {
    let servers = u32::try_from(servers.max(1)).unwrap_or(u32::MAX);
    left.map_or(within, |left| within.min(left / servers))
}

/// A token as it is sent, which nothing shows.
fn secret(token: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(token)
        .map_err(|_| Failure::unknown("the server tells a token that cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Refusal;

    #[test]
    fn what_a_server_refuses_before_it_is_known_is_final_if_no_other_is_known() {
        let address = Address::read("etcd://a,b,c", |_| None).unwrap();
        let pool = Pool::new(address, 2, Duration::from_secs(1));
        let fate = |server| {
            let refusal = Refusal { code: 7, message: "etcdserver: permission denied".into() };
            pool.current.set(server);
            let fate = pool.at_door(server, Failure::said(&refusal)).fate;
            // Whatever it is, it is not asked next.
            assert_eq!(pool.current.get(), server + 1);
            fate
        };
        // The store is being opened.
        assert_eq!(fate(0), Fate::Refused);
        pool.know(0);
        pool.know(1);
        // It may be of another cluster.
        assert_eq!(fate(2), Fate::Again);
        // By now this one, too.
        assert_eq!(fate(3), Fate::Again);
        // None is left that would know better.
        assert_eq!(fate(4), Fate::Refused);
    }

    #[test]
    fn a_server_that_says_nothing_leaves_time_for_the_others() {
        let s = Duration::from_secs;
        assert_eq!(share(s(3), Some(s(30)), 3), s(3));
        assert_eq!(share(s(3), Some(s(6)), 3), s(2));
        // Of those that answered at once it has the time.
        assert_eq!(share(s(3), Some(s(6)), 1), s(3));
        // A store that is opened waits for each of them.
        assert_eq!(share(s(600), None, 3), s(600));
    }
}
