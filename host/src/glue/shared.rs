//! A disk, its operations in flight, and what it opened.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::flight::{DiskOperation, Flight};
use crate::disk::{Disk, ErrorCode};

/// A disk and its operations in flight.
pub(crate) struct Shared<D> {
    disk: Arc<D>,
    flight: Flight,
}

/// What a component has open.
pub(super) enum Handle<D: Disk> {
    Dir(D::Dir),
    File(D::File),
}

impl<D> Clone for Shared<D> {
    fn clone(&self) -> Self {
        Shared { disk: self.disk.clone(), flight: self.flight.clone() }
    }
}

impl<D: Disk> Clone for Handle<D> {
    fn clone(&self) -> Self {
        match self {
            Handle::Dir(dir) => Handle::Dir(dir.clone()),
            Handle::File(file) => Handle::File(file.clone()),
        }
    }
}

impl<D: Disk> Handle<D> {
    pub(super) fn dir(self) -> Result<D::Dir, ErrorCode> {
        match self {
            Handle::Dir(dir) => Ok(dir),
            Handle::File(_) => Err(ErrorCode::NotDirectory),
        }
    }

    pub(super) fn file(self) -> Result<D::File, ErrorCode> {
        match self {
            Handle::Dir(_) => Err(ErrorCode::IsDirectory),
            Handle::File(file) => Ok(file),
        }
    }
}

impl<D: Disk> Shared<D> {
    pub(crate) fn new(disk: D) -> Self {
        Shared { disk: Arc::new(disk), flight: Flight::new() }
    }

    /// The same disk, whose operations are counted apart.
    pub(crate) fn another(&self) -> Self {
        Shared { disk: self.disk.clone(), flight: Flight::new() }
    }

    pub(crate) async fn settled(&self) {
        self.flight.settled().await;
    }

    pub(super) fn root(&self) -> Handle<D> {
        Handle::Dir(self.disk.root())
    }

    /// Starts one disk operation that ends even if nobody waits for it any more.
    pub(super) fn start<T, F>(
        &self,
        work: impl FnOnce(Arc<D>) -> F,
    ) -> DiskOperation<Result<T, ErrorCode>>
    where
        F: Future<Output = Result<T, ErrorCode>> + Send + 'static,
        T: Send + 'static,
    {
        self.flight.start(work(self.disk.clone()))
    }

    /// Starts a write, as [`start`](Shared::start) does. It may be over when this returns.
    pub(super) fn write(
        &self,
        file: &D::File,
        offset: u64,
        bytes: &[u8],
    ) -> DiskOperation<Result<(), ErrorCode>> {
        // A disk of one's own may have a bug; it is no reason to lose the others' runs.
        let write = catch_unwind(AssertUnwindSafe(|| self.disk.write(file, offset, bytes)));
        self.flight.start(async move {
            match write {
                Ok(write) => write.await,
                Err(_) => Err(ErrorCode::Io),
            }
        })
    }
}
