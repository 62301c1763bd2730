//! Bounds what one call of the component computes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Store, UpdateDeadline};

use crate::engine::{Limits, TICK_MS};

/// The processor time of the component's thread, in which its calls wait too: whoever waits takes
/// none.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter(Arc<AtomicU64>);

impl Meter {
    /// A call begins.
    pub(super) fn start(&self) {
        self.0.store(thread_ns(), Ordering::Relaxed);
    }

    /// Ends the component of `store` when a call has computed for too long. It asks at each tick of
    /// the epoch.
    pub(super) fn watch<T: 'static>(&self, store: &mut Store<T>, limits: &Limits) {
        let (meter, limit_ms) = (self.clone(), u64::from(limits.ticks) * TICK_MS);
        store.epoch_deadline_callback(move |_| meter.check(limit_ms));
    }

    fn check(&self, limit_ms: u64) -> wasmtime::Result<UpdateDeadline> {
        let computed_ns = thread_ns().saturating_sub(self.0.load(Ordering::Relaxed));
        if computed_ns / 1_000_000 > limit_ms {
            return Err(wasmtime::Error::msg(format!(
                "the component computed for more than {limit_ms} ms in one call"
            )));
        }
        Ok(UpdateDeadline::Continue(1))
    }
}

fn thread_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let ns = i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
    u64::try_from(ns).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_computes_for_too_long_is_ended() {
        let meter = Meter::default();
        meter.start();
        assert!(meter.check(60_000).is_ok());
        let start_ns = thread_ns();
        while thread_ns() - start_ns < 3_000_000 {}
        assert!(meter.check(1).is_err());
    }
}
