//! A layer that makes calls fail.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Call, Layer};
use crate::disk::ErrorCode;

/// Fails chosen calls. Clones share the faults.
#[derive(Clone, Debug, Default)]
pub struct Fail {
    faults: Arc<Mutex<Vec<Planned>>>,
}

/// Which call fails, how, and when.
pub struct Fault {
    matches: Box<dyn Fn(&Call) -> bool + Send + Sync>,
    code: ErrorCode,
    nth: u64,
    is_sticky: bool,
    is_after: bool,
}

#[derive(Debug)]
struct Planned {
    fault: Fault,
    seen: u64,
    /// Calls that go through and whose outcome is to be an error.
    doomed: Vec<u64>,
    injected: u64,
}

impl Fault {
    /// The first call that matches fails with `code`, before it reaches the disk.
    pub fn new(code: ErrorCode, matches: impl Fn(&Call) -> bool + Send + Sync + 'static) -> Self {
        Fault { matches: Box::new(matches), code, nth: 1, is_sticky: false, is_after: false }
    }

    /// The `nth` call that matches fails, counted from 1.
    pub fn nth(self, nth: u64) -> Self {
        Fault { nth, ..self }
    }

    /// So do all that match after it.
    pub fn sticky(self) -> Self {
        Fault { is_sticky: true, ..self }
    }

    /// The call takes effect on the disk and then fails.
    pub fn after_effect(self) -> Self {
        Fault { is_after: true, ..self }
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault")
            .field("code", &self.code)
            .field("nth", &self.nth)
            .field("is_sticky", &self.is_sticky)
            .field("is_after", &self.is_after)
            .finish_non_exhaustive()
    }
}

impl Fail {
    /// Nothing fails.
    pub fn new() -> Self {
        Fail::default()
    }

    /// Plan a fault. Calls that match are counted from now on.
    pub fn add(&self, fault: Fault) {
        self.faults().push(Planned { fault, seen: 0, doomed: Vec::new(), injected: 0 });
    }

    /// Forget every fault: the disk works again.
    pub fn clear(&self) {
        self.faults().clear();
    }

    /// How many calls the faults planned now have failed.
    pub fn injected(&self) -> u64 {
        self.faults().iter().map(|planned| planned.injected).sum()
    }

    fn faults(&self) -> MutexGuard<'_, Vec<Planned>> {
        // Counters are whole after every step, whatever panicked.
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Layer for Fail {
    async fn before(&self, call: &Call) -> Result<(), ErrorCode> {
        let mut outcome = Ok(());
        for planned in self.faults().iter_mut() {
            if !(planned.fault.matches)(call) {
                continue;
            }
            planned.seen += 1;
            let is_hit = planned.seen == planned.fault.nth
                || (planned.fault.is_sticky && planned.seen > planned.fault.nth);
            if is_hit && planned.fault.is_after {
                planned.doomed.push(call.id);
            } else if is_hit && outcome.is_ok() {
                planned.injected += 1;
                outcome = Err(planned.fault.code);
            }
        }
        outcome
    }

    async fn after(&self, call: &Call, outcome: Result<(), ErrorCode>) -> Result<(), ErrorCode> {
        let mut outcome = outcome;
        for planned in self.faults().iter_mut() {
            let doomed = planned.doomed.len();
            planned.doomed.retain(|id| *id != call.id);
            if planned.doomed.len() < doomed && outcome.is_ok() {
                planned.injected += 1;
                outcome = Err(planned.fault.code);
            }
        }
        outcome
    }
}
