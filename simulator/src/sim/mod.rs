//! A disk that crashes on purpose: in memory, under virtual time, repeatable by its seed.
//!
//! [`SimDisk`] is the disk, [`Model`] what a file system promises. A component runs on it in a store
//! of [`SimState`]; whatever else makes calls uses it through its [`Disk`](tandem_host::disk::Disk)
//! implementation. Nothing here knows what is kept on the disk. [`SimDocuments`] is a store of
//! documents in its place, with requests that are held, lost and late.
//!
//! [Hold](SimDisk::hold) the disk, and whoever uses it stands still at each call. Then decide what
//! happens next: look at what is [waiting](SimDisk::waiting), [complete](SimDisk::complete) a call
//! with a [`Fault`] or without, or let time [pass](SimDisk::advance); poll its future; and at any
//! moment have a look at [each disk that a power loss may leave](SimDisk::each_power_loss).
//!
//! A file that is written and renamed over another one without a sync may be empty after a power
//! loss, unless the file system writes it before the rename:
//!
//! ```
//! use futures::FutureExt;
//! use tandem_host::disk::{Disk, Mode, Purpose};
//! use tandem_simulator::sim::{Limits, Model, SimDisk};
//!
//! /// What a power loss may leave of a file that was replaced without a sync.
//! fn contents(model: &str) -> Vec<Option<Vec<u8>>> {
//!     let disk = SimDisk::new(Model::find(model).expect("a model"), 1);
//!     let work = async {
//!         let root = disk.root();
//!         let old = disk.create_file(&root, "state", Purpose::Named).await?;
//!         disk.write(&old, 0, b"old").await?;
//!         disk.sync_data(&old).await?;
//!         disk.sync_dir(&root).await?;
//!         let new = disk.create_file(&root, "state.new", Purpose::Temporary).await?;
//!         disk.write(&new, 0, b"new").await?;
//!         disk.rename(&root, "state.new", &root, "state", Mode::Own).await
//!     };
//!     // Such a disk answers at once.
//!     work.now_or_never().expect("an answer").expect("a disk that works");
//!
//!     let mut found = Vec::new();
//!     let are_all = disk.each_power_loss(Limits::default(), |_| None, 1, |after| {
//!         found.push(after.content("state"));
//!     });
//!     assert!(are_all);
//!     found
//! }
//!
//! let empty = Some(Vec::new());
//! assert!(contents("ext4-writeback").contains(&empty));
//! assert!(!contents("ext4-ordered").contains(&empty));
//! ```

pub mod blocking;
pub(crate) mod clock;
mod concurrent;
pub(crate) mod crash;
mod disk;
mod documents;
mod drive;
pub(crate) mod effect;
mod model;
mod state;
mod store;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
pub(crate) mod world;

pub use crash::{Limits, Scratch};
pub use disk::{SimDisk, SimNode};
pub use documents::SimDocuments;
pub use drive::Waiting;
pub use model::Model;
/// What a call is.
pub use tandem_host::testing::{Call, DiskOperation};
pub use world::{Fault, Step};

pub use state::SimState;
