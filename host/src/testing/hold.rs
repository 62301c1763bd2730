//! A layer that holds calls back.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::{Call, Layer};
use crate::disk::ErrorCode;

type Predicate = Box<dyn Fn(&Call) -> bool + Send + Sync>;

/// Holds back chosen calls until the test lets them go. Clones share the gates.
#[derive(Clone, Default)]
pub struct Hold {
    rules: Arc<Mutex<Vec<Arc<Rule>>>>,
}

/// Holds the calls of one rule of a [`Hold`]. Dropping it changes nothing.
#[derive(Clone, Debug)]
pub struct Gate {
    state: watch::Sender<GateState>,
}

#[derive(Clone, Copy, Debug, Default)]
struct GateState {
    is_open: bool,
    held: usize,
}

struct Rule {
    place: HoldPoint,
    matches: Predicate,
    opens: Option<Predicate>,
    gate: Gate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum HoldPoint {
    Before,
    After,
}

impl Hold {
    /// Nothing is held.
    pub fn new() -> Self {
        Hold::default()
    }

    /// Hold matching calls before they reach the disk.
    pub fn before(&self, matches: impl Fn(&Call) -> bool + Send + Sync + 'static) -> Gate {
        self.add(HoldPoint::Before, Box::new(matches), None)
    }

    /// Hold the outcome of matching calls after they took effect.
    pub fn after(&self, matches: impl Fn(&Call) -> bool + Send + Sync + 'static) -> Gate {
        self.add(HoldPoint::After, Box::new(matches), None)
    }

    /// Hold matching calls before they reach the disk, until a call that `opens` matches was
    /// issued: "hold the manifest's write until the heartbeat's write was issued".
    pub fn until(
        &self,
        matches: impl Fn(&Call) -> bool + Send + Sync + 'static,
        opens: impl Fn(&Call) -> bool + Send + Sync + 'static,
    ) -> Gate {
        self.add(HoldPoint::Before, Box::new(matches), Some(Box::new(opens)))
    }

    fn add(&self, place: HoldPoint, matches: Predicate, opens: Option<Predicate>) -> Gate {
        let gate = Gate { state: watch::Sender::new(GateState::default()) };
        let rule = Rule { place, matches, opens, gate: gate.clone() };
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(rule));
        gate
    }

    async fn pass(&self, place: HoldPoint, call: &Call) {
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if place == HoldPoint::Before {
            for rule in rules.iter().filter(|r| r.opens.as_ref().is_some_and(|o| o(call))) {
                rule.gate.release();
            }
        }
        for rule in rules.iter().filter(|r| r.place == place && (r.matches)(call)) {
            rule.gate.wait().await;
        }
    }
}

impl Gate {
    /// Let the held calls go, and every later one.
    pub fn release(&self) {
        self.state.send_modify(|state| state.is_open = true);
    }

    /// Hold matching calls again that come from now on.
    pub fn close(&self) {
        self.state.send_modify(|state| state.is_open = false);
    }

    /// How many calls are held now.
    pub fn held(&self) -> usize {
        self.state.borrow().held
    }

    /// Wait until at least `count` calls are held.
    pub async fn reached(&self, count: usize) {
        let mut states = self.state.subscribe();
        // Fails only if every gate is gone, and this is one.
        let _ = states.wait_for(|state| state.held >= count).await;
    }

    async fn wait(&self) {
        let mut states = self.state.subscribe();
        if states.borrow().is_open {
            return;
        }
        self.state.send_modify(|state| state.held += 1);
        // As in `reached`.
        let _ = states.wait_for(|state| state.is_open).await;
        self.state.send_modify(|state| state.held -= 1);
    }
}

impl Layer for Hold {
    async fn before(&self, call: &Call) -> Result<(), ErrorCode> {
        self.pass(HoldPoint::Before, call).await;
        Ok(())
    }

    async fn after(&self, call: &Call, outcome: Result<(), ErrorCode>) -> Result<(), ErrorCode> {
        self.pass(HoldPoint::After, call).await;
        outcome
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}
