//! Where and how a run is recorded, checked once.

use std::time::Duration;

use crate::error::Error;
use crate::ident;
use crate::storage::durable::Durability;

/// The default size limit of a summary.
const MAX_SUMMARY_BYTES: u64 = 16 << 20;
/// The default size limit of a history.
const MAX_HISTORY_BYTES: u64 = 64 << 20;
/// The default lease of the lock.
const LEASE_MS: u64 = 10_000;
/// Leases that are accepted: below, the lock would be lost while its holder works; above, a holder
/// that crashed would stop others for hours.
pub const LEASES_MS: std::ops::RangeInclusive<u64> = 10..=3_600_000;
/// The default patience with the lock.
const LOCK_WAIT_MS: u64 = 30_000;
/// The default age of an abandoned temporary file.
const SWEEP_AFTER_MS: u64 = 3_600_000;
/// The history that is read when there is no other.
pub const LEGACY_NAME: &str = "state.json";

/// Where and how to record a run.
#[derive(Debug, Clone)]
pub struct RecordOptions {
    /// Where the history is.
    pub history: HistoryOptions,
    /// What the summary is to survive.
    pub summary_durability: Durability,
    /// What the history is to survive.
    pub history_durability: Durability,
    /// How many of the last runs are kept.
    pub keep_last: Option<u32>,
    /// The largest summary.
    pub max_summary_bytes: u64,
    /// How long the lock may stand untouched.
    pub lease_ms: u64,
    /// How long to wait for the lock.
    pub lock_wait_ms: u64,
    /// Older temporary files are swept.
    pub sweep_after: Duration,
    /// The directory of all runs.
    pub runs_root: String,
    /// The summary's file name.
    pub summary_name: String,
}

/// Which history, and how much of it.
#[derive(Debug, Clone)]
pub struct HistoryOptions {
    /// The task.
    pub task_id: String,
    /// At most this many runs are told.
    pub limit: Option<u32>,
    /// The largest file.
    pub max_bytes: u64,
    /// The directory of all histories.
    pub root: String,
    /// The file's name.
    pub name: String,
}

impl RecordOptions {
    /// The defaults.
    pub fn new(task_id: impl Into<String>) -> Self {
        RecordOptions {
            history: HistoryOptions::new(task_id),
            summary_durability: Durability::Durable,
            history_durability: Durability::Durable,
            keep_last: None,
            max_summary_bytes: MAX_SUMMARY_BYTES,
            lease_ms: LEASE_MS,
            lock_wait_ms: LOCK_WAIT_MS,
            sweep_after: Duration::from_millis(SWEEP_AFTER_MS),
            runs_root: ".runs".into(),
            summary_name: "manifest.json".into(),
        }
    }

    /// Checks ids, layout and numbers.
    ///
    /// # Errors
    /// [`Error::InvalidId`], [`Error::InvalidInput`].
    pub fn check(&self) -> Result<(), Error> {
        self.history.check()?;
        ident::check_path("runs_root", &self.runs_root)?;
        ident::check_name("summary_name", &self.summary_name)?;
        if self.keep_last == Some(0) {
            return Err(Error::invalid_input("keep_last is below 1: 0"));
        }
        if !LEASES_MS.contains(&self.lease_ms) {
            let message = format!("lease_ms is not from 10 to 3600000: {}", self.lease_ms);
            return Err(Error::invalid_input(message));
        }
        Ok(())
    }
}

impl HistoryOptions {
    /// The defaults.
    pub fn new(task_id: impl Into<String>) -> Self {
        HistoryOptions {
            task_id: task_id.into(),
            limit: None,
            max_bytes: MAX_HISTORY_BYTES,
            root: "out".into(),
            name: "runs.json".into(),
        }
    }

    /// Checks the id and the layout.
    ///
    /// # Errors
    /// [`Error::InvalidId`], [`Error::InvalidInput`].
    pub fn check(&self) -> Result<(), Error> {
        ident::check("task id", &self.task_id)?;
        ident::check_path("history_root", &self.root)?;
        ident::check_name("history_name", &self.name)?;
        if self.name.eq_ignore_ascii_case(LEGACY_NAME) {
            let message = format!("history_name is that of the older format: {:?}", self.name);
            return Err(Error::invalid_input(message));
        }
        Ok(())
    }

    /// The directory of the history.
    pub fn directory(&self) -> String {
        format!("{}/{}", self.root, self.task_id)
    }
}
