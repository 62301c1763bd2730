//! One wrapper around any disk, and what a layer adds to it.

use std::future::{Future, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Call, DiskOperation};
use crate::disk::{Disk, Entry, ErrorCode, Mode, Purpose, Stat};

/// What happens around each call of a [`Layered`] disk.
pub trait Layer: Send + Sync + 'static {
    /// Runs before the call. An error takes the call's place: nothing reaches the disk.
    fn before(&self, call: &Call) -> impl Future<Output = Result<(), ErrorCode>> + Send {
        let _ = call;
        ready(Ok(()))
    }

    /// Runs after the call, with its outcome. An error takes the outcome's place; a failed call
    /// stays failed.
    fn after(
        &self,
        call: &Call,
        outcome: Result<(), ErrorCode>,
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send {
        let _ = call;
        ready(outcome)
    }
}

/// Puts layers around a disk.
pub trait DiskExt: Disk + Sized {
    /// Wrap this disk in a layer.
    fn layered<L: Layer>(self, layer: L) -> Layered<Self, L> {
        Layered::new(self, layer)
    }
}

impl<D: Disk> DiskExt for D {}

/// A disk with a layer around it. Layers compose: the one added last sees a call first.
#[derive(Debug)]
pub struct Layered<D, L> {
    disk: Arc<D>,
    layer: Arc<L>,
    calls: AtomicU64,
}

/// An open file or directory of a [`Layered`] disk, and where it was opened.
#[derive(Clone, Debug)]
pub struct Located<N> {
    node: N,
    path: Arc<str>,
}

impl<D: Disk, L: Layer> Layered<D, L> {
    /// Wrap `disk` in `layer`.
    pub fn new(disk: D, layer: L) -> Self {
        Layered { disk: Arc::new(disk), layer: Arc::new(layer), calls: AtomicU64::new(0) }
    }

    fn call(&self, operation: DiskOperation, path: String) -> Call {
        let id = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        Call { id, operation, path, to: None, bytes: 0 }
    }

    async fn around<T, F>(&self, call: Call, work: F) -> Result<T, ErrorCode>
    where
        F: Future<Output = Result<T, ErrorCode>> + Send,
        T: Send,
    {
        around(&*self.layer, call, work).await
    }

    async fn opened<N, F>(&self, call: Call, work: F) -> Result<Located<N>, ErrorCode>
    where
        F: Future<Output = Result<N, ErrorCode>> + Send,
        N: Send,
    {
        let path = Arc::from(call.path.as_str());
        let node = self.around(call, work).await?;
        Ok(Located { node, path })
    }
}

async fn around<T, F>(layer: &impl Layer, call: Call, work: F) -> Result<T, ErrorCode>
where
    F: Future<Output = Result<T, ErrorCode>> + Send,
    T: Send,
{
    layer.before(&call).await?;
    let result = work.await;
    let outcome = result.as_ref().map(|_| ()).map_err(|code| *code);
    layer.after(&call, outcome).await?;
    result
}

impl<N> Located<N> {
    fn join(&self, path: &str) -> String {
        match (&*self.path, path) {
            ("", path) => path.trim_start_matches("./").to_owned(),
            (dir, ".") => dir.to_owned(),
            (dir, path) => format!("{dir}/{path}"),
        }
    }
}

impl<D: Disk, L: Layer> Disk for Layered<D, L> {
    type Dir = Located<D::Dir>;
    type File = Located<D::File>;

    fn root(&self) -> Self::Dir {
        Located { node: self.disk.root(), path: Arc::from("") }
    }

    async fn open_dir(&self, at: &Self::Dir, path: &str) -> Result<Self::Dir, ErrorCode> {
        let call = self.call(DiskOperation::OpenDir, at.join(path));
        self.opened(call, self.disk.open_dir(&at.node, path)).await
    }

