//! Runs that are over: what of them is not recorded though it was asked for.

use std::collections::BTreeMap;

use tandem_host::{Error, ErrorKind};

use super::request::Name;
use crate::cli::plain::message;

/// Runs that could not be recorded, and why. The last answer for a run counts.
#[derive(Debug, Default)]
pub struct Unrecorded(BTreeMap<Name, String>);

impl Unrecorded {
    /// A run is recorded.
    pub fn recorded(&mut self, name: &Name) {
        self.0.remove(name);
    }

    /// A run is not recorded. One that was refused was never to be.
    pub fn failed(&mut self, name: Name, error: &Error) {
        let is_refused = matches!(
            error.kind(),
            ErrorKind::InvalidInput | ErrorKind::InvalidId | ErrorKind::TooLarge
        );
        if !is_refused {
            self.0.insert(name, message(error));
        }
    }

    /// All of them.
    pub fn all(self) -> impl Iterator<Item = (Name, String)> {
        self.0.into_iter()
    }
}
