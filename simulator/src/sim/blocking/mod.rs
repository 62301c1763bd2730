//! WASI 0.2 of a simulated world. A guest's call that waits for the disk or for time is pending until
//! it is let go on, as the calls of WASI 0.3 are.

#[allow(missing_docs, reason = "generated; the WIT is the documentation")]
#[allow(clippy::all, clippy::pedantic, unused, reason = "generated")]
mod bindings;
mod files;
mod poll;
mod shapes;
mod stream;

use wasmtime::component::{HasData, Linker, ResourceTable};

use super::disk::SimDisk;
use super::state::SimState;
use bindings::wasi::{clocks, filesystem, io, random};

/// What answers a store's imports: its handles and its disk.
struct View<'a> {
    table: &'a mut ResourceTable,
    disk: &'a SimDisk,
}

impl HasData for View<'static> {
    type Data<'a> = View<'a>;
}

pub(super) fn link(linker: &mut Linker<SimState>) -> wasmtime::Result<()> {
    fn view(state: &mut SimState) -> View<'_> {
        View { table: &mut state.table, disk: &state.disk }
    }
    io::error::add_to_linker::<_, View<'static>>(linker, view)?;
    io::poll::add_to_linker::<_, View<'static>>(linker, view)?;
    io::streams::add_to_linker::<_, View<'static>>(linker, view)?;
    clocks::monotonic_clock::add_to_linker::<_, View<'static>>(linker, view)?;
    clocks::wall_clock::add_to_linker::<_, View<'static>>(linker, view)?;
    filesystem::types::add_to_linker::<_, View<'static>>(linker, view)?;
    filesystem::preopens::add_to_linker::<_, View<'static>>(linker, view)?;
    random::random::add_to_linker::<_, View<'static>>(linker, view)
}
