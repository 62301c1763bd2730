//! Embeds the Tandem persistence component: crash-safe run manifests and heartbeats, run summaries
//! and task histories, with two writes in flight and one wait.
//!
//! A [`Tandem`] runs the component in wasmtime and grants it one directory and nothing else. A
//! [`Run`] keeps one JSON document and one liveness file. Every handle is `Clone`, `Send` and
//! `Sync`, and can be used on any runtime or on none: the component lives on a thread of its own.
//!
//! ```
//! use tandem_host::{Request, RunOptions, Tandem};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let state = tempfile::tempdir()?;
//! let tandem = Tandem::open(state.path()).await?;
//! let run = tandem.open_run(RunOptions::new("nightly", "2026-01-06T00-27-16")).await?;
//!
//! run.set(r#"{"status": "in_progress"}"#).await?;
//! let receipt = run.schedule(Request::new().manifest().heartbeat().force()).await?;
//! assert!(receipt.manifest.is_some() && receipt.heartbeat.is_some());
//!
//! run.merge(r#"{"status": "succeeded"}"#).await?;
//! run.close().await?;
//!
//! let path = state.path().join(".runs/nightly/cli/2026-01-06T00-27-16/manifest.json");
//! assert_eq!(std::fs::read_to_string(path)?, "{\n  \"status\": \"succeeded\"\n}\n");
//! # Ok(())
//! # }
//! ```
//!
//! A run that is completed is recorded: its summary is written, and merged into the history of its
//! task. Any number of processes may record runs of one task at the same time.
//!
//! ```
//! use tandem_host::{HistoryOptions, RecordOptions, Tandem};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let state = tempfile::tempdir()?;
//! let tandem = Tandem::open(state.path()).await?;
//! let summary = r#"{
//!     "taskId": "nightly",
//!     "runId": "2026-01-06T00-27-16",
//!     "timestamp": "2026-01-06T00:31:09.120Z",
//!     "test": {"success": true}
//! }"#;
//! let recorded = tandem.record_run(summary, RecordOptions::new().keep_last(500)).await?;
//! assert_eq!(recorded.runs, 1);
//!
//! let history = tandem.history(HistoryOptions::new("nightly").limit(20)).await?;
//! assert_eq!((history.total, &*history.last_run_at), (1, "2026-01-06T00:31:09.120Z"));
//! assert!(history.runs[0].contains("2026-01-06T00-27-16"));
//! # Ok(())
//! # }
//! ```
//!
//! # Limits
//!
//! - A document has at most 16 MiB, all documents of one [`Tandem`] together 256 MiB; both are
//!   options of the [`Builder`], and what is above them is refused with `too-large`. So is a
//!   history above 64 MiB, another option.
//! - A component that fails loses the documents that were set and not flushed; see [`Run`] and
//!   [`Run::unsaved`].
//! - The first start compiles the component, which takes a tenth of a second, or seconds where
//!   dependencies are not optimised. The feature `cache` keeps the result for the next one;
//!   [`precompile`] does without.
//! - The library needs Unix.
//!
//! # What it tells
//!
//! Events of `tracing`, all with the target `tandem_host`, for whichever subscriber there is: at
//! `error` a component that failed; at `warn` calls that failed and corrupt files that were set
//! aside; at `info` what was opened, recorded and removed and locks that were taken over; at `debug`
//! how calls ended, how long they took, what was retried, how locks change hands, and disk calls that
//! failed; at `trace` every disk call. Calls of [`Run::stats`] and [`Run::unsaved`], which only ask,
//! are not told. No text of a document, a summary or a history is told, nor the message of an error,
//! which may quote one. Names of events and fields may change with any version.
//!
//! # What may grow
//!
//! Options, reports, kinds of errors and other enums are `#[non_exhaustive]`: what is added to them
//! breaks nobody. Those that a [`Disk`](disk::Disk) makes have constructors. [`Request`] is whole,
//! and so are [`Kind`](disk::Kind) and [`ErrorCode`](disk::ErrorCode), which are those of WASI.

#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod blocking;
mod builder;
mod callers;
mod clock;
mod component;
pub mod disk;
mod driver;
mod durations;
mod engine;
mod error;
mod error_records;
mod events;
mod failure;
mod glue;
mod json;
mod layout;
pub mod limits;
mod ms;
mod records;
mod report;
mod root;
mod run;
mod tandem;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod wasi;

pub use builder::Builder;
pub use callers::Pending;
pub use clock::{MonotonicClock, WallClock};
pub use component::precompile;
pub use error::Error;
pub use json::Json;
pub use records::{
    Bucket, Channel, ChannelStats, Durability, ErrorKind, Failure, FailureCount, HistoryOptions,
    LeftReason, LeftRun, LockHolder, Operation, Reached, Receipt, RecordOptions, Recorded,
    Recovery, RemoveOptions, Removed, Request, Revised, RunOptions, Stats, TaskHistory, Written,
};
pub use report::{ClosedRun, Unsaved};
pub use run::Run;
pub use tandem::Tandem;
