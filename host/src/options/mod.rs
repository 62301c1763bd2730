//! What to open, what to write when, what to record and what to read.

mod history;
pub(crate) mod ms;
mod record;
mod request;
mod run;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;

pub use history::HistoryOptions;
pub(crate) use ms::to_ms;
pub use record::RecordOptions;
pub use request::Request;
pub use run::RunOptions;

/// What a successful write is asked to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Durability {
    /// The file is replaced atomically and not synced. It survives a crash of the process; after
    /// a power loss it may be old, absent, empty or torn.
    Visible,
    /// The data is synced, the file is replaced atomically, then its directory is synced. It
    /// survives a power loss.
    Durable,
}

/// # Errors
/// `invalid-input`: one is above what counts in milliseconds.
fn check_durations<const N: usize>(durations: [(&str, Option<Duration>); N]) -> Result<(), Error> {
    for (name, duration) in durations {
        if let Some(duration) = duration.filter(|duration| !ms::fits(*duration)) {
            return Err(Error::invalid_input(format!(
                "{name} is above {} ms: {duration:?}",
                u64::MAX
            )));
        }
    }
    Ok(())
}

/// The path of a history, which tells whether two of them are the same.
fn history_path(root: &Option<String>, task_id: &str, name: &Option<String>) -> String {
    let root = root.as_deref().unwrap_or("out");
    format!("{root}/{task_id}/{}", name.as_deref().unwrap_or("runs.json"))
}
