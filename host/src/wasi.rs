//! What Tandem imports, for components that you run in wasmtime yourself: a [`Disk`] behind
//! `wasi:filesystem`, clocks, and secure randomness.
//!
//! [`Tandem`](crate::Tandem) needs none of this. It is for a host whose plugins are composed with
//! Tandem, each with an instance of its own inside: such a component imports what Tandem imports.
//! Each store is granted one disk, so no plugin can see what another one keeps. Limits of memory and
//! of computing are the host's business, as for any plugin.
//!
//! `wasi:filesystem` answers the operations that Tandem uses; every other one is `unsupported`.
//!
//! ```
//! use tandem_host::disk::OsDisk;
//! use tandem_host::wasi::wasmtime::component::{Component, Linker, ResourceTable};
//! use tandem_host::wasi::wasmtime::{Config, Engine, Store};
//! use tandem_host::wasi::wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
//! use tandem_host::wasi::{DiskCtx, DiskCtxView, DiskView, add_to_linker};
//!
//! struct Plugin {
//!     wasi: WasiCtx,
//!     disk: DiskCtx<OsDisk>,
//!     table: ResourceTable,
//! }
//!
//! impl WasiView for Plugin {
//!     fn ctx(&mut self) -> WasiCtxView<'_> {
//!         WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
//!     }
//! }
//!
//! impl DiskView for Plugin {
//!     type Disk = OsDisk;
//!
//!     fn disk(&mut self) -> DiskCtxView<'_, OsDisk> {
//!         DiskCtxView { ctx: &self.disk, table: &mut self.table }
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let composed = tandem_host::COMPONENT;
//! let engine = Engine::new(Config::new().wasm_component_model_async(true))?;
//! let mut linker = Linker::<Plugin>::new(&engine);
//! add_to_linker(&mut linker)?;
//! let plugin = linker.instantiate_pre(&Component::new(&engine, composed)?)?;
//!
//! // For each instance, a directory of its own:
//! let disk = DiskCtx::new(OsDisk::open(dir.path())?);
//! let (wasi, table) = (WasiCtxBuilder::new().build(), ResourceTable::new());
//! let mut store = Store::new(&engine, Plugin { wasi, disk, table });
//! let instance = plugin.instantiate_async(&mut store).await?;
//! # let _ = instance;
//! # Ok(())
//! # }
//! ```

use std::fmt;

use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::WasiView;
/// The versions whose types are used here.
pub use {wasmtime, wasmtime_wasi};

use crate::disk::Disk;
use crate::glue::{Shared, linker};

/// A disk that is granted, and its operations in flight. Clones share both.
pub struct DiskCtx<D>(pub(crate) Shared<D>);

/// The granted disk of a store, and the store's table.
pub struct DiskCtxView<'a, D> {
    /// The granted disk.
    pub ctx: &'a DiskCtx<D>,
    /// Where open files and directories are kept.
    pub table: &'a mut ResourceTable,
}

/// The data of a store whose component is granted a disk.
pub trait DiskView: Send + 'static {
    /// What answers `wasi:filesystem`.
    type Disk: Disk;

    /// The disk and the table; if the data has a [`WasiView`], the table of that.
    fn disk(&mut self) -> DiskCtxView<'_, Self::Disk>;
}

impl<D: Disk> DiskCtx<D> {
    /// Grant this disk.
    pub fn new(disk: D) -> Self {
        DiskCtx(Shared::new(disk))
    }

    /// Wait until no operation is in flight. Those that a store began go on after it is gone, also
    /// when its component trapped: a host that then lets another store have the same files calls
    /// this before, lest a late rename put an older file in the place of a newer one.
    pub async fn settled(&self) {
        self.0.settled().await;
    }
}

impl<D> Clone for DiskCtx<D> {
    fn clone(&self) -> Self {
        DiskCtx(self.0.clone())
    }
}

impl<D> fmt::Debug for DiskCtx<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskCtx").finish_non_exhaustive()
    }
}

impl<D> fmt::Debug for DiskCtxView<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskCtxView").finish_non_exhaustive()
    }
}

/// Link all that Tandem imports, and nothing else: the two interfaces of `wasi:filesystem`, those
/// of `wasi:clocks`, and `wasi:random/random`, all of WASI 0.3. The [`WasiView`] gives clocks and
/// randomness; directories and all else that is granted there have no effect.
///
/// The store's component runs on a tokio runtime. Its timers and its files need the store to be in
/// [`run_concurrent`](wasmtime::Store::run_concurrent).
///
/// # Errors
/// The linker has one of these interfaces already.
pub fn add_to_linker<T: DiskView + WasiView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    add_disk_to_linker(linker)?;
    linker::link_rest(linker)
}

/// Link the two interfaces of `wasi:filesystem` of WASI 0.3, for a host that has clocks and
/// randomness of its own.
///
/// # Errors
/// The linker has one of these interfaces already.
pub fn add_disk_to_linker<T: DiskView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker::link_disk(linker)
}
