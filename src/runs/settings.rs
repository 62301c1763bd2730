//! What a run is opened with, checked once.

use std::time::Duration;

use crate::error::Error;
use crate::ident;
use crate::limits::{Limits, at_most};
use crate::records::RunOptions;
use crate::storage::durable::Durability;
use crate::storage::temp::SWEEP_AFTER_MS;

/// The default throttle of each channel.
pub const INTERVAL_MS: u64 = 5_000;

/// What to open, and how to keep it, with every default.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// The task.
    pub task_id: String,
    /// The run.
    pub run_id: String,
    /// The throttle of the manifest.
    pub manifest_interval_ms: u64,
    /// The throttle of the heartbeat.
    pub heartbeat_interval_ms: u64,
    /// What a write of the manifest is to survive.
    pub manifest_durability: Durability,
    /// What a write of the heartbeat is to survive.
    pub heartbeat_durability: Durability,
    /// The largest document.
    pub max_document_bytes: u64,
    /// Older temporary files are swept.
    pub sweep_after: Duration,
    /// The directory of all runs.
    pub runs_root: String,
    /// The manifest's file name.
    pub manifest_name: String,
    /// The heartbeat's file name.
    pub heartbeat_name: String,
}

impl RunSettings {
    /// Fills in defaults.
    ///
    /// # Errors
    /// [`Error::InvalidInput`]: a limit is above the component's.
    pub fn new(options: RunOptions, limits: &Limits) -> Result<Self, Error> {
        let max_document_bytes =
            at_most("max_document_bytes", options.max_document_bytes, limits.document_bytes)?;
        Ok(RunSettings {
            task_id: options.task_id,
            run_id: options.run_id,
            manifest_interval_ms: options.manifest_interval_ms.unwrap_or(INTERVAL_MS),
            heartbeat_interval_ms: options.heartbeat_interval_ms.unwrap_or(INTERVAL_MS),
            manifest_durability: options.manifest_durability.unwrap_or(Durability::Durable),
            heartbeat_durability: options.heartbeat_durability.unwrap_or(Durability::Visible),
            max_document_bytes,
            sweep_after: Duration::from_millis(options.sweep_after_ms.unwrap_or(SWEEP_AFTER_MS)),
            runs_root: options.runs_root.unwrap_or_else(|| ".runs".into()),
            manifest_name: options.manifest_name.unwrap_or_else(|| "manifest.json".into()),
            heartbeat_name: options.heartbeat_name.unwrap_or_else(|| ".heartbeat".into()),
        })
    }

    /// The defaults.
    #[cfg(any(test, fuzzing, feature = "fuzz"))]
    pub fn with_defaults(task_id: impl Into<String>, run_id: impl Into<String>) -> Self {
        let options = RunOptions {
            task_id: task_id.into(),
            run_id: run_id.into(),
            manifest_interval_ms: None,
            heartbeat_interval_ms: None,
            manifest_durability: None,
            heartbeat_durability: None,
            max_document_bytes: None,
            sweep_after_ms: None,
            runs_root: None,
            manifest_name: None,
            heartbeat_name: None,
        };
        RunSettings::new(options, &Limits::default()).expect("no limit is given")
    }

    /// Checks ids and layout, and returns the run's directory.
    ///
    /// # Errors
    /// [`Error::InvalidId`], [`Error::InvalidInput`].
    pub fn directory(&self) -> Result<String, Error> {
        ident::check("task id", &self.task_id)?;
        ident::check("run id", &self.run_id)?;
        ident::check_path("runs_root", &self.runs_root)?;
        ident::check_name("manifest_name", &self.manifest_name)?;
        ident::check_name("heartbeat_name", &self.heartbeat_name)?;
        // One name in two cases is one file on some file systems.
        if self.manifest_name.eq_ignore_ascii_case(&self.heartbeat_name) {
            return Err(Error::invalid_input(format!(
                "manifest_name and heartbeat_name are the same: {:?}",
                self.manifest_name
            )));
        }
        Ok(format!("{}/{}/cli/{}", self.runs_root, self.task_id, self.run_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_layout() {
        let options = RunSettings::with_defaults("task", "run");
        assert_eq!(options.directory().unwrap(), ".runs/task/cli/run");
    }

    #[test]
    fn roots_and_names_are_options_that_cannot_leave_the_directory() {
        let mut options = RunSettings::with_defaults("task", "run");
        options.runs_root = "state/all runs".into();
        assert_eq!(options.directory().unwrap(), "state/all runs/task/cli/run");
        for root in
            ["", "/abs", "a//b", "a/", "..", "../a", "a/../b", "./a", "a\\b", "a:b", "nul/a"]
        {
            options.runs_root = root.into();
            let error = options.directory().expect_err(root).to_string();
            assert!(error.starts_with("runs_root has"), "{error}");
        }
        options.runs_root = "a".into();
        for name in ["", ".", "..", "a/b", "a\0", "b."] {
            options.manifest_name = name.into();
            options.directory().expect_err(name);
        }
        options.manifest_name = ".Heartbeat".into();
        assert!(options.directory().expect_err("same").to_string().contains("the same"));
    }

    #[test]
    fn ids_are_checked() {
        for id in ["", "..", "a/b", "cli", "x.lock"] {
            assert!(matches!(
                RunSettings::with_defaults(id, "run").directory(),
                Err(Error::InvalidId(_))
            ));
            assert!(matches!(
                RunSettings::with_defaults("task", id).directory(),
                Err(Error::InvalidId(_))
            ));
        }
    }
}
