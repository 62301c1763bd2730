//! What to write, and when.

use serde::{Deserialize, Serialize};

/// What to write, and when.
///
/// ```
/// use tandem_host::Request;
///
/// let request = Request::new().manifest().heartbeat().force();
/// assert!(request.manifest && request.heartbeat && request.force);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// Mark the manifest dirty.
    pub manifest: bool,
    /// Mark the heartbeat dirty.
    pub heartbeat: bool,
    /// Do not wait for the throttle or a back-off, and write everything that is dirty.
    pub force: bool,
}

impl Request {
    /// Nothing newly dirty, throttled.
    pub fn new() -> Self {
        Request::default()
    }

    /// Mark the manifest dirty.
    pub fn manifest(self) -> Self {
        Request { manifest: true, ..self }
    }

    /// Mark the heartbeat dirty.
    pub fn heartbeat(self) -> Self {
        Request { heartbeat: true, ..self }
    }

    /// Do not wait.
    pub fn force(self) -> Self {
        Request { force: true, ..self }
    }
}
