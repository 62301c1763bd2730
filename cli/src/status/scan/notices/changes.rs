//! What the system tells of.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;

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
