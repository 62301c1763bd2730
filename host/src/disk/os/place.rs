//! Where calls are made: where they are asked for, or on a worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::failed::Failed;
use super::workers::Workers;
use crate::disk::ErrorCode;
use crate::events;

/// On which threads an [`OsDisk`](super::OsDisk) makes its calls. It has up to 512 workers, made as
/// they are needed; where the system has no thread left, calls wait for those there are, and without
/// any they are made in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Threads {
    /// What the system answers from memory is made where it is asked for: open, create, rename,
    /// remove, stat, and writes of at most 256 KiB. On a local file system each takes microseconds,
    /// some tens for the largest writes and for a rename; a hop to a worker and back takes ten.
    /// Syncs, reads, listings and larger writes go to workers.
    ///
    /// Such a call can take long where a file system is busy with its journal, memory is short, or
    /// the directory is on a network. After one that took more than 20 ms all of them go to workers
    /// for a minute; then one of them is tried in place again. A call in place that hangs, as on the
    /// mount of a server that is gone, stops every run of its component until it ends: where that can
    /// happen, choose [`Workers`](Threads::Workers).
    #[default]
    InPlace,
    /// Every call goes to a worker. For a directory on a network, and for a component that the
    /// embedder's own runtime drives, which must not be blocked for microseconds either.
    Workers,
}

/// How long an operation can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cost {
    /// Answered from the system's caches.
    Cheap,
    /// Waits for the device.
    Device,
}

/// Decides, and makes calls. Clones share what they learnt.
#[derive(Clone, Debug)]
pub(super) struct Place {
    threads: Threads,
    started: Instant,
    patience: Arc<Patience>,
    workers: Workers,
}

/// Whether cheap calls have shown themselves to be cheap.
#[derive(Debug, Default)]
struct Patience {
    /// On a clock that begins with the disk.
    slow_until_ms: AtomicU64,
    #[cfg(test)]
    is_endless: std::sync::atomic::AtomicBool,
}

/// A call that took longer was not cheap.
const CHEAP_MAX: Duration = Duration::from_millis(20);
/// For so long nothing is made in place then.
const SLOW_MS: u64 = 60_000;

impl Place {
    pub(super) fn new(threads: Threads) -> Self {
        Place {
            threads,
            started: Instant::now(),
            patience: Arc::default(),
            workers: Workers::new(),
        }
    }

    /// Whether a call of this cost is to be made where it is asked for.
    pub(super) fn is_here(&self, cost: Cost) -> bool {
        (self.threads, cost) == (Threads::InPlace, Cost::Cheap)
            && self.patience.lasts(|| self.now_ms())
    }

    /// Makes a call here, which [`is_here`](Place::is_here) allowed.
    pub(super) fn make<T>(&self, call: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = call();
        self.patience.spend(began.elapsed(), || self.now_ms());
        result
    }

    /// Makes a call, here or on a worker. `name` is the system's name of it.
    pub(super) async fn run<T, W>(
        &self,
        name: &'static str,
        cost: Cost,
        call: W,
    ) -> Result<T, ErrorCode>
    where
        T: Send + 'static,
        W: FnOnce() -> Result<T, Failed> + Send + 'static,
    {
        self.attempt(cost, call).await.map_err(|failed| failed.tell(name))
    }

    /// Makes a call that opens something, as [`run`](Place::run) does. Where no descriptor is left a
    /// worker tries again for a while: other calls give theirs back soon.
    pub(super) async fn open<T, W>(
        &self,
        name: &'static str,
        cost: Cost,
        call: W,
    ) -> Result<T, ErrorCode>
    where
        T: Send + 'static,
        W: Fn() -> Result<T, Failed> + Clone + Send + 'static,
    {
        let again = call.clone();
        match self.attempt(cost, call).await {
            Err(failed) if failed.lacks_descriptor() => {
                self.run(name, Cost::Device, move || patiently(&again)).await
            }
            result => result.map_err(|failed| failed.tell(name)),
        }
    }

    /// Makes a call, here or on a worker.
    async fn attempt<T, W>(&self, cost: Cost, call: W) -> Result<T, Failed>
    where
        T: Send + 'static,
        W: FnOnce() -> Result<T, Failed> + Send + 'static,
    {
        if self.is_here(cost) { self.make(call) } else { self.workers.call(call).await }
    }

