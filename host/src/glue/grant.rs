//! A disk that is granted to a store.

use std::fmt;

use wasmtime::component::ResourceTable;

use super::shared::Shared;
use crate::disk::Disk;
use crate::records::Operation;

/// A disk that is granted, and its operations in flight. Clones share both.
pub struct DiskCtx<D>(pub(super) Shared<D>);

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

    /// The disk and the table; if the data has a [`WasiView`](wasmtime_wasi::WasiView), the table of that.
    fn disk(&mut self) -> DiskCtxView<'_, Self::Disk>;
}

impl<D: Disk> DiskCtx<D> {
    /// Grant this disk.
    pub fn new(disk: D) -> Self {
        DiskCtx(Shared::new(disk))
    }

    /// The same disk, whose operations are counted apart.
    pub(super) fn another(&self) -> Self {
        DiskCtx(self.0.another())
    }

    /// What the system said when this step failed.
    pub(super) fn said(&self, operation: Operation, path: &str, code: &str) -> Option<String> {
        self.0.said(operation, path, code)
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
