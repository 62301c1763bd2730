//! Timers of the virtual clock, and what else a component has from a simulated disk.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;

use super::blocking::Surroundings;
use super::disk::SimDisk;

/// Somebody who waits for the clock.
pub struct Timer {
    disk: SimDisk,
    id: u64,
}

impl Timer {
    pub(crate) fn new(disk: &SimDisk) -> Self {
        let id = disk.world().next_timer();
        Timer { disk: disk.clone(), id }
    }

    /// Whether the clock has come so far; if not, whoever asks is woken then.
    pub(crate) fn poll(&self, when_ns: u64, cx: &mut Context<'_>) -> Poll<()> {
        let mut world = self.disk.world();
        if world.now_ns >= when_ns {
            world.timers.remove(&self.id);
            return Poll::Ready(());
        }
        world.timers.insert(self.id, (when_ns, cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.disk.world().timers.remove(&self.id);
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").finish_non_exhaustive()
    }
}

/// The virtual clock and the randomness of a disk.
impl Surroundings for SimDisk {
    fn now_ns(&self) -> u64 {
        SimDisk::now_ns(self)
    }

    fn since_epoch(&self) -> Duration {
        self.wall_clock()
    }

    fn wait_until(&self, when_ns: u64) -> BoxFuture<'static, ()> {
        let timer = Timer::new(self);
        Box::pin(poll_fn(move |cx| timer.poll(when_ns, cx)))
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.world().random.fill(bytes);
    }
}
