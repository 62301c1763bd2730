//! [`SimDisk`]: the disk trait over a [`World`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use super::model::Model;
use super::store::{StoreAnswer, StoreOp};
use super::tree::{Ino, ROOT, Tree};
use super::world::{Op, OpAnswer, World, operation};
use tandem_host::disk::{Disk, Entry, ErrorCode, Mode, Purpose, Stat};
use tandem_host::testing::Call;

/// A disk in memory that knows what a power loss may take away. Clones share it.
///
/// It has its own virtual clock and randomness. Listings are sorted. The same calls on a disk with
/// the same seed have the same [trace hash](SimDisk::trace_hash).
///
/// It is made for one thread: calls of several threads are in no repeatable order.
#[derive(Clone)]
pub struct SimDisk {
    world: Arc<Mutex<World>>,
    /// Whose calls come through this clone.
    owner: usize,
}

/// An open file or directory of a [`SimDisk`].
#[derive(Clone, Debug)]
pub struct SimNode {
    ino: Ino,
    path: Arc<str>,
}

impl SimDisk {
    /// An empty disk.
    pub fn new(model: Model, seed: u64) -> Self {
        SimDisk::from_tree(Tree::new(), model, seed)
    }

    pub(crate) fn from_tree(tree: Tree, model: Model, seed: u64) -> Self {
        SimDisk { world: Arc::new(Mutex::new(World::new(tree, model, seed))), owner: 0 }
    }

    /// The same disk for another process.
    pub(crate) fn owned_by(&self, owner: usize) -> Self {
        SimDisk { world: self.world.clone(), owner }
    }

    /// A hash of every call so far, with its outcome and its virtual time.
    pub fn trace_hash(&self) -> u64 {
        self.world().trace_hash()
    }

    /// What a reader finds at a path now.
    pub fn content(&self, path: &str) -> Option<Vec<u8>> {
        self.world().live.content(path).map(|data| data.to_vec())
    }

    /// The monotonic clock.
    pub fn now_ns(&self) -> u64 {
        self.world().now_ns
    }

    /// The wall clock, since the epoch.
    pub fn wall_clock(&self) -> Duration {
        Duration::from_nanos(self.world().wall_ns())
    }

    pub(crate) fn random_bytes(&self, len: u64) -> wasmtime::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(len)?];
        self.world().random.fill(&mut bytes);
        Ok(bytes)
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        // Nothing in the world panics half way.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request to the store that stands in the place of the disk.
    pub(super) async fn ask(&self, op: StoreOp) -> Result<StoreAnswer, ErrorCode> {
        match self.call(op.path(), Op::Store(op)).await? {
            OpAnswer::Store(answer) => Ok(answer),
            _ => Err(ErrorCode::Io),
        }
    }

    async fn call(&self, path: String, op: Op) -> Result<OpAnswer, ErrorCode> {
        self.call_to(path, None, op).await
    }

    async fn call_to(
        &self,
        path: String,
        to: Option<String>,
        op: Op,
    ) -> Result<OpAnswer, ErrorCode> {
        self.issue(path, to, op).await
    }

    fn issue(&self, path: String, to: Option<String>, op: Op) -> Issued {
        let bytes = match &op {
            Op::Write { bytes, .. } => bytes.len() as u64,
            _ => 0,
        };
        let call = Call { id: 0, operation: operation(&op), path, to, bytes };
        let issued = self.world().issue(self.owner, call, op);
        match issued {
            Ok(answer) => Issued::Answered(answer),
            Err(id) => Issued::Held(Held { disk: self.clone(), id }),
        }
    }
}

/// A call that the world has taken.
enum Issued {
    /// At once.
    Answered(Result<OpAnswer, ErrorCode>),
    Held(Held),
}

/// A call that was not answered at once.
struct Held {
    disk: SimDisk,
    id: u64,
}

impl Future for Issued {
    type Output = Result<OpAnswer, ErrorCode>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &*self {
            Issued::Answered(answer) => Poll::Ready(answer.clone()),
            Issued::Held(Held { disk, id }) => match disk.world().poll(*id, cx.waker()) {
                Some(answer) => Poll::Ready(answer),
                None => Poll::Pending,
            },
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.disk.world().forget(self.id);
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDisk").finish_non_exhaustive()
    }
}

impl SimNode {
    fn join(&self, path: &str) -> String {
        match (&*self.path, path) {
            (dir, ".") => dir.to_owned(),
            ("", path) => path.to_owned(),
            (dir, path) => format!("{dir}/{path}"),
        }
    }

