//! What a torture run tells.

use crate::sim::Model;

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Distinct crash states that were recovered.
    pub states: u64,
    /// Runs of a workload with a fault in one of its calls.
    pub faults: u64,
    /// Orders in which calls in flight were completed.
    pub orders: u64,
    /// Broken promises.
    pub violations: u64,
    /// Units of work that ended.
    pub units: u64,
}

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The seed it was given.
    pub seed: u64,
    /// Its counts.
    pub counts: Progress,
    /// The same for the same seed, the same number of states, the same models, the same component
    /// and the same build of this library, on any number of threads.
    pub trace_hash: u64,
    /// What was broken, in the order of the units; at most [`VIOLATIONS_MAX`].
    pub violations: Vec<Violation>,
}

/// A run ends when it has found this many.
pub const VIOLATIONS_MAX: usize = 10;

/// A promise that the component broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The unit that found it. With the seed it replays.
    pub unit: u64,
    /// The model of the unit's disk.
    pub model: Model,
    /// What was promised and what was found, in one sentence.
    pub sentence: String,
    /// The workload's calls and the disk's, in order.
    pub steps: Vec<String>,
    /// The files before the crash, a line each.
    pub before: Vec<String>,
    /// The files after it, a line each; nothing if there was no crash.
    pub after: Option<Vec<String>>,
}
