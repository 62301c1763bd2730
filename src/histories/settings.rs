//! Where and how a run is recorded, checked once.

use std::time::Duration;

use crate::error::Error;
use crate::ident;
use crate::limits::{Limits, at_most};
use crate::records::{HistoryOptions, RecordOptions, RemoveOptions};
use crate::storage::durable::Durability;
use crate::storage::temp::SWEEP_AFTER_MS;

/// The default lease of the lock.
const LEASE_MS: u64 = 10_000;
/// Leases that are accepted: below, the lock would be lost while its holder works; above, a holder
/// that crashed would stop others for hours.
pub const LEASES_MS: std::ops::RangeInclusive<u64> = 10..=3_600_000;
/// The default patience with the lock.
const LOCK_WAIT_MS: u64 = 30_000;
/// The default age from which a sign of life tells nothing.
const ALIVE_FOR_MS: u64 = 30_000;
/// The history that is read when there is no other.
pub const LEGACY_NAME: &str = "state.json";

/// Where and how to record a run, with every default.
#[derive(Debug, Clone)]
pub struct RecordSettings {
    /// The task, if it is not to be the summary's.
    pub task_id: Option<String>,
    /// What the summary is to survive.
    pub summary_durability: Durability,
    /// What the history is to survive.
    pub history_durability: Durability,
    /// How many of the last runs are kept.
    pub keep_last: Option<u32>,
    /// The largest summary.
    pub max_summary_bytes: u64,
    /// The largest history.
    pub max_history_bytes: u64,
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
    /// Where histories are.
    pub layout: HistoryLayout,
}

/// Of which task runs are removed, and how, with every default.
#[derive(Debug, Clone)]
pub struct RemoveSettings {
    /// The task.
    pub task_id: String,
    /// Whether the entries in the history go too.
    pub from_history: bool,
    /// Whether the directories of all runs are swept.
    pub sweep: bool,
    /// How recent a sign of life is that keeps a run.
    pub alive_for: Duration,
    /// The largest history.
    pub max_history_bytes: u64,
    /// How long the lock may stand untouched.
    pub lease_ms: u64,
    /// How long to wait for the lock.
    pub lock_wait_ms: u64,
    /// Older temporary files are swept.
    pub sweep_after: Duration,
    /// The directory of all runs.
    pub runs_root: String,
    /// The manifest's file name.
    pub manifest_name: String,
    /// The heartbeat's file name.
    pub heartbeat_name: String,
    /// The summary's file name.
    pub summary_name: String,
    /// Where histories are.
    pub layout: HistoryLayout,
}

/// Which history, and how much of it, with every default.
#[derive(Debug, Clone)]
pub struct HistorySettings {
    /// The task.
    pub task_id: String,
    /// At most this many runs are told.
    pub limit: Option<u32>,
    /// The largest file.
    pub max_history_bytes: u64,
    /// Where histories are.
    pub layout: HistoryLayout,
}

/// Where the histories of all tasks are.
#[derive(Debug, Clone)]
pub struct HistoryLayout {
    /// The directory of all histories.
    pub root: String,
    /// The name of each history's file.
    pub name: String,
}

impl RecordSettings {
    /// Fills in defaults, and checks layout and numbers.
    ///
    /// # Errors
    /// [`Error::InvalidId`], [`Error::InvalidInput`].
    pub fn new(options: RecordOptions, limits: &Limits) -> Result<Self, Error> {
        if let Some(task_id) = &options.task_id {
            ident::check("task id", task_id)?;
        }
        let (max_summary, max_history) = (options.max_summary_bytes, options.max_history_bytes);
        let settings = RecordSettings {
            task_id: options.task_id,
            summary_durability: options.summary_durability.unwrap_or(Durability::Durable),
            history_durability: options.history_durability.unwrap_or(Durability::Durable),
            keep_last: options.keep_last,
            max_summary_bytes: at_most("max_summary_bytes", max_summary, limits.document_bytes)?,
            max_history_bytes: at_most("max_history_bytes", max_history, limits.history_bytes)?,
            lease_ms: options.lease_ms.unwrap_or(LEASE_MS),
            lock_wait_ms: options.lock_wait_ms.unwrap_or(LOCK_WAIT_MS),
            sweep_after: Duration::from_millis(options.sweep_after_ms.unwrap_or(SWEEP_AFTER_MS)),
            runs_root: options.runs_root.unwrap_or_else(|| ".runs".into()),
            summary_name: options.summary_name.unwrap_or_else(|| "manifest.json".into()),
            layout: HistoryLayout::new(options.history_root, options.history_name)?,
        };
        ident::check_path("runs_root", &settings.runs_root)?;
        ident::check_name("summary_name", &settings.summary_name)?;
        if settings.keep_last == Some(0) {
            return Err(Error::invalid_input("keep_last is below 1: 0"));
        }
        check_lease(settings.lease_ms)?;
        Ok(settings)
    }
}

fn check_lease(lease_ms: u64) -> Result<(), Error> {
    if LEASES_MS.contains(&lease_ms) {
        return Ok(());
    }
    Err(Error::invalid_input(format!("lease_ms is not from 10 to 3600000: {lease_ms}")))
}

