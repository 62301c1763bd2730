//! The system's word for what changed in directories.

#[cfg(target_os = "linux")]
mod inotify;
#[cfg(not(target_os = "linux"))]
mod none;

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;

#[cfg(target_os = "linux")]
pub use inotify::Notices;
#[cfg(not(target_os = "linux"))]
pub use none::Notices;

/// What has to be looked at.
#[derive(Debug, Default)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "nobody tells"))]
pub struct Changes {
    /// Everything.
    pub is_all: bool,
    pub tasks: HashSet<OsString>,
    /// By task.
    pub runs: HashMap<OsString, HashSet<OsString>>,
}