    async fn open_subdir(&self, at: &Self::Dir, path: &str) -> Result<Self::Dir, ErrorCode> {
        let call = self.call(DiskOperation::OpenSubdir, at.join(path));
        self.opened(call, self.disk.open_subdir(&at.node, path)).await
    }

    async fn create_dir(&self, at: &Self::Dir, path: &str) -> Result<(), ErrorCode> {
        let call = self.call(DiskOperation::CreateDir, at.join(path));
        self.around(call, self.disk.create_dir(&at.node, path)).await
    }

    async fn create_file(
        &self,
        at: &Self::Dir,
        path: &str,
        purpose: Purpose,
    ) -> Result<Self::File, ErrorCode> {
        let call = self.call(DiskOperation::CreateFile, at.join(path));
        self.opened(call, self.disk.create_file(&at.node, path, purpose)).await
    }

    async fn open_file(&self, at: &Self::Dir, path: &str) -> Result<Self::File, ErrorCode> {
        let call = self.call(DiskOperation::OpenFile, at.join(path));
        self.opened(call, self.disk.open_file(&at.node, path)).await
    }

    async fn read(
        &self,
        file: &Self::File,
        offset: u64,
        bytes_max: usize,
    ) -> Result<Vec<u8>, ErrorCode> {
        let call = self.call(DiskOperation::Read, file.path.to_string());
        let call = Call { bytes: bytes_max as u64, ..call };
        self.around(call, self.disk.read(&file.node, offset, bytes_max)).await
    }

    fn write(
        &self,
        file: &Self::File,
        offset: u64,
        bytes: &[u8],
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send + use<D, L> {
        let call = self.call(DiskOperation::Write, file.path.to_string());
        let call = Call { bytes: bytes.len() as u64, ..call };
        // What a layer does before comes first, so the write is not made here.
        let (disk, layer) = (self.disk.clone(), self.layer.clone());
        let (file, bytes) = (file.node.clone(), bytes.to_vec());
        async move {
            let write = async { disk.write(&file, offset, &bytes).await };
            around(&*layer, call, write).await
        }
    }

    async fn sync_data(&self, file: &Self::File) -> Result<(), ErrorCode> {
        let call = self.call(DiskOperation::SyncData, file.path.to_string());
        self.around(call, self.disk.sync_data(&file.node)).await
    }

    async fn sync_dir(&self, dir: &Self::Dir) -> Result<(), ErrorCode> {
        let call = self.call(DiskOperation::SyncDir, dir.path.to_string());
        self.around(call, self.disk.sync_dir(&dir.node)).await
    }

    async fn rename(
        &self,
        from_dir: &Self::Dir,
        from: &str,
        to_dir: &Self::Dir,
        to: &str,
        mode: Mode<'_>,
    ) -> Result<(), ErrorCode> {
        let call = self.call(DiskOperation::Rename, from_dir.join(from));
        let call = Call { to: Some(to_dir.join(to)), ..call };
        self.around(call, self.disk.rename(&from_dir.node, from, &to_dir.node, to, mode)).await
    }

    async fn remove_file(&self, at: &Self::Dir, path: &str) -> Result<(), ErrorCode> {
        let call = self.call(DiskOperation::RemoveFile, at.join(path));
        self.around(call, self.disk.remove_file(&at.node, path)).await
    }

    async fn remove_dir(&self, at: &Self::Dir, path: &str) -> Result<(), ErrorCode> {
        let call = self.call(DiskOperation::RemoveDir, at.join(path));
        self.around(call, self.disk.remove_dir(&at.node, path)).await
    }

    async fn stat(&self, at: &Self::Dir, path: &str) -> Result<Stat, ErrorCode> {
        let call = self.call(DiskOperation::Stat, at.join(path));
        self.around(call, self.disk.stat(&at.node, path)).await
    }

    async fn read_dir(&self, dir: &Self::Dir) -> Result<Vec<Entry>, ErrorCode> {
        let call = self.call(DiskOperation::ReadDir, dir.path.to_string());
        self.around(call, self.disk.read_dir(&dir.node)).await
    }
}