impl RemoveSettings {
    /// Fills in defaults, and checks the id, layout and numbers.
    ///
    /// # Errors
    /// [`Error::InvalidId`], [`Error::InvalidInput`].
    pub fn new(options: RemoveOptions, limits: &Limits) -> Result<Self, Error> {
        ident::check("task id", &options.task_id)?;
        let max_history = options.max_history_bytes;
        let settings = RemoveSettings {
            task_id: options.task_id,
            from_history: options.from_history.unwrap_or(false),
            sweep: options.sweep.unwrap_or(false),
            alive_for: Duration::from_millis(options.alive_for_ms.unwrap_or(ALIVE_FOR_MS)),
            max_history_bytes: at_most("max_history_bytes", max_history, limits.history_bytes)?,
            lease_ms: options.lease_ms.unwrap_or(LEASE_MS),
            lock_wait_ms: options.lock_wait_ms.unwrap_or(LOCK_WAIT_MS),
            sweep_after: Duration::from_millis(options.sweep_after_ms.unwrap_or(SWEEP_AFTER_MS)),
            runs_root: options.runs_root.unwrap_or_else(|| ".runs".into()),
            manifest_name: options.manifest_name.unwrap_or_else(|| "manifest.json".into()),
            heartbeat_name: options.heartbeat_name.unwrap_or_else(|| ".heartbeat".into()),
            summary_name: options.summary_name.unwrap_or_else(|| "manifest.json".into()),
            layout: HistoryLayout::new(options.history_root, options.history_name)?,
        };
        ident::check_path("runs_root", &settings.runs_root)?;
        ident::check_name("manifest_name", &settings.manifest_name)?;
        ident::check_name("heartbeat_name", &settings.heartbeat_name)?;
        ident::check_name("summary_name", &settings.summary_name)?;
        check_lease(settings.lease_ms)?;
        Ok(settings)
    }

    /// The directory of the task's runs and summaries.
    pub fn task_directory(&self) -> String {
        format!("{}/{}", self.runs_root, self.task_id)
    }
}

impl HistorySettings {
    /// Fills in defaults, and checks the id and the layout.
    ///
    /// # Errors
    /// [`Error::InvalidId`], [`Error::InvalidInput`].
    pub fn new(options: HistoryOptions, limits: &Limits) -> Result<Self, Error> {
        ident::check("task id", &options.task_id)?;
        let max_history = options.max_history_bytes;
        Ok(HistorySettings {
            task_id: options.task_id,
            limit: options.limit,
            max_history_bytes: at_most("max_history_bytes", max_history, limits.history_bytes)?,
            layout: HistoryLayout::new(options.history_root, options.history_name)?,
        })
    }
}

/// No option is given.
#[cfg(any(test, fuzzing, feature = "fuzz"))]
pub const NO_OPTIONS: RecordOptions = RecordOptions {
    task_id: None,
    summary_durability: None,
    history_durability: None,
    keep_last: None,
    max_summary_bytes: None,
    max_history_bytes: None,
    lease_ms: None,
    lock_wait_ms: None,
    sweep_after_ms: None,
    runs_root: None,
    history_root: None,
    summary_name: None,
    history_name: None,
};

#[cfg(any(test, fuzzing, feature = "fuzz"))]
impl Default for RecordSettings {
    fn default() -> Self {
        RecordSettings::new(NO_OPTIONS, &Limits::default()).expect("no option is given")
    }
}

#[cfg(test)]
impl RemoveSettings {
    /// The defaults.
    pub fn with_defaults(task_id: &str) -> Self {
        let options = RemoveOptions {
            task_id: task_id.to_owned(),
            from_history: None,
            sweep: None,
            alive_for_ms: None,
            max_history_bytes: None,
            lease_ms: None,
            lock_wait_ms: None,
            sweep_after_ms: None,
            runs_root: None,
            manifest_name: None,
            heartbeat_name: None,
            summary_name: None,
            history_root: None,
            history_name: None,
        };
        RemoveSettings::new(options, &Limits::default()).expect("no option is given")
    }
}

#[cfg(any(test, fuzzing, feature = "fuzz"))]
impl HistorySettings {
    /// The defaults.
    pub fn with_defaults(task_id: &str) -> Self {
        let RecordSettings { max_history_bytes, layout, .. } = RecordSettings::default();
        HistorySettings { task_id: task_id.to_owned(), limit: None, max_history_bytes, layout }
    }
}

impl HistoryLayout {
    fn new(root: Option<String>, name: Option<String>) -> Result<Self, Error> {
        let root = root.unwrap_or_else(|| "out".into());
        let name = name.unwrap_or_else(|| "runs.json".into());
        ident::check_path("history_root", &root)?;
        ident::check_name("history_name", &name)?;
        if name.eq_ignore_ascii_case(LEGACY_NAME) {
            let message = format!("history_name is that of the older format: {name:?}");
            return Err(Error::invalid_input(message));
        }
        Ok(HistoryLayout { root, name })
    }

    /// The directory of a task's history.
    pub fn directory(&self, task_id: &str) -> String {
        format!("{}/{task_id}", self.root)
    }
}
