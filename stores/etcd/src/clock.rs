//! The clock of a store, which is its host's: etcd has none that can be asked.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

/// Tells the system's time, and never one time twice.
pub(crate) struct Clock(Cell<SystemTime>);

impl Clock {
    /// A clock that has told nothing.
    pub fn new() -> Self {
        Clock(Cell::new(SystemTime::UNIX_EPOCH))
    }

    /// The time for a document: later than any before.
    pub fn stamp(&self) -> SystemTime {
        self.later_than(SystemTime::now())
    }

    /// The time now, and not before any that a document has.
    pub fn now(&self) -> SystemTime {
        SystemTime::now().max(self.0.get())
    }

    fn later_than(&self, now: SystemTime) -> SystemTime {
        // A microsecond, since not every system tells less apart.
        let next = self.0.get().checked_add(Duration::from_micros(1)).unwrap_or(now);
        self.0.set(now.max(next));
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_told_twice_though_the_system_stands_still_or_goes_back() {
        let clock = Clock::new();
        let now = SystemTime::now();
        let first = clock.later_than(now);
        let second = clock.later_than(now);
        let third = clock.later_than(now - Duration::from_secs(60));
        assert!(first < second && second < third);
        assert!(clock.now() >= third);
    }
}
