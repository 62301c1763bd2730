//! Reads what a store has of runs, and what changes there.

use std::sync::Arc;
use std::time::SystemTime;

use tandem_documents::{Cursor, Documents, Trouble};

use super::clocks::Clocks;
use super::key::{ALL, task_prefix};
use super::runs::Told;
use crate::plain::sentence;
use crate::status::select::Selection;

/// Reads the runs that may be selected.
pub struct Reader<D> {
    store: Arc<D>,
    selection: Selection,
    prefix: String,
}

/// What was read at once.
pub struct RunChanges {
    /// Whether it is everything.
    pub is_anew: bool,
    pub told: Vec<Told>,
    pub next: Cursor,
}

impl<D: Documents> Reader<D> {
    pub fn new(store: Arc<D>, selection: Selection) -> Self {
        let prefix = match &selection.tasks[..] {
            [task] => task_prefix(task),
            _ => ALL.to_owned(),
        };
        Reader { store, selection, prefix }
    }

    /// All that is there, and where to go on.
    ///
    /// # Errors
    /// The store's, in one sentence.
    pub async fn all(&self) -> Result<(Vec<Told>, Cursor), String> {
        let answer = self.changed(None).await?;
        Ok((answer.told, answer.next))
    }

    /// What changed since a cursor; it may wait for a while if nothing has. What is told anew is told
    /// to its end.
    ///
    /// # Errors
    /// As [`all`](Reader::all).
    pub async fn changed(&self, since: Option<Cursor>) -> Result<RunChanges, String> {
        self.read(since).await.map_err(|trouble| sentence(&trouble))
    }

    async fn read(&self, since: Option<Cursor>) -> Result<RunChanges, Trouble> {
        let mut cursor = since;
        let mut clocks = None;
        let mut answer = Vec::new();
        loop {
            let changes = self.store.changes(&self.prefix, cursor.as_ref()).await?;
            if changes.is_anew {
                answer.clear();
                clocks = Some(Clocks::ask(&*self.store).await?);
            }
            let now = SystemTime::now();
            for changed in &changes.changed {
                // What changes is seen when it does, whatever time anybody says it is.
                let at = match &clocks {
                    Some(clocks) => clocks.own(&changed.document),
                    None => Some(now),
                };
                answer.extend(Told::read(changed, at, &self.selection));
            }
            // A part of what changed can be shown; of everything, what is missing is not gone.
            if !changes.has_more || clocks.is_none() {
                return Ok(RunChanges {
                    is_anew: clocks.is_some(),
                    told: answer,
                    next: changes.next,
                });
            }
            cursor = Some(changes.next);
        }
    }
}
