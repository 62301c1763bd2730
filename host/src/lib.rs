//! Embeds the Tandem persistence component: crash-safe run manifests and heartbeats, with two
//! writes in flight and one wait.
//!
//! A [`Tandem`] runs the component in wasmtime and grants it one directory and nothing else. A
//! [`Run`] keeps one JSON document and one liveness file. Every handle is `Clone`, `Send` and
//! `Sync`.
//!
//! ```
//! use tandem_host::{Request, RunOptions, Tandem};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let state = tempfile::tempdir()?;
//! let tandem = Tandem::builder().dir(state.path()).build().await?;
//! let run = tandem.open_run(RunOptions::new("nightly", "2026-01-06T00-27-16")).await?;
//!
//! run.set_manifest(r#"{"status": "in_progress"}"#).await?;
//! let receipt = run.schedule(Request::new().manifest().heartbeat().force()).await?;
//! assert!(receipt.manifest.is_some() && receipt.heartbeat.is_some());
//!
//! run.merge_manifest(r#"{"status": "succeeded"}"#).await?;
//! run.close().await?;
//!
//! let path = state.path().join(".runs/nightly/cli/2026-01-06T00-27-16/manifest.json");
//! assert_eq!(std::fs::read_to_string(path)?, "{\n  \"status\": \"succeeded\"\n}\n");
//! # Ok(())
//! # }
//! ```
//!
//! # Limits
//!
//! - A document has at most 16 MiB, all documents of one [`Tandem`] together 256 MiB; both are
//!   options of the [`Builder`], and what is above them is refused with `too-large`.
//! - A component that fails loses the documents that were set and not flushed; see [`Run`].
//! - The library needs Unix and a tokio runtime.

#![deny(unsafe_code)]
#![warn(missing_docs)]

mod builder;
mod clocks;
mod component;
pub mod disk;
mod driver;
mod engine;
mod error;
mod glue;
mod options;
mod report;
mod run;
mod tandem;

pub use builder::Builder;
pub use component::COMPONENT;
pub use error::{Error, ErrorKind, Failure, Operation};
pub use options::{Channel, Durability, Request, RunOptions};
pub use report::{
    Bucket, ChannelStats, ClosedRun, FailureCount, Reached, Receipt, Recovery, Stats, Written,
};
pub use run::{Pending, Run};
pub use tandem::Tandem;
pub use wasmtime_wasi::{HostMonotonicClock, HostWallClock};
