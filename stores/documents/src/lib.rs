//! Runs beyond one machine: the files of Tandem's component as documents of a store that several
//! hosts share.
//!
//! A store is anything that numbers the versions of a document and writes on condition: [`Documents`]
//! says what it must hold, and [`contract`] tries whether it does. [`DocumentsDisk`] is the disk over
//! it, for the `Builder::disk` of `tandem-host`. The component is the same as on files.
//!
//! ```
//! use tandem_documents::{DocumentsDisk, MemoryDocuments, Survives};
//! use tandem_host::{Request, RunOptions, Tandem};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Two hosts, one store. A real one would be behind a network, and would promise so much truly.
//! let store = MemoryDocuments::promising(Survives::Machine);
//! let disk = DocumentsDisk::open(store.clone()).await?;
//! let one = Tandem::builder().disk(disk).build().await?;
//! let two = Tandem::builder().disk(DocumentsDisk::open(store).await?).build().await?;
//!
//! let options = RunOptions::new("nightly", "2026-01-06T00-27-16");
//! let run = one.open_run(options.clone()).await?;
//! run.set(r#"{"status": "in_progress"}"#).await?;
//! run.flush().await?;
//!
//! // Another host goes on with the run; its first owner finds out at its next flush.
//! let taken = two.open_run(options).await?;
//! taken.set(r#"{"status": "succeeded"}"#).await?;
//! taken.close().await?;
//! run.set(r#"{"status": "failed"}"#).await?;
//! let error = run.schedule(Request::new().manifest().force()).await.unwrap_err();
//! assert_eq!(error.kind(), tandem_host::ErrorKind::Conflict);
//! # Ok(())
//! # }
//! ```
//!
//! # What differs from files
//!
//! - A receipt says `durable` if the store survives the loss of a machine, `data-synced` if only a
//!   power loss: see [`Survives`]. With less a durable write fails, and [`DocumentsDisk::open`] refuses
//!   such a store unless it is [told](DocumentsDisk::open_at_least) otherwise.
//! - Two owners of one run find out: the second one's write follows a version that the first one has
//!   not seen, so the first one's next flush is a `conflict`. Open the run again to take it back.
//! - A host that stood still, or whose write comes late, overwrites nothing: each write says which
//!   version it follows.
//! - Temporary files are in memory, so a host that dies leaves none.
//! - There are no directories: one is there as long as a document is below it.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod contract;
mod disk;
mod documents;
mod memory;
mod open;
mod probe;
mod settings;
mod trouble;

pub use disk::{DocumentsDir, DocumentsDisk, DocumentsFile};
pub use documents::{
    Changed, Changes, Cursor, Document, Documents, Expect, Level, Listed, Page, Promise, Survives,
    Version, Write,
};
pub use memory::MemoryDocuments;
pub use open::OpenError;
pub use settings::Settings;
pub use trouble::Trouble;
