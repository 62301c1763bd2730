//! Where runs are read from. Whoever shows runs knows this, and nothing of where they are kept.

use std::os::fd::BorrowedFd;
use std::time::SystemTime;

use super::known::Known;
use super::row::Row;
use super::select::Selection;

/// Runs that are kept somewhere.
pub trait Source: Send + Sync {
    /// Hands out the selected runs, some at once, as they are found and by several threads, until
    /// the answer is `false`.
    ///
    /// Nothing that is wrong with one task or run hides the others: it becomes that row's detail.
    ///
    /// # Errors
    /// Why no run can be listed.
    fn each(
        &self,
        selection: &Selection,
        found: &(dyn Fn(Vec<Row>) -> bool + Sync),
    ) -> Result<(), String>;

    /// Looks at all selected runs, and from then on at what changes.
    ///
    /// # Errors
    /// Why no run can be listed.
    fn follow(self: Box<Self>, selection: Selection) -> Result<Box<dyn Follow>, String>;

    /// The manifest of a run as it is kept, if there is one.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn manifest(&self, task: &str, run: &str) -> Result<Option<Vec<u8>>, String>;
}

/// Runs that are followed: all were looked at once.
pub trait Follow: Send {
    /// Looks at what has changed, and tells of each run that may have.
    ///
    /// # Errors
    /// Why no run can be listed any more.
    fn update(&mut self, tell: Tell<'_>) -> Result<(), String>;

    /// What is known of each run.
    fn known(&self) -> Box<dyn Iterator<Item = &Known> + '_>;

    /// Why the store cannot be reached, as long as it cannot. What is known then is of before, or
    /// nothing, and says nothing of what became of any run.
    fn away(&self) -> Option<String>;

    /// When runs are judged: by the clock of who watches, and while the store is away, as of the last
    /// time that it was not, since no run can show a sign of life then.
    fn judged_at(&self) -> SystemTime;

    /// Why changes are looked for and not told, if they should be told.
    fn note(&self) -> Option<String>;

    /// What can be read when something has changed, if the store tells it.
    fn notices(&self) -> Option<BorrowedFd<'_>>;
}

/// Is told of runs that may have changed.
pub type Tell<'a> = &'a mut dyn FnMut(Word<'_>);

/// What a look came to.
#[derive(Clone, Copy, Debug)]
pub enum Word<'a> {
    /// The run is there, and this is known of it now.
    Is(&'a Known),
    /// It is no more; this was known of it.
    Gone(&'a Known),
}
