//! Finds the runs below a root: all of them, then what changed.

mod directory;
pub mod file;
mod files;
mod follow;
mod notices;
mod place;
mod run;
mod scanner;
mod walk;

pub use directory::{names, open_root, runs, subdirectory};
pub use files::Files;
pub use place::{CLI, RUNS, can_be_run, can_be_task};
pub use run::{HEARTBEAT, MANIFEST, MANIFEST_BYTES_MAX, look};
