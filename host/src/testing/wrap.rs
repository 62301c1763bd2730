//! One wrapper around any disk, and what a layer adds to it.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
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
    fn layered(self, layer: impl Layer) -> Layered<Self> {
        Layered::new(self).layered(layer)
    }
}

impl<D: Disk> DiskExt for D {}

/// A disk with layers around it. The one added last sees a call first.
///
/// Its type does not tell the layers: what a component is linked with is compiled for each type of disk.
pub struct Layered<D> {
    disk: Arc<D>,
    layers: Layers,
    calls: AtomicU64,
}

type Layers = Arc<[Arc<dyn Around>]>;

impl<D: fmt::Debug> fmt::Debug for Layered<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layered").field("disk", &self.disk).finish_non_exhaustive()
    }
}

/// An open file or directory of a [`Layered`] disk, and where it was opened.
#[derive(Clone, Debug)]
pub struct Located<N> {
    node: N,
    path: Arc<str>,
}

impl<D: Disk> Layered<D> {
    fn new(disk: D) -> Self {
        Layered { disk: Arc::new(disk), layers: Arc::new([]), calls: AtomicU64::new(0) }
    }

    /// Wrap this disk in one layer more.
    #[must_use]
    pub fn layered(self, layer: impl Layer) -> Self {
        let more: Arc<dyn Around> = Arc::new(layer);
        let layers = self.layers.iter().cloned().chain([more]).collect();
        Layered { layers, ..self }
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
        around(&self.layers, call, work).await
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

/// The call with what its layers do.
async fn around<T, F>(layers: &[Arc<dyn Around>], call: Call, work: F) -> Result<T, ErrorCode>
where
    F: Future<Output = Result<T, ErrorCode>> + Send,
    T: Send,
{
    let mut passed = layers.len();
    let mut refused = None;
    while passed > 0 && refused.is_none() {
        match layers[passed - 1].before(&call).await {
            Ok(()) => passed -= 1,
            Err(code) => refused = Some(code),
        }
    }
    let mut result = match refused {
        Some(code) => Err(code),
        None => work.await,
    };
    for layer in &layers[passed..] {
        let outcome = result.as_ref().map(|_| ()).map_err(|code| *code);
        if let Err(code) = layer.after(&call, outcome).await {
            result = Err(code);
        }
    }
    result
}

/// A [`Layer`] of any type.
trait Around: Send + Sync {
    fn before<'a>(&'a self, call: &'a Call) -> Told<'a>;

    fn after<'a>(&'a self, call: &'a Call, outcome: Result<(), ErrorCode>) -> Told<'a>;
}

type Told<'a> = Pin<Box<dyn Future<Output = Result<(), ErrorCode>> + Send + 'a>>;

impl<L: Layer> Around for L {
    fn before<'a>(&'a self, call: &'a Call) -> Told<'a> {
        Box::pin(Layer::before(self, call))
    }

    fn after<'a>(&'a self, call: &'a Call, outcome: Result<(), ErrorCode>) -> Told<'a> {
        Box::pin(Layer::after(self, call, outcome))
    }
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

impl<D: Disk> Disk for Layered<D> {
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
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send + use<D> {
        let call = self.call(DiskOperation::Write, file.path.to_string());
        let call = Call { bytes: bytes.len() as u64, ..call };
        // What a layer does before comes first, so the write is not made here.
        let (disk, layers) = (self.disk.clone(), self.layers.clone());
        let (file, bytes) = (file.node.clone(), bytes.to_vec());
        async move {
            let write = async { disk.write(&file, offset, &bytes).await };
            around(&layers, call, write).await
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