    #[cfg(test)]
    pub(super) fn ino(&self) -> Ino {
        self.ino
    }

    fn own(&self) -> String {
        self.path.to_string()
    }
}

fn done(answer: Result<OpAnswer, ErrorCode>) -> Result<(), ErrorCode> {
    answer.map(|_| ())
}

/// The node of an answer that opens one.
fn node(answer: Result<OpAnswer, ErrorCode>, path: String) -> Result<SimNode, ErrorCode> {
    match answer? {
        OpAnswer::Node(ino) => Ok(SimNode { ino, path: path.into() }),
        _ => Err(ErrorCode::Io),
    }
}

impl Disk for SimDisk {
    type Dir = SimNode;
    type File = SimNode;

    fn root(&self) -> SimNode {
        SimNode { ino: ROOT, path: Arc::from("") }
    }

    async fn open_dir(&self, at: &SimNode, path: &str) -> Result<SimNode, ErrorCode> {
        let op = Op::OpenDir { at: at.ino, path: path.to_owned() };
        node(self.call(at.join(path), op).await, at.join(path))
    }

    async fn create_dir(&self, at: &SimNode, path: &str) -> Result<(), ErrorCode> {
        done(self.call(at.join(path), Op::CreateDir { at: at.ino, path: path.to_owned() }).await)
    }

    async fn create_file(
        &self,
        at: &SimNode,
        path: &str,
        _purpose: Purpose,
    ) -> Result<SimNode, ErrorCode> {
        let op = Op::CreateFile { at: at.ino, path: path.to_owned() };
        node(self.call(at.join(path), op).await, at.join(path))
    }

    async fn open_file(&self, at: &SimNode, path: &str) -> Result<SimNode, ErrorCode> {
        let op = Op::OpenFile { at: at.ino, path: path.to_owned() };
        node(self.call(at.join(path), op).await, at.join(path))
    }

    async fn read(
        &self,
        file: &SimNode,
        offset: u64,
        bytes_max: usize,
    ) -> Result<Vec<u8>, ErrorCode> {
        match self.call(file.own(), Op::Read { ino: file.ino, offset, bytes_max }).await? {
            OpAnswer::Bytes(bytes) => Ok(bytes),
            _ => Err(ErrorCode::Io),
        }
    }

    fn write(
        &self,
        file: &SimNode,
        offset: u64,
        bytes: &[u8],
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send + use<> {
        let op = Op::Write { ino: file.ino, offset, bytes: bytes.to_vec() };
        let issued = self.issue(file.own(), None, op);
        async { done(issued.await) }
    }

    async fn sync_data(&self, file: &SimNode) -> Result<(), ErrorCode> {
        done(self.call(file.own(), Op::SyncData { ino: file.ino }).await)
    }

    async fn sync_dir(&self, dir: &SimNode) -> Result<(), ErrorCode> {
        done(self.call(dir.own(), Op::SyncDir { ino: dir.ino }).await)
    }

    async fn rename(
        &self,
        from_dir: &SimNode,
        from: &str,
        to_dir: &SimNode,
        to: &str,
        _mode: Mode<'_>,
    ) -> Result<(), ErrorCode> {
        let (from_at, to_at) = (from_dir.ino, to_dir.ino);
        let op = Op::Rename { from_at, from: from.to_owned(), to_at, to: to.to_owned() };
        done(self.call_to(from_dir.join(from), Some(to_dir.join(to)), op).await)
    }

    async fn remove_file(&self, at: &SimNode, path: &str) -> Result<(), ErrorCode> {
        done(self.call(at.join(path), Op::RemoveFile { at: at.ino, path: path.to_owned() }).await)
    }

    async fn remove_dir(&self, at: &SimNode, path: &str) -> Result<(), ErrorCode> {
        done(self.call(at.join(path), Op::RemoveDir { at: at.ino, path: path.to_owned() }).await)
    }

    async fn stat(&self, at: &SimNode, path: &str) -> Result<Stat, ErrorCode> {
        let op = Op::Stat { at: at.ino, path: path.to_owned() };
        match self.call(at.join(path), op).await? {
            OpAnswer::Stat(stat) => Ok(stat),
            _ => Err(ErrorCode::Io),
        }
    }

    async fn read_dir(&self, dir: &SimNode) -> Result<Vec<Entry>, ErrorCode> {
        match self.call(dir.own(), Op::ReadDir { ino: dir.ino }).await? {
            OpAnswer::Entries(entries) => Ok(entries),
            _ => Err(ErrorCode::Io),
        }
    }
}
