//! Where calls are made: where they are asked for, or on a worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::disk::ErrorCode;

/// On which threads an [`OsDisk`](super::OsDisk) makes its calls. Workers are tokio's threads for
/// blocking work.
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
        Place { threads, started: Instant::now(), patience: Arc::default() }
    }

    /// Whether a call of this cost is to be made where it is asked for.
    pub(super) fn is_here(&self, cost: Cost) -> bool {
        (self.threads, cost) == (Threads::InPlace, Cost::Cheap)
            && self.patience.lasts(self.now_ms())
    }

    /// Makes a call here, which [`is_here`](Place::is_here) allowed.
    pub(super) fn make<T>(&self, call: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = call();
        self.patience.spend(began.elapsed(), self.now_ms());
        result
    }

    /// Makes a call, here or on a worker.
    pub(super) async fn run<T, W>(&self, cost: Cost, call: W) -> Result<T, ErrorCode>
    where
        T: Send + 'static,
        W: FnOnce() -> Result<T, ErrorCode> + Send + 'static,
    {
        if self.is_here(cost) { self.make(call) } else { on_worker(call).await }
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

/// Makes a call on a worker.
pub(super) async fn on_worker<T, W>(call: W) -> Result<T, ErrorCode>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T, ErrorCode> + Send + 'static,
{
    match tokio::task::spawn_blocking(call).await {
        Ok(result) => result,
        // The call panicked, or the runtime is being shut down and did not start it.
        Err(_) => Err(ErrorCode::Io),
    }
}

impl Patience {
    fn lasts(&self, now_ms: u64) -> bool {
        now_ms >= self.slow_until_ms.load(Ordering::Relaxed)
    }

    fn spend(&self, took: Duration, now_ms: u64) {
        #[cfg(test)]
        if self.is_endless.load(Ordering::Relaxed) {
            return;
        }
        if took > CHEAP_MAX {
            self.slow_until_ms.store(now_ms.saturating_add(SLOW_MS), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_slow_call_none_is_made_in_place_for_a_minute() {
        let patience = Patience::default();
        assert!(patience.lasts(0));
        patience.spend(Duration::from_millis(20), 5_000);
        assert!(patience.lasts(5_000));
        patience.spend(Duration::from_millis(21), 5_000);
        assert!(!patience.lasts(5_000) && !patience.lasts(64_999));
        assert!(patience.lasts(65_000));
        // Another one begins the minute anew.
        patience.spend(Duration::from_secs(1), 70_000);
        assert!(!patience.lasts(129_999) && patience.lasts(130_000));
    }

    #[tokio::test]
    async fn a_slow_disk_s_calls_go_to_workers() {
        let place = Place::new(Threads::InPlace);
        let here = std::thread::current().id();
        let ran = || Ok(std::thread::current().id());
        assert_eq!(place.run(Cost::Cheap, ran).await, Ok(here));
        assert_ne!(place.run(Cost::Device, ran).await, Ok(here));
        let slow = || {
            std::thread::sleep(CHEAP_MAX + Duration::from_millis(5));
            Ok(())
        };
        assert_eq!(place.run(Cost::Cheap, slow).await, Ok(()));
        assert_ne!(place.clone().run(Cost::Cheap, ran).await, Ok(here));
        let workers = Place::new(Threads::Workers);
        assert_ne!(workers.run(Cost::Cheap, ran).await, Ok(here));
    }
}
