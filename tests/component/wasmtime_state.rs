//! The data of a store whose files are wasmtime's own.

use std::path::Path;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

pub struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl State {
    /// With this directory, and nothing else.
    pub fn on(dir: &Path) -> Self {
        let mut wasi = WasiCtxBuilder::new();
        wasi.preopened_dir(dir, "/", FsPerms::ReadWrite).unwrap();
        State { wasi: wasi.build(), table: ResourceTable::new() }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
