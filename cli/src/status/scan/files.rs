//! Runs that are kept in files.

use std::path::Path;
use std::time::SystemTime;

use super::directory::subdirectory;
use super::file;
use super::follow::Followed;
use super::place::{CLI, can_be_run, can_be_task};
use super::run::{MANIFEST, MANIFEST_BYTES_MAX};
use super::scanner::Scanner;
use super::walk::Entries;
use crate::status::row::Row;
use crate::status::select::Selection;
use crate::status::source::{Follow, Source};

/// The runs below a root.
pub struct Files {
    scanner: Scanner,
    /// Whether the system is asked for no word of changes.
    is_polled: bool,
}

impl Files {
    /// # Errors
    /// Why there can be no runs.
    pub fn open(root: &Path, is_polled: bool) -> Result<Self, String> {
        Ok(Files { scanner: Scanner::open(root)?, is_polled })
    }
}

impl Source for Files {
    fn each(
        &self,
        selection: &Selection,
        found: &(dyn Fn(Vec<Row>) -> bool + Sync),
    ) -> Result<(), String> {
        self.scanner.walk(selection, &Entries::new(), &|_, _| {}, &|piece| {
            let now = SystemTime::now();
            let rows = piece.runs.into_iter().map(|(_, entry)| Row::new(entry.known, now));
            found(rows.filter(|row| selection.has_state(row)).collect())
        })
    }

    fn follow(self: Box<Self>, selection: Selection) -> Result<Box<dyn Follow>, String> {
        Ok(Box::new(Followed::start(self.scanner, selection, self.is_polled)?))
    }

    fn manifest(&self, task: &str, run: &str) -> Result<Option<Vec<u8>>, String> {
        if !can_be_task(task.as_ref()) || !can_be_run(run.as_ref()) {
            return Ok(None);
        }
        let Some(runs) = self.scanner.runs()? else { return Ok(None) };
        let Some(dir) = subdirectory(&runs, task.as_ref())? else { return Ok(None) };
        let Some(cli) = subdirectory(&dir, CLI.as_ref())? else { return Ok(None) };
        let Some(dir) = subdirectory(&cli, run.as_ref())? else { return Ok(None) };
        // What is in its place is told, and not opened.
        if file::find(&dir, MANIFEST)?.is_none() {
            return Ok(None);
        }
        let read = file::read(&dir, MANIFEST, MANIFEST_BYTES_MAX)?;
        Ok(read.map(|(_, content)| content))
    }
}
