//! The data of a store whose component runs on a simulated disk.

use std::fmt;
use std::sync::Arc;

use wasmtime::component::Linker;

use super::blocking::{self, Granted};
use super::concurrent;
use super::disk::SimDisk;
use super::documents::SimDocuments;
use tandem_documents::DocumentsDisk;
use tandem_host::disk::Disk;
use tandem_host::wasi::{DiskCtx, DiskCtxView, DiskView};

/// The data of a store whose component is granted a simulated disk, its clock and its randomness.
///
/// A component imports WASI 0.3 or WASI 0.2; whichever it is, it stands still while the disk
/// [holds](SimDisk::hold) what it waits for, and goes on when its store's future is polled after
/// that was [completed](SimDisk::complete).
///
/// `D` is what its files stand on: the disk itself, or a disk over [`SimDocuments`].
pub struct SimState<D: Disk = SimDisk> {
    /// The disk for WASI 0.2, with its clock and its randomness, and the handles of either WASI.
    granted: Granted<SimDisk, SimDisk>,
    /// The disk for WASI 0.3, and its operations in flight.
    files: DiskCtx<D>,
}

impl SimState {
    /// Grants this disk.
    pub fn new(disk: &SimDisk) -> Self {
        SimState::on(disk, disk.clone())
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

impl SimState<DocumentsDisk<SimDocuments>> {
    /// Grants a store in the place of this disk, as to a host of its own.
    pub fn of_documents(disk: &SimDisk) -> Self {
        SimState::on(disk, SimDocuments::host(disk))
    }
}

impl<D: Disk> SimState<D> {
    fn on(disk: &SimDisk, files: D) -> Self {
        SimState {
            granted: Granted::new(Arc::new(disk.clone()), disk.clone()),
            files: DiskCtx::new(files),
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
    pub fn link(linker: &mut Linker<Self>) -> wasmtime::Result<()> {
        concurrent::link(linker)
    }
}

impl<D: Disk> DiskView for SimState<D> {
    type Disk = D;

    fn disk(&mut self) -> DiskCtxView<'_, D> {
        DiskCtxView { ctx: &self.files, table: &mut self.granted.table }
    }
}

impl<D: Disk> fmt::Debug for SimState<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimState").finish_non_exhaustive()
    }
}
