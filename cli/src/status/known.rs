//! What is known of a run, wherever it is kept. Nothing here depends on the time at which it is
//! looked at.

use std::ffi::OsStr;
use std::time::{Duration, SystemTime};

use super::manifest::FoundManifest;
use super::state::State;

/// The status of a run that goes on.
pub const IN_PROGRESS: &str = "in_progress";

/// One run; without a name, it stands for all of its task.
#[derive(Clone, Debug)]
pub struct Known {
    pub task: String,
    pub run: String,
    pub manifest: Result<FoundManifest, Missing>,
    pub signs: Signs,
}

/// Why there is no manifest.
#[derive(Clone, Debug)]
pub struct Missing {
    pub state: State,
    pub why: String,
}

/// What tells when a run was alive.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signs {
    /// What the heartbeat says, or if that is no time, when it was written.
    pub heartbeat: Option<SystemTime>,
    /// When the manifest was written, or without one, its place was made.
    pub written: Option<SystemTime>,
    /// For how long since the last sign nobody could have seen one.
    pub unseen: Duration,
}

impl Known {
    pub fn new(
        task: &OsStr,
        run: &OsStr,
        manifest: Result<FoundManifest, Missing>,
        signs: Signs,
    ) -> Self {
        let text = |name: &OsStr| name.to_string_lossy().into_owned();
        Known { task: text(task), run: text(run), manifest, signs }
    }

    /// Whether it can turn stale while nothing about it changes.
    #[cfg(feature = "serve")]
    pub fn is_in_progress(&self) -> bool {
        let status = self.manifest.as_ref().ok().and_then(|manifest| manifest.status.as_deref());
        status == Some(IN_PROGRESS)
    }
}
