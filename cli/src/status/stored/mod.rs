//! Runs that are kept in a store.

pub mod clocks;
mod follow;
pub mod key;
mod reader;
pub mod runs;

use std::sync::Arc;
use std::time::SystemTime;

use futures::executor::block_on;
use tandem_documents::Documents;

use super::row::Row;
use super::scan::MANIFEST_BYTES_MAX;
use super::select::Selection;
use super::source::{Follow, Source};
use crate::plain::sentence;
use follow::FollowedStore;
use key::manifest_key;
use reader::Reader;
use runs::StoredRuns;

/// How many rows are handed out at once.
const ROWS_AT_ONCE: usize = 1_000;

/// The runs of a store.
pub struct Stored<D> {
    store: Arc<D>,
}

impl<D: Documents> Stored<D> {
    pub fn new(store: D) -> Self {
        Stored { store: Arc::new(store) }
    }
}

impl<D: Documents> Source for Stored<D> {
    /// Of one run the documents may come in different parts, so all are read before the first is
    /// handed out.
    fn each(
        &self,
        selection: &Selection,
        found: &(dyn Fn(Vec<Row>) -> bool + Sync),
    ) -> Result<(), String> {
        let (told, _) = block_on(Reader::new(self.store.clone(), selection.clone()).all())?;
        let mut runs = StoredRuns::default();
        let now = SystemTime::now();
        runs.begin_anew(told, now, &mut |_| {});
        let rows = runs.known().map(|known| Row::new(known.clone(), now));
        let rows: Vec<Row> = rows.filter(|row| selection.has_state(row)).collect();
        for rows in rows.chunks(ROWS_AT_ONCE) {
            if !found(rows.to_vec()) {
                break;
            }
        }
        Ok(())
    }

    fn follow(self: Box<Self>, selection: Selection) -> Result<Box<dyn Follow>, String> {
        Ok(Box::new(FollowedStore::start(Reader::new(self.store, selection))?))
    }

    fn manifest(&self, task: &str, run: &str) -> Result<Option<Vec<u8>>, String> {
        let Some(key) = manifest_key(task, run) else { return Ok(None) };
        let found = block_on(self.store.get(&key)).map_err(|trouble| sentence(&trouble))?;
        let Some(body) = found.and_then(|document| document.body) else { return Ok(None) };
        if body.len() as u64 > MANIFEST_BYTES_MAX {
            return Err(format!("manifest.json is above the limit of {MANIFEST_BYTES_MAX} bytes"));
        }
        Ok(Some(body.to_vec()))
    }
}
