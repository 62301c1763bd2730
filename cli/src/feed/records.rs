//! Runs that are over: what of them is not recorded though it was asked for.

use std::collections::BTreeMap;

use tandem_host::{Error, ErrorKind};

use super::name::Name;
use crate::plain::message;

/// Runs that could not be recorded, and why. The last answer for a run counts.
#[derive(Debug, Default)]
pub struct Unrecorded {
    failed: BTreeMap<Name, String>,
    /// How often each run is being recorded.
    in_flight: BTreeMap<Name, usize>,
}

impl Unrecorded {
    /// A run is to be recorded.
    pub fn started(&mut self, name: Name) {
        *self.in_flight.entry(name).or_default() += 1;
    }

    /// A run is recorded.
    pub fn recorded(&mut self, name: &Name) {
        self.ended(name);
        self.failed.remove(name);
    }

    /// A run is not recorded. One that was refused was never to be.
    pub fn failed(&mut self, name: Name, error: &Error) {
        self.ended(&name);
        let is_refused = matches!(
            error.kind(),
            ErrorKind::InvalidInput | ErrorKind::InvalidId | ErrorKind::TooLarge
        );
        if !is_refused {
            self.failed.insert(name, message(error));
        }
    }

    /// All of them, with those that are still being recorded.
    pub fn all(mut self) -> impl Iterator<Item = (Name, String)> {
        let why = "the wait for its summary and history was ended";
        self.failed.extend(self.in_flight.into_keys().map(|name| (name, why.to_owned())));
        self.failed.into_iter()
    }

    fn ended(&mut self, name: &Name) {
        if let Some(calls) = self.in_flight.get_mut(name) {
            *calls -= 1;
            if *calls == 0 {
                self.in_flight.remove(name);
            }
        }
    }
}
