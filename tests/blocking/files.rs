//! What answers the imports of a component.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tandem_host::disk::Disk;
use tandem_simulator::sim::blocking::{Granted, add_to_linker};
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView, p2};

use super::clocks::Clocks;

pub(super) trait Files: Send + 'static {
    /// The data of a component's store.
    type Data: Send;

    fn link(linker: &mut Linker<Self::Data>) -> wasmtime::Result<()>;

    fn grant(&self) -> wasmtime::Result<Self::Data>;

    /// Waits until nothing that a component began is in flight.
    fn settled(data: &mut Self::Data) -> impl Future<Output = ()>;
}

/// The glue of the simulator, over any disk.
pub(super) struct OnDisk<D> {
    disk: Arc<D>,
    clocks: Clocks,
}

impl<D: Disk> OnDisk<D> {
    pub(super) fn new(disk: D, clocks: Clocks) -> Self {
        OnDisk { disk: Arc::new(disk), clocks }
    }
}

impl<D: Disk> Files for OnDisk<D> {
    type Data = Granted<D, Clocks>;

    fn link(linker: &mut Linker<Self::Data>) -> wasmtime::Result<()> {
        add_to_linker(linker, |granted| granted)
    }

    fn grant(&self) -> wasmtime::Result<Self::Data> {
        Ok(Granted::new(self.disk.clone(), self.clocks.clone()))
    }

    async fn settled(data: &mut Self::Data) {
        data.settled().await;
    }
}

/// wasmtime's own filesystem, which other hosts use. What it has in flight cannot be waited for.
pub(super) struct OnWasmtime(PathBuf);

pub(super) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
}

impl OnWasmtime {
    pub(super) fn new(path: &Path) -> Self {
        OnWasmtime(path.to_owned())
    }
}

impl Files for OnWasmtime {
    type Data = Wasi;

    fn link(linker: &mut Linker<Self::Data>) -> wasmtime::Result<()> {
        p2::add_to_linker_async(linker)
    }

    fn grant(&self) -> wasmtime::Result<Self::Data> {
        let mut ctx = WasiCtxBuilder::new();
        ctx.preopened_dir(&self.0, "/", FsPerms::ReadWrite)?;
        Ok(Wasi { ctx: ctx.build(), table: ResourceTable::new() })
    }

    async fn settled(_data: &mut Self::Data) {}
}

impl WasiView for Wasi {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.ctx, table: &mut self.table }
    }
}
