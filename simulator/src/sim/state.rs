//! The data of a store whose component runs on a simulated disk.

use std::fmt;

use wasmtime::component::{Linker, ResourceTable};

use super::disk::SimDisk;
use super::{blocking, concurrent};
use tandem_host::wasi::{DiskCtx, DiskCtxView, DiskView};

/// The data of a store whose component is granted a simulated disk, its clock and its randomness.
///
/// A component imports WASI 0.3 or WASI 0.2; whichever it is, it stands still while the disk
/// [holds](SimDisk::hold) what it waits for, and goes on when its store's future is polled after
/// that was [completed](SimDisk::complete).
pub struct SimState {
    /// Handles that the component holds.
    pub(super) table: ResourceTable,
    /// The disk and its operations in flight.
    files: DiskCtx<SimDisk>,
    /// The disk once more, for its clock and its randomness.
    pub(super) disk: SimDisk,
}

impl SimState {
    /// Grants this disk.
    pub fn new(disk: &SimDisk) -> Self {
        SimState {
            table: ResourceTable::new(),
            files: DiskCtx::new(disk.clone()),
            disk: disk.clone(),
        }
    }

    /// Links what a component of WASI 0.3 may import: the two interfaces of `wasi:filesystem`, those
    /// of `wasi:clocks`, and `wasi:random/random`. The calls that Tandem makes are answered, others
    /// are `unsupported`.
    ///
    /// # Errors
    /// The linker has one of these interfaces already.
    pub fn link(linker: &mut Linker<SimState>) -> wasmtime::Result<()> {
        concurrent::link(linker)
    }

    /// Links what a component of WASI 0.2 may import: as [`SimState::link`], and `wasi:io`. Its calls
    /// block the component, not the thread: it must be called by what wasmtime names `_async`.
    ///
    /// # Errors
    /// The linker has one of these interfaces already.
    pub fn link_blocking(linker: &mut Linker<SimState>) -> wasmtime::Result<()> {
        blocking::link(linker)
    }
}

impl DiskView for SimState {
    type Disk = SimDisk;

    fn disk(&mut self) -> DiskCtxView<'_, SimDisk> {
        DiskCtxView { ctx: &self.files, table: &mut self.table }
    }
}

impl fmt::Debug for SimState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimState").finish_non_exhaustive()
    }
}