    /// Who makes calls that wait.
    pub(super) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// The same with other workers, for tests that keep them busy.
    #[cfg(test)]
    pub(super) fn with_workers(self, workers: Workers) -> Self {
        Place { workers, ..self }
    }

    /// Has no call count as slow, for tests that ask where calls are made.
    #[cfg(test)]
    pub(super) fn forgiving(self) -> Self {
        self.patience.is_endless.store(true, Ordering::Relaxed);
        self
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// How long a descriptor is waited for.
const DESCRIPTOR_WAIT: Duration = Duration::from_secs(1);
/// The longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_millis(20);

/// Makes a call until there is a descriptor for it.
fn patiently<T>(call: &impl Fn() -> Result<T, Failed>) -> Result<T, Failed> {
    let began = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match call() {
            Err(failed) if failed.lacks_descriptor() && began.elapsed() < DESCRIPTOR_WAIT => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(PAUSE_MAX);
            }
            result => return result,
        }
    }
}

impl Patience {
    /// The clock is read only if there was a slow call: most disks never have one.
    fn lasts(&self, now_ms: impl FnOnce() -> u64) -> bool {
        let slow_until_ms = self.slow_until_ms.load(Ordering::Relaxed);
        slow_until_ms == 0 || now_ms() >= slow_until_ms
    }

    fn spend(&self, took: Duration, now_ms: impl FnOnce() -> u64) {
        #[cfg(test)]
        if self.is_endless.load(Ordering::Relaxed) {
            return;
        }
        if took > CHEAP_MAX {
            events::slow(took);
            self.slow_until_ms.store(now_ms().saturating_add(SLOW_MS), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_slow_call_none_is_made_in_place_for_a_minute() {
        let patience = Patience::default();
        assert!(patience.lasts(|| 0));
        patience.spend(Duration::from_millis(20), || 5_000);
        assert!(patience.lasts(|| 5_000));
        patience.spend(Duration::from_millis(21), || 5_000);
        assert!(!patience.lasts(|| 5_000) && !patience.lasts(|| 64_999));
        assert!(patience.lasts(|| 65_000));
        // Another one begins the minute anew.
        patience.spend(Duration::from_secs(1), || 70_000);
        assert!(!patience.lasts(|| 129_999) && patience.lasts(|| 130_000));
    }

    #[test]
    fn the_clock_is_read_only_after_a_slow_call() {
        let patience = Patience::default();
        assert!(patience.lasts(|| unreachable!()));
        patience.spend(Duration::from_millis(20), || unreachable!());
        assert!(patience.lasts(|| unreachable!()));
    }

    #[tokio::test]
    async fn a_descriptor_that_is_given_back_is_waited_for() {
        let place = Place::new(Threads::InPlace);
        let tries = Arc::new(AtomicU64::new(0));
        let open = move || match tries.fetch_add(1, Ordering::Relaxed) {
            ..3 => Err(Failed::from(rustix::io::Errno::MFILE)),
            tries => Ok(tries),
        };
        assert_eq!(place.open("open", Cost::Cheap, open).await, Ok(3));
        let missing = || Err::<(), _>(Failed::from(rustix::io::Errno::NOENT));
        assert_eq!(place.open("open", Cost::Cheap, missing).await, Err(ErrorCode::NoEntry));
    }

    #[tokio::test]
    async fn a_slow_disk_s_calls_go_to_workers() {
        let place = Place::new(Threads::InPlace);
        let here = std::thread::current().id();
        let ran = || Ok(std::thread::current().id());
        assert_eq!(place.run("call", Cost::Cheap, ran).await, Ok(here));
        assert_ne!(place.run("call", Cost::Device, ran).await, Ok(here));
        let slow = || {
            std::thread::sleep(CHEAP_MAX + Duration::from_millis(5));
            Ok(())
        };
        assert_eq!(place.run("call", Cost::Cheap, slow).await, Ok(()));
        assert_ne!(place.clone().run("call", Cost::Cheap, ran).await, Ok(here));
        let workers = Place::new(Threads::Workers);
        assert_ne!(workers.run("call", Cost::Cheap, ran).await, Ok(here));
    }
}
