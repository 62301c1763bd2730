//! What Tandem imports, for components that you run in wasmtime yourself: a
//! [`Disk`](crate::disk::Disk) behind `wasi:filesystem`, clocks, and secure randomness.
//!
//! [`Tandem`](crate::Tandem) needs none of this. It is for a host whose plugins are composed with
//! Tandem, each with an instance of its own inside: such a component imports what Tandem imports.
//! Each store is granted one disk, so no plugin can see what another one keeps. Limits of memory and
//! of computing are the host's business, as for any plugin.
//!
//! Your runtime drives such a component, and its file calls with it: have an
//! [`OsDisk`](crate::disk::OsDisk) make them on workers.
//!
//! `wasi:filesystem` answers the operations that Tandem uses; every other one is `unsupported`.
//!
//! ```
//! use tandem_host::disk::{OsDisk, Threads};
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
//! # let composed = tandem_components::TANDEM;
//! let engine = Engine::new(Config::new().wasm_component_model_async(true))?;
//! let mut linker = Linker::<Plugin>::new(&engine);
//! add_to_linker(&mut linker)?;
//! let plugin = linker.instantiate_pre(&Component::new(&engine, composed)?)?;
//!
//! // For each instance, a directory of its own:
//! let disk = DiskCtx::new(OsDisk::open(dir.path())?.threads(Threads::Workers));
//! let (wasi, table) = (WasiCtxBuilder::new().build(), ResourceTable::new());
//! let mut store = Store::new(&engine, Plugin { wasi, disk, table });
//! let instance = plugin.instantiate_async(&mut store).await?;
//! # let _ = instance;
//! # Ok(())
//! # }
//! ```

use wasmtime::component::Linker;
use wasmtime_wasi::WasiView;
/// The versions whose types are used here.
pub use {wasmtime, wasmtime_wasi};

pub use crate::glue::grant::{DiskCtx, DiskCtxView, DiskView};
use crate::glue::linker;

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
