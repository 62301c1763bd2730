//! The data of a store whose component runs on a simulated disk.

use std::fmt;
use std::sync::Arc;

use wasmtime::component::Linker;

use super::blocking::{self, Granted};
use super::concurrent;
use super::disk::SimDisk;
use tandem_host::wasi::{DiskCtx, DiskCtxView, DiskView};

/// The data of a store whose component is granted a simulated disk, its clock and its randomness.
///
/// A component imports WASI 0.3 or WASI 0.2; whichever it is, it stands still while the disk
/// [holds](SimDisk::hold) what it waits for, and goes on when its store's future is polled after
/// that was [completed](SimDisk::complete).
pub struct SimState {
    /// The disk for WASI 0.2, with its clock and its randomness, and the handles of either WASI.
    granted: Granted<SimDisk, SimDisk>,
    /// The disk for WASI 0.3, and its operations in flight.
    files: DiskCtx<SimDisk>,
}

impl SimState {
    /// Grants this disk.
    pub fn new(disk: &SimDisk) -> Self {
        SimState {
            granted: Granted::new(Arc::new(disk.clone()), disk.clone()),
            files: DiskCtx::new(disk.clone()),
        }
    }

    pub(super) fn disk(&self) -> &SimDisk {
        &self.granted.surroundings
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
        blocking::add_to_linker(linker, |state| &mut state.granted)
    }
}

impl DiskView for SimState {
    type Disk = SimDisk;

    fn disk(&mut self) -> DiskCtxView<'_, SimDisk> {
        DiskCtxView { ctx: &self.files, table: &mut self.granted.table }
    }
}

impl fmt::Debug for SimState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimState").finish_non_exhaustive()
    }
}
