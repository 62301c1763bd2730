//! The lock of a task history: a file that is created exclusively, kept alive by its holder, and
//! taken over when nobody has touched it for its lease. `docs/lock.md` tells the protocol.

use std::borrow::Cow;
use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::settings::LEASES_MS;
use crate::error::{Code, Failure, LockHolder, Operation};
use crate::json;
use crate::json::scan::{decoded, is_object, members, string};
use crate::storage::{Kind, Storage, open_or_create_dir, replace, temp};
use crate::time::{is_timestamp, timestamp};

/// The directory, beside the locks, of those who are about to take one over. No task has its name.
const TAKEOVER: &str = ".takeover";
/// Larger than every lock's record.
const RECORD_BYTES_MAX: u64 = 4096;
const FIRST_PAUSE_NS: u64 = 10_000_000;
const LAST_PAUSE_NS: u64 = 250_000_000;
const NS_PER_MS: u64 = 1_000_000;

/// Where a lock is.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct LockPath {
    /// The directory of all locks.
    pub root: String,
    /// The task.
    pub task_id: String,
}

impl LockPath {
    fn name(&self) -> String {
        format!("{}.lock", self.task_id)
    }

    /// The path of the lock's file.
    pub fn full(&self) -> String {
        format!("{}/{}", self.root, self.name())
    }
}

/// A lock that was acquired. Whether it still is, [`Held::is_held`] tells.
pub struct Held<S: Storage> {
    dir: S::Dir,
    name: String,
    /// The lock's file, which stays this holder's own when another takes the name.
    file: S::File,
    /// 128 random bits, which name the temporary files that are made under this lock.
    pub token: String,
    record: Vec<u8>,
    lease_ms: u64,
}

/// One that wants a lock, and what it has seen of the others.
pub struct Waiter {
    /// The lease that it will have, and grants to a lock whose record tells none.
    pub lease_ms: u64,
    seen: Option<Observation>,
    pause_ns: u64,
}

/// A lock as it stood since a time. Two observations are the same if the record and the file's time are.
pub struct Observation {
    record: Vec<u8>,
    modified: Duration,
    since_ns: u64,
    lease_ns: u64,
}

impl Observation {
    /// When it was first seen as it is.
    pub fn since_ns(&self) -> u64 {
        self.since_ns
    }

    /// What two have seen of one lock: the later observation, but if both are the same, the lock has stood
    /// since the earlier one.
    pub fn and(self, other: Observation) -> Observation {
        let (earlier, later) =
            if self.since_ns <= other.since_ns { (self, other) } else { (other, self) };
        if later.is_of(&earlier.record, earlier.modified) { earlier } else { later }
    }

    fn is_of(&self, record: &[u8], modified: Duration) -> bool {
        self.record == record && self.modified == modified
    }
}

impl Waiter {
    /// One that knows what another has seen.
    pub fn new(seen: Option<Observation>) -> Self {
        Waiter { lease_ms: 0, seen, pause_ns: FIRST_PAUSE_NS }
    }

    /// It had the lock: the next one is another.
    pub fn is_served(&mut self) {
        *self = Waiter::new(None);
    }

    /// Who keeps the lock, as far as it was seen.
    pub fn holder(&self) -> Option<LockHolder> {
        let Observation { record, lease_ns, .. } = self.seen.as_ref()?;
        let acquired_at = member(record, "acquired_at").and_then(string);
        Some(LockHolder {
            acquired_at: acquired_at.map(Cow::into_owned).filter(|time| is_timestamp(time)),
            lease_ms: lease_ns / NS_PER_MS,
        })
    }

    /// What it has seen and not acquired.
    pub fn seen(self) -> Option<Observation> {
        self.seen
    }

    /// Tries once to acquire the lock; none if another holds it.
    ///
    /// # Errors
    /// Whatever does not say that another holds it.
    pub async fn acquire<S: Storage>(
        &mut self,
        storage: &S,
        path: &LockPath,
    ) -> Result<Option<Held<S>>, Failure> {
        let dir = open_or_create_dir(storage, &path.root).await?.dir;
        self.acquire_in(storage, dir, path).await.map_err(|code| Failure {
            channel: None,
            operation: Operation::Lock,
            path: path.full(),
            code,
        })
    }

