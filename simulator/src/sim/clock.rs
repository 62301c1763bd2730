//! Timers of the virtual clock.

use std::fmt;
use std::task::{Context, Poll};

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
