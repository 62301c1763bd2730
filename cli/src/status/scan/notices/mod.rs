//! The system's word for what changed in directories.

mod changes;
#[cfg(target_os = "linux")]
mod inotify;
#[cfg(not(target_os = "linux"))]
mod none;

#[cfg(target_os = "linux")]
pub use inotify::Notices;
#[cfg(not(target_os = "linux"))]
pub use none::Notices;
