//! What requests and answers name.

use serde_json::value::RawValue;

/// The JSON text that ties an answer to its request.
pub type Id = Box<RawValue>;

/// Which run a request is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    pub task: String,
    pub run: String,
}
