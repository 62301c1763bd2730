//! What plays calls: a component in a host.

use std::path::Path;

use tandem_tests::blocking::Limits;

use crate::call::{Call, Outcome};

/// A component that was started, or why it was not.
pub type Started = Result<Box<dyn Host>, String>;

/// A kind of host.
#[derive(Clone, Copy)]
pub struct Kind {
    /// The name of its files of expected failures and results.
    pub name: &'static str,
    /// Starts a component on a directory, with limits.
    pub start: fn(&Path, Limits) -> Started,
}

pub trait Host {
    /// Makes a call and waits for its outcome.
    fn call(&mut self, call: &Call) -> Outcome;

    /// Several calls at once, if calls of this host do not block.
    fn in_flight(&mut self) -> Option<&mut dyn InFlight>;
}

pub trait InFlight {
    /// Makes a call and goes on.
    fn start(&mut self, name: &str, call: &Call) -> Result<(), String>;

    /// Whether a call has no outcome yet, after the component had every chance to find one.
    fn is_waiting(&mut self, name: &str) -> Result<bool, String>;

    /// Lets the component go on for a moment.
    fn go_on(&mut self);

    /// Waits for the outcome of a call.
    fn wait(&mut self, name: &str) -> Result<Outcome, String>;
}
