//! What a store of the synchronous component is linked with.

use wasmtime::Engine;
use wasmtime::component::{HasData, Linker};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{clocks, random, sync};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};

use super::bindings::{preopens, types};
use crate::disk::Disk;
use crate::glue::files::{Files, Glue};
use crate::glue::linker::{Filesystem, OnDisk, OnWasmtime, State};
use crate::wasi::{DiskCtxView, DiskView};

/// What answers `wasi:filesystem` of WASI 0.2 too.
pub(crate) trait SyncFilesystem: Filesystem {
    /// Link the two interfaces of `wasi:filesystem`.
    fn link_sync(linker: &mut Linker<State<Self>>) -> wasmtime::Result<()>;
}

impl<D: Disk> SyncFilesystem for OnDisk<D> {
    fn link_sync(linker: &mut Linker<State<Self>>) -> wasmtime::Result<()> {
        fn files<D: Disk>(state: &mut State<OnDisk<D>>) -> <Glue<D> as HasData>::Data<'_> {
            let DiskCtxView { ctx, table } = state.disk();
            Files { table, disk: &ctx.0 }
        }
        types::add_to_linker::<_, Glue<D>>(linker, files)?;
        preopens::add_to_linker::<_, Glue<D>>(linker, files)
    }
}

impl SyncFilesystem for OnWasmtime {
    fn link_sync(linker: &mut Linker<State<Self>>) -> wasmtime::Result<()> {
        sync::filesystem::types::add_to_linker::<_, WasiFilesystem>(linker, State::filesystem)?;
        sync::filesystem::preopens::add_to_linker::<_, WasiFilesystem>(linker, State::filesystem)
    }
}

/// Everything the component may import, and nothing else: files, clocks, randomness, streams.
pub(crate) fn linker<F: SyncFilesystem>(engine: &Engine) -> wasmtime::Result<Linker<State<F>>> {
    /// Selects the table of handles in a store's data.
    struct Table;
    impl HasData for Table {
        type Data<'a> = &'a mut wasmtime::component::ResourceTable;
    }

    let mut linker = Linker::new(engine);
    F::link_sync(&mut linker)?;
    sync::io::error::add_to_linker::<_, Table>(&mut linker, |state: &mut State<F>| {
        &mut state.table
    })?;
    sync::io::streams::add_to_linker::<_, Table>(&mut linker, |state: &mut State<F>| {
        &mut state.table
    })?;
    sync::io::poll::add_to_linker::<_, Table>(&mut linker, |state: &mut State<F>| {
        &mut state.table
    })?;
    clocks::wall_clock::add_to_linker::<_, WasiClocks>(&mut linker, State::clocks)?;
    clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(&mut linker, State::clocks)?;
    random::random::add_to_linker::<_, WasiRandom>(&mut linker, State::random)?;
    Ok(linker)
}