    async fn acquire_in<S: Storage>(
        &mut self,
        storage: &S,
        dir: S::Dir,
        path: &LockPath,
    ) -> Result<Option<Held<S>>, Code> {
        let name = path.name();
        let token = temp::random(storage);
        let record = self.record(storage, path, &token);
        let file = match storage.create_file(&dir, &name).await {
            Ok(file) => {
                if let Err(code) = storage.write(&file, record.clone()).await {
                    replace::discard(storage, &dir, &name).await;
                    return Err(code);
                }
                file
            }
            Err(Code::EXIST) => {
                if !self.look(storage, &dir, &name).await? {
                    return Ok(None);
                }
                match self.take_over(storage, &dir, path, &token, &record).await? {
                    Some(file) => file,
                    None => return Ok(None),
                }
            }
            Err(code) => return Err(code),
        };
        let held = Held { dir, name, file, token, record, lease_ms: self.lease_ms };
        // Whoever saw an older lock expire, and is about to replace it, must not replace this one.
        if let Err(code) = held.revoke_takers(storage, path).await {
            held.release(storage).await;
            return Err(code);
        }
        match held.is_held(storage).await {
            Ok(true) => Ok(Some(held)),
            Ok(false) => Ok(None),
            Err(code) => {
                held.release(storage).await;
                Err(code)
            }
        }
    }

    /// One line that tells who holds the lock.
    fn record<S: Storage>(&self, storage: &S, path: &LockPath, token: &str) -> Vec<u8> {
        let LockPath { task_id, .. } = path;
        let acquired_at = timestamp(storage.wall_clock());
        let lease_ms = self.lease_ms;
        // An id needs no escapes.
        format!(
            "{{\"version\":1,\"token\":\"{token}\",\"task_id\":\"{task_id}\",\
             \"acquired_at\":\"{acquired_at}\",\"lease_ms\":{lease_ms}}}\n"
        )
        .into_bytes()
    }

    /// Looks at another's lock and tells whether it has expired.
    async fn look<S: Storage>(
        &mut self,
        storage: &S,
        dir: &S::Dir,
        name: &str,
    ) -> Result<bool, Code> {
        let Some((record, modified)) = observe(storage, dir, name).await? else {
            self.seen = None;
            return Ok(false);
        };
        let now_ns = storage.monotonic_ns();
        match &self.seen {
            Some(seen) if seen.is_of(&record, modified) => {
                return Ok(now_ns.saturating_sub(seen.since_ns) >= seen.lease_ns);
            }
            // It changes hands, so it may soon be free again.
            Some(seen) if seen.record != record => self.pause_ns = FIRST_PAUSE_NS,
            _ => {}
        }
        let lease_ms = lease_ms(&record).unwrap_or(self.lease_ms);
        let lease_ns = lease_ms * NS_PER_MS;
        self.seen = Some(Observation { record, modified, since_ns: now_ns, lease_ns });
        Ok(false)
    }

    /// Replaces an expired lock by its own, unless it turns out to have changed, or another was
    /// faster.
    async fn take_over<S: Storage>(
        &mut self,
        storage: &S,
        dir: &S::Dir,
        path: &LockPath,
        token: &str,
        record: &[u8],
    ) -> Result<Option<S::File>, Code> {
        let name = path.name();
        let takers = open_or_create_dir(storage, &format!("{}/{TAKEOVER}", path.root))
            .await
            .map_err(|failure| failure.code)?
            .dir;
        let own = temp::named(&name, token);
        let file = storage.create_file(&takers, &own).await?;
        let replaced = async {
            storage.write(&file, record.to_vec()).await?;
            // From here on a faster one removes the new file, so this look is the last one needed.
            if !self.look(storage, dir, &name).await? {
                return Ok(false);
            }
            match storage.rename(dir, &format!("{TAKEOVER}/{own}"), &name).await {
                Ok(()) => Ok(true),
                Err(Code::NO_ENTRY) => Ok(false),
                Err(code) => Err(code),
            }
        };
        let result = replaced.await;
        if result != Ok(true) {
            replace::discard(storage, &takers, &own).await;
        }
        Ok(result?.then_some(file))
    }

