//! One wrapper around any disk, and what a layer adds to it.

use std::future::{Future, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Call, DiskOperation};
use crate::disk::{Disk, Entry, ErrorCode, Stat};

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
    disk: D,
    layer: L,
    calls: AtomicU64,
}

/// An open file or directory of a [`Layered`] disk.
#[derive(Clone, Debug)]
pub struct LayeredNode<N> {
    node: N,
    path: Arc<str>,
}

impl<D: Disk, L: Layer> Layered<D, L> {
    /// Wrap `disk` in `layer`.
    pub fn new(disk: D, layer: L) -> Self {
        Layered { disk, layer, calls: AtomicU64::new(0) }
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
        self.layer.before(&call).await?;
        let result = work.await;
        let outcome = result.as_ref().map(|_| ()).map_err(|code| *code);
        self.layer.after(&call, outcome).await?;
        result
    }

    async fn opened<F>(&self, call: Call, work: F) -> Result<LayeredNode<D::Node>, ErrorCode>
    where
        F: Future<Output = Result<D::Node, ErrorCode>> + Send,
    {
        let path = Arc::from(call.path.as_str());
        let node = self.around(call, work).await?;
        Ok(LayeredNode { node, path })
    }
}

impl<N> LayeredNode<N> {
    fn join(&self, path: &str) -> String {
        match (&*self.path, path) {
            ("", path) => path.trim_start_matches("./").to_owned(),
            (dir, ".") => dir.to_owned(),
            (dir, path) => format!("{dir}/{path}"),
        }
    }
}

impl<D: Disk, L: Layer> Disk for Layered<D, L> {
    type Node = LayeredNode<D::Node>;

    fn root(&self) -> Self::Node {
        LayeredNode { node: self.disk.root(), path: Arc::from("") }
    }

    async fn open_dir(&self, at: &Self::Node, path: &str) -> Result<Self::Node, ErrorCode> {
        let call = self.call(DiskOperation::OpenDir, at.join(path));
        self.opened(call, self.disk.open_dir(&at.node, path)).await
    }

    async fn create_dir(&self, at: &Self::Node, path: &str) -> Result<(), ErrorCode> {
        let call = self.call(DiskOperation::CreateDir, at.join(path));
        self.around(call, self.disk.create_dir(&at.node, path)).await
    }

    async fn create_file(&self, at: &Self::Node, path: &str) -> Result<Self::Node, ErrorCode> {
        let call = self.call(DiskOperation::CreateFile, at.join(path));
        self.opened(call, self.disk.create_file(&at.node, path)).await
    }

    async fn open_file(&self, at: &Self::Node, path: &str) -> Result<Self::Node, ErrorCode> {
        let call = self.call(DiskOperation::OpenFile, at.join(path));
        self.opened(call, self.disk.open_file(&at.node, path)).await
    }

    async fn read(
        &self,
        file: &Self::Node,
        offset: u64,
        bytes_max: usize,
    ) -> Result<Vec<u8>, ErrorCode> {
        let call = self.call(DiskOperation::Read, file.path.to_string());
        let call = Call { bytes: bytes_max as u64, ..call };
        self.around(call, self.disk.read(&file.node, offset, bytes_max)).await
    }

    async fn write(
        &self,
        file: &Self::Node,
        offset: u64,
        bytes: Vec<u8>,
    ) -> Result<usize, ErrorCode> {
        let call = self.call(DiskOperation::Write, file.path.to_string());
        let call = Call { bytes: bytes.len() as u64, ..call };
        self.around(call, self.disk.write(&file.node, offset, bytes)).await
    }

    async fn sync_data(&self, node: &Self::Node) -> Result<(), ErrorCode> {
        let call = self.call(DiskOperation::SyncData, node.path.to_string());
        self.around(call, self.disk.sync_data(&node.node)).await
    }

    async fn sync(&self, node: &Self::Node) -> Result<(), ErrorCode> {
        let call = self.call(DiskOperation::Sync, node.path.to_string());
        self.around(call, self.disk.sync(&node.node)).await
    }

    async fn rename(
        &self,
        from_dir: &Self::Node,
        from: &str,
        to_dir: &Self::Node,
        to: &str,
    ) -> Result<(), ErrorCode> {
        let call = self.call(DiskOperation::Rename, from_dir.join(from));
        let call = Call { to: Some(to_dir.join(to)), ..call };
        self.around(call, self.disk.rename(&from_dir.node, from, &to_dir.node, to)).await
    }

    async fn remove_file(&self, at: &Self::Node, path: &str) -> Result<(), ErrorCode> {
        let call = self.call(DiskOperation::RemoveFile, at.join(path));
        self.around(call, self.disk.remove_file(&at.node, path)).await
    }

    async fn stat(&self, node: &Self::Node) -> Result<Stat, ErrorCode> {
        let call = self.call(DiskOperation::Stat, node.path.to_string());
        self.around(call, self.disk.stat(&node.node)).await
    }

    async fn stat_at(&self, at: &Self::Node, path: &str) -> Result<Stat, ErrorCode> {
        let call = self.call(DiskOperation::StatAt, at.join(path));
        self.around(call, self.disk.stat_at(&at.node, path)).await
    }

    async fn read_dir(&self, dir: &Self::Node) -> Result<Vec<Entry>, ErrorCode> {
        let call = self.call(DiskOperation::ReadDir, dir.path.to_string());
        self.around(call, self.disk.read_dir(&dir.node)).await
    }
}
