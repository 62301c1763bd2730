//! A disk, its operations in flight, and what it opened.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::flight::{Flight, PendingOperation};
use super::notes::Notes;
use crate::disk::{Disk, ErrorCode, said};
use crate::events::DiskCall;
use crate::records::Operation;

/// A disk, its operations in flight, and what the system said of those that failed.
pub(crate) struct Shared<D> {
    disk: Arc<D>,
    flight: Flight,
    notes: Arc<Notes>,
}

/// What a component has open, and its path.
pub(super) enum Handle<D: Disk> {
    Dir(D::Dir, Arc<str>),
    File(D::File, Arc<str>),
}

impl<D> Clone for Shared<D> {
    fn clone(&self) -> Self {
        Shared { disk: self.disk.clone(), flight: self.flight.clone(), notes: self.notes.clone() }
    }
}

impl<D: Disk> Clone for Handle<D> {
    fn clone(&self) -> Self {
        match self {
            Handle::Dir(dir, path) => Handle::Dir(dir.clone(), path.clone()),
            Handle::File(file, path) => Handle::File(file.clone(), path.clone()),
        }
    }
}

impl<D: Disk> Handle<D> {
    pub(super) fn dir(self) -> Result<D::Dir, ErrorCode> {
        match self {
            Handle::Dir(dir, _) => Ok(dir),
            Handle::File(..) => Err(ErrorCode::NotDirectory),
        }
    }

    pub(super) fn file(self) -> Result<D::File, ErrorCode> {
        match self {
            Handle::Dir(..) => Err(ErrorCode::IsDirectory),
            Handle::File(file, _) => Ok(file),
        }
    }

    /// Its path below the root.
    pub(super) fn path(&self) -> Arc<str> {
        match self {
            Handle::Dir(_, path) | Handle::File(_, path) => path.clone(),
        }
    }

    /// The path of what has this path in it.
    pub(super) fn join(&self, path: &str) -> Arc<str> {
        match &*self.path() {
            "." => path.into(),
            own => format!("{own}/{path}").into(),
        }
    }
}

impl<D: Disk> Shared<D> {
    pub(crate) fn new(disk: D) -> Self {
        Shared { disk: Arc::new(disk), flight: Flight::new(), notes: Arc::default() }
    }

    /// The same disk, whose operations are counted apart.
    pub(crate) fn another(&self) -> Self {
        Shared { disk: self.disk.clone(), flight: Flight::new(), notes: Arc::default() }
    }

    pub(crate) async fn settled(&self) {
        self.flight.settled().await;
    }

    pub(super) fn root(&self) -> Handle<D> {
        Handle::Dir(self.disk.root(), ".".into())
    }

    /// What the system said when this step failed.
    pub(super) fn said(&self, operation: Operation, path: &str, code: &str) -> Option<String> {
        self.notes.find(operation, path, code)
    }

    /// Starts one disk operation that ends even if nobody waits for it any more.
    pub(super) fn start<T, F>(
        &self,
        call: DiskCall,
        work: impl FnOnce(Arc<D>) -> F,
    ) -> PendingOperation<Result<T, ErrorCode>>
    where
        F: Future<Output = Result<T, ErrorCode>> + Send + 'static,
        T: Send + 'static,
    {
        self.flight.start(self.told(call, work(self.disk.clone())))
    }

    /// The same work, whose end is told; what the system says is noted if it fails.
    fn told<T, F>(
        &self,
        call: DiskCall,
        work: F,
    ) -> impl Future<Output = Result<T, ErrorCode>> + Send + use<D, T, F>
    where
        F: Future<Output = Result<T, ErrorCode>> + Send + 'static,
        T: Send,
    {
        let notes = self.notes.clone();
        async move {
            let result = work.await;
            if let Some((code, said)) = said::take(&result) {
                notes.add(call.place(), call.moved(), code, said);
            }
            call.ended(&result);
            result
        }
    }

    /// Starts a write, as [`start`](Shared::start) does. It may be over when this returns.
    pub(super) fn write(
        &self,
        path: Arc<str>,
        file: &D::File,
        offset: u64,
        bytes: &[u8],
    ) -> PendingOperation<Result<(), ErrorCode>> {
        let call = DiskCall::new("write", path).of_bytes(bytes.len());
        // A disk of one's own may have a bug; it is no reason to lose the others' runs.
        let write = catch_unwind(AssertUnwindSafe(|| self.disk.write(file, offset, bytes)));
        self.flight.start(self.told(call, async move {
            match write {
                Ok(write) => write.await,
                Err(_) => Err(ErrorCode::Io),
            }
        }))
    }
}
