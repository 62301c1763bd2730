//! What prune has to know of where runs are kept.

use std::collections::BTreeSet;

use super::kept::Kept;
use super::leftovers::Leftovers;
use super::summary::FoundSummary;

/// Where the runs of tasks are kept.
pub trait RunsPlace {
    /// The tasks that have runs or, if asked for, a history.
    ///
    /// # Errors
    /// They cannot be listed.
    fn tasks(&self, has_history: bool) -> Result<BTreeSet<String>, String>;

    /// Refuses a task in whose place is what is not of the layout.
    ///
    /// # Errors
    /// One sentence that says so.
    fn check(&self, task: &str) -> Result<(), String>;

    /// What is there of a task now, if anything is.
    ///
    /// # Errors
    /// It cannot be looked at.
    fn task(&self, task: &str) -> Result<Option<Box<dyn TaskPlace>>, String>;

    /// Counts what a sweep by the library removes and counts, if nothing changes until then.
    ///
    /// # Errors
    /// It cannot be looked for.
    fn leftovers(&self, task: &str) -> Result<Leftovers, String>;
}

/// What is there of one task.
pub trait TaskPlace {
    /// The runs that have a place of their own.
    ///
    /// # Errors
    /// They cannot be listed.
    fn runs(&self) -> Result<Vec<String>, String>;

    /// The runs in whose summary's place something is, or may be.
    ///
    /// # Errors
    /// As [`runs`](TaskPlace::runs).
    fn summaries(&self) -> Result<Vec<String>, String>;

    /// How a run stands that has a place of its own.
    fn kept(&self, run: &str) -> Kept;

    /// What is in the place of a run's summary, if anything is.
    fn summary(&self, run: &str) -> Option<FoundSummary>;
}
