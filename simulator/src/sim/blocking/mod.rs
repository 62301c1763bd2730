//! WASI 0.2 over any [`Disk`], for components that are called by what wasmtime names `_async`: a call
//! of the component that waits for the disk or for time is pending, and blocks no thread.
//!
//! [`SimState`](super::SimState) has it on a simulated disk. A store on another one takes it so:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use futures::future::BoxFuture;
//! use tandem_host::disk::OsDisk;
//! use tandem_simulator::sim::blocking::{Granted, Surroundings, add_to_linker};
//! use wasmtime::component::Linker;
//! use wasmtime::{Engine, Store};
//!
//! /// A world in which no time passes.
//! struct Frozen;
//!
//! impl Surroundings for Frozen {
//!     fn now_ns(&self) -> u64 {
//!         0
//!     }
//!     fn since_epoch(&self) -> Duration {
//!         Duration::ZERO
//!     }
//!     fn wait_until(&self, _when_ns: u64) -> BoxFuture<'static, ()> {
//!         Box::pin(std::future::pending())
//!     }
//!     fn fill(&self, bytes: &mut [u8]) {
//!         bytes.fill(4);
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::default();
//! let mut linker = Linker::<Granted<OsDisk, Frozen>>::new(&engine);
//! add_to_linker(&mut linker, |granted| granted)?;
//!
//! # let dir = tempfile::tempdir()?;
//! let disk = Arc::new(OsDisk::open(dir.path())?);
//! let store = Store::new(&engine, Granted::new(disk, Frozen));
//! # drop(store);
//! # Ok(())
//! # }
//! ```

#[allow(missing_docs, reason = "generated; the WIT is the documentation")]
#[allow(clippy::all, clippy::pedantic, unused, reason = "generated")]
mod bindings;
mod files;
mod poll;
mod shapes;
mod stream;
#[cfg(test)]
mod tests;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use wasmtime::component::{HasData, Linker, ResourceTable};

use bindings::wasi::{clocks, filesystem, io, random};
use stream::Writing;
use tandem_host::disk::Disk;

/// The clocks and the randomness that a component is given.
pub trait Surroundings: Send + 'static {
    /// The monotonic clock.
    fn now_ns(&self) -> u64;

    /// The wall clock: how long ago 1970 began, in UTC.
    fn since_epoch(&self) -> Duration;

    /// Ends when the monotonic clock has come so far.
    fn wait_until(&self, when_ns: u64) -> BoxFuture<'static, ()>;

    /// Fills these bytes with random ones.
    fn fill(&self, bytes: &mut [u8]);
}

/// What the component of a store is granted: one disk, and its surroundings. It is the store's data,
/// or a part of them.
pub struct Granted<D, S> {
    /// Handles that the component holds.
    pub(super) table: ResourceTable,
    disk: Arc<D>,
    pub(super) surroundings: S,
}

impl<D: Disk, S: Surroundings> Granted<D, S> {
    /// Grants this disk, with these clocks and this randomness.
    pub fn new(disk: Arc<D>, surroundings: S) -> Self {
        Granted { table: ResourceTable::new(), disk, surroundings }
    }

    /// Waits until every write is over that the component began. Whoever drops the store of a
    /// component that trapped waits for it, so that no late write meets what the next one does.
    pub async fn settled(&mut self) {
        let entries = self.table.iter_mut();
        for writing in entries.filter_map(|entry| entry.downcast_mut::<Writing>()) {
            writing.settled().await;
        }
    }
}

impl<D, S> fmt::Debug for Granted<D, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Granted").finish_non_exhaustive()
    }
}

/// Selects a [`Granted`] in a store's data.
struct Glue<D, S>(PhantomData<fn() -> (D, S)>);

impl<D: Disk, S: Surroundings> HasData for Glue<D, S> {
    type Data<'a> = &'a mut Granted<D, S>;
}

/// Links what Tandem's component for WASI 0.2 imports, and nothing else: `wasi:io`, the two
/// interfaces of `wasi:filesystem`, those of `wasi:clocks`, and `wasi:random/random`. The calls that
/// Tandem makes are answered, others are `unsupported`.
///
/// # Errors
/// The linker has one of these interfaces already.
pub fn add_to_linker<T: Send + 'static, D: Disk, S: Surroundings>(
    linker: &mut Linker<T>,
    granted: fn(&mut T) -> &mut Granted<D, S>,
) -> wasmtime::Result<()> {
    io::error::add_to_linker::<_, Glue<D, S>>(linker, granted)?;
    io::poll::add_to_linker::<_, Glue<D, S>>(linker, granted)?;
    io::streams::add_to_linker::<_, Glue<D, S>>(linker, granted)?;
    clocks::monotonic_clock::add_to_linker::<_, Glue<D, S>>(linker, granted)?;
    clocks::wall_clock::add_to_linker::<_, Glue<D, S>>(linker, granted)?;
    filesystem::types::add_to_linker::<_, Glue<D, S>>(linker, granted)?;
    filesystem::preopens::add_to_linker::<_, Glue<D, S>>(linker, granted)?;
    random::random::add_to_linker::<_, Glue<D, S>>(linker, granted)
}