    /// How long to pause before the next try: longer each time, with jitter, but not beyond
    /// `deadline_ns` or the time at which the lock expires.
    pub fn pause_until<S: Storage>(&mut self, storage: &S, deadline_ns: u64) -> u64 {
        let now_ns = storage.monotonic_ns();
        let pause_ns = self.pause_ns / 2 + storage.random() % self.pause_ns;
        self.pause_ns = (self.pause_ns * 2).min(LAST_PAUSE_NS);
        let expiry_ns = self.seen.as_ref().map_or(u64::MAX, |seen| seen.since_ns + seen.lease_ns);
        (now_ns + pause_ns).min(deadline_ns).min(expiry_ns.max(now_ns + NS_PER_MS))
    }
}

/// The record and the time of a lock; none if there is no lock.
async fn observe<S: Storage>(
    storage: &S,
    dir: &S::Dir,
    name: &str,
) -> Result<Option<(Vec<u8>, Duration)>, Code> {
    let stat = match storage.stat(dir, name).await {
        Ok(stat) => stat,
        Err(Code::NO_ENTRY) => return Ok(None),
        Err(code) => return Err(code),
    };
    match stat.kind {
        Kind::File => {}
        Kind::Directory => return Err(Code::IS_DIRECTORY),
        Kind::Other => return Err(Code::EXIST),
    }
    match storage.read(dir, name, RECORD_BYTES_MAX).await {
        Ok(record) => Ok(Some((record, stat.modified))),
        Err(Code::NO_ENTRY) => Ok(None),
        // No lock of ours; its time alone tells whether somebody cares for it.
        Err(Code::FILE_TOO_LARGE) => Ok(Some((Vec::new(), stat.modified))),
        Err(code) => Err(code),
    }
}

/// The lease in a lock's record, if it is one that we would grant.
fn lease_ms(record: &[u8]) -> Option<u64> {
    member(record, "lease_ms")?.parse().ok().filter(|lease| LEASES_MS.contains(lease))
}

/// The text of a member of a lock's record.
fn member<'a>(record: &'a [u8], name: &str) -> Option<&'a str> {
    let text = json::unmarked(std::str::from_utf8(record).ok()?);
    let is_record = json::is_valid(text) && is_object(text);
    let found = is_record.then(|| members(text).find(|(key, _)| decoded(key) == name))?;
    found.map(|(_, value)| value)
}

impl<S: Storage> Held<S> {
    /// Whether the lock is still this holder's own.
    ///
    /// # Errors
    /// The lock cannot be read.
    pub async fn is_held(&self, storage: &S) -> Result<bool, Code> {
        match storage.read(&self.dir, &self.name, RECORD_BYTES_MAX).await {
            Ok(record) => Ok(record == self.record),
            Err(Code::NO_ENTRY | Code::FILE_TOO_LARGE) => Ok(false),
            Err(code) => Err(code),
        }
    }

    /// Takes the files away by which others are about to take this lock over.
    async fn revoke_takers(&self, storage: &S, path: &LockPath) -> Result<(), Code> {
        let takers = match storage.open_dir(&format!("{}/{TAKEOVER}", path.root)).await {
            Ok(takers) => takers,
            Err(Code::NO_ENTRY) => return Ok(()),
            Err(code) => return Err(code),
        };
        let names = storage.list(&takers).await?;
        temp::revoke(storage, &takers, &names, &self.name, &self.token).await
    }

    /// Removes the lock if it is still this holder's own. One that cannot be removed expires.
    pub async fn release(self, storage: &S) {
        if self.is_held(storage).await == Ok(true) {
            replace::discard(storage, &self.dir, &self.name).await;
        }
    }

    /// Does some work and touches the lock every third of its lease meanwhile.
    pub async fn keep<T>(&self, storage: &S, work: impl Future<Output = T>) -> T {
        let is_touching = Cell::new(false);
        let touch = async {
            loop {
                let third_ns = self.lease_ms * NS_PER_MS / 3;
                storage.sleep_until(storage.monotonic_ns() + third_ns).await;
                is_touching.set(true);
                // Whether the lock is lost, the check before the rename tells.
                let _ = storage.write(&self.file, self.record.clone()).await;
                is_touching.set(false);
            }
        };
        let (mut touch, mut work) = (pin!(touch), pin!(work));
        let mut done = None;
        poll_fn(|context| {
            if done.is_none()
                && let Poll::Ready(result) = work.as_mut().poll(context)
            {
                done = Some(result);
            }
            // A touch that has begun is not broken off.
            if done.is_none() || is_touching.get() {
                let _: Poll<Infallible> = touch.as_mut().poll(context);
            }
            if is_touching.get() {
                return Poll::Pending;
            }
            done.take().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}
