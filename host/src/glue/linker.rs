//! The one place that builds the linker and decides what a store is granted.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime::{Engine, StoreLimits};
use wasmtime_wasi::p3;
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::bindings::{preopens, types};
use super::files::{Files, Glue};
use super::grant::{DiskCtx, DiskCtxView, DiskView};
use crate::disk::Disk;
use crate::records::Operation;

/// The data of one store.
pub(crate) struct State<F> {
    /// Clocks and randomness; the files too if wasmtime answers for them.
    pub wasi: WasiCtx,
    /// Handles that the component holds.
    pub table: ResourceTable,
    /// Memory, tables, instances.
    pub limits: StoreLimits,
    /// What answers `wasi:filesystem`.
    pub files: F,
}

impl<F: Send> WasiView for State<F> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl<D: Disk> DiskView for State<OnDisk<D>> {
    type Disk = D;

    fn disk(&mut self) -> DiskCtxView<'_, D> {
        DiskCtxView { ctx: &self.files.0, table: &mut self.table }
    }
}

/// What answers `wasi:filesystem`.
pub(crate) trait Filesystem: Clone + Send + Sync + 'static {
    /// Link the two interfaces of `wasi:filesystem`.
    fn link(linker: &mut Linker<State<Self>>) -> wasmtime::Result<()>;

    /// Grant the one directory, if that is done through wasmtime's own context.
    fn grant(&self, wasi: &mut WasiCtxBuilder) -> wasmtime::Result<()>;

    /// The same files for another component: operations in flight are counted apart.
    fn another(&self) -> Self;

    /// What the system said when a step failed, of which the component knows path and code only.
    fn said(&self, operation: Operation, path: &str, code: &str) -> Option<String>;

    /// Wait until no operation that a store began is in flight.
    fn settled(&self) -> impl Future<Output = ()> + Send;
}

/// Our own glue over a [`Disk`].
pub(crate) struct OnDisk<D>(DiskCtx<D>);

/// wasmtime's own filesystem, which is what other hosts use. Its operations in flight cannot be
/// counted: after a trap the next store starts without waiting for them.
#[derive(Clone)]
pub(crate) struct OnWasmtime(Arc<PathBuf>);

impl<D: Disk> OnDisk<D> {
    pub(crate) fn new(disk: D) -> Self {
        OnDisk(DiskCtx::new(disk))
    }
}

impl<D> Clone for OnDisk<D> {
    fn clone(&self) -> Self {
        OnDisk(self.0.clone())
    }
}

impl OnWasmtime {
    pub(crate) fn new(dir: PathBuf) -> Self {
        OnWasmtime(Arc::new(dir))
    }
}

impl<D: Disk> Filesystem for OnDisk<D> {
    fn link(linker: &mut Linker<State<Self>>) -> wasmtime::Result<()> {
        link_disk(linker)
    }

    fn grant(&self, _wasi: &mut WasiCtxBuilder) -> wasmtime::Result<()> {
        Ok(())
    }

    fn another(&self) -> Self {
        OnDisk(self.0.another())
    }

    fn said(&self, operation: Operation, path: &str, code: &str) -> Option<String> {
        self.0.said(operation, path, code)
    }

    async fn settled(&self) {
        self.0.settled().await;
    }
}

impl Filesystem for OnWasmtime {
    fn link(linker: &mut Linker<State<Self>>) -> wasmtime::Result<()> {
        p3::filesystem::add_to_linker(linker)
    }

    fn grant(&self, wasi: &mut WasiCtxBuilder) -> wasmtime::Result<()> {
        wasi.preopened_dir(&*self.0, "/", FsPerms::ReadWrite)?;
        Ok(())
    }

    fn another(&self) -> Self {
        self.clone()
    }

    fn said(&self, _operation: Operation, _path: &str, _code: &str) -> Option<String> {
        None
    }

    async fn settled(&self) {}
}

/// Everything the component may import, and nothing else: files, clocks, randomness.
pub(crate) fn linker<F: Filesystem>(engine: &Engine) -> wasmtime::Result<Linker<State<F>>> {
    let mut linker = Linker::new(engine);
    F::link(&mut linker)?;
    link_rest(&mut linker)?;
    Ok(linker)
}

/// Our own glue over the disk of a store.
pub(crate) fn link_disk<T: DiskView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    fn files<T: DiskView>(state: &mut T) -> <Glue<T::Disk> as HasData>::Data<'_> {
        let DiskCtxView { ctx, table } = state.disk();
        Files { table, disk: &ctx.0 }
    }
    types::add_to_linker::<_, Glue<T::Disk>>(linker, files)?;
    preopens::add_to_linker::<_, Glue<T::Disk>>(linker, files)
}

/// Clocks and randomness.
pub(crate) fn link_rest<T: WasiView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    p3::clocks::add_to_linker(linker)?;
    // Only secure randomness; wasmtime's own function would add two insecure interfaces.
    p3::bindings::random::random::add_to_linker::<_, WasiRandom>(linker, T::random)
}
