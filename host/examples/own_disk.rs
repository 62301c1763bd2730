//! Puts a file system of one's own behind Tandem: one that keeps its files in memory.
//!
//! `cargo run -p tandem-host --example own_disk`

use std::collections::BTreeMap;
use std::error::Error;
use std::future::{Future, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tandem_host::disk::{Disk, Entry, ErrorCode, Kind, Mode, Purpose, Stat};
use tandem_host::{RecordOptions, Request, RunOptions, Tandem};

/// Files in memory. Clones share them.
#[derive(Clone)]
struct MemoryDisk {
    /// Everything, by its path from the root, which is empty. One lock for all makes each
    /// operation atomic.
    nodes: Arc<Mutex<BTreeMap<String, Node>>>,
}

/// What stands at a path.
#[derive(Clone)]
enum Node {
    Dir,
    File(MemoryFile),
}

/// An open directory, by its path: for who has it open, one that is renamed is not there any more.
/// Only those of runs that are removed are renamed.
#[derive(Clone)]
struct MemoryDir(String);

/// An open file: it stays what it is for those who have it open, whatever becomes of its name.
type MemoryFile = Arc<Mutex<Content>>;

struct Content {
    bytes: Vec<u8>,
    modified: SystemTime,
}

impl MemoryDisk {
    fn new() -> Self {
        MemoryDisk { nodes: Arc::new(Mutex::new(BTreeMap::from([(String::new(), Node::Dir)]))) }
    }

    fn find(&self, path: &str) -> Result<Node, ErrorCode> {
        lock(&self.nodes).get(path).cloned().ok_or(ErrorCode::NoEntry)
    }

    fn add(&self, path: String, node: Node) -> Result<(), ErrorCode> {
        let mut nodes = lock(&self.nodes);
        let above = path.rsplit_once('/').map_or("", |(above, _)| above);
        match nodes.get(above) {
            Some(Node::Dir) if nodes.contains_key(&path) => Err(ErrorCode::Exist),
            Some(Node::Dir) => {
                nodes.insert(path, node);
                Ok(())
            }
            Some(Node::File(_)) => Err(ErrorCode::NotDirectory),
            None => Err(ErrorCode::NoEntry),
        }
    }

    /// Every file, with its content.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let nodes = lock(&self.nodes);
        let files = nodes.iter().filter_map(|(path, node)| match node {
            Node::Dir => None,
            Node::File(file) => Some((path.clone(), lock(file).bytes.clone())),
        });
        files.collect()
    }
}

impl MemoryDir {
    /// A path below this directory, from the root.
    fn join(&self, path: &str) -> Result<String, ErrorCode> {
        let mut whole = self.0.clone();
        for step in path.split('/').filter(|step| *step != ".") {
            // The component never asks for these; a disk refuses them all the same.
            if step.is_empty() || step == ".." {
                return Err(ErrorCode::NotPermitted);
            }
            if !whole.is_empty() {
                whole.push('/');
            }
            whole.push_str(step);
        }
        Ok(whole)
    }
}

impl Node {
    fn kind(&self) -> Kind {
        match self {
            Node::Dir => Kind::Directory,
            Node::File(_) => Kind::File,
        }
    }

    fn stat(&self) -> Stat {
        match self {
            Node::Dir => Stat::new(Kind::Directory, 0, None),
            Node::File(file) => {
                let content = lock(file);
                Stat::new(Kind::File, content.bytes.len() as u64, Some(content.modified))
            }
        }
    }
}

/// Writes at an offset, over what is there.
fn write(file: &MemoryFile, offset: u64, bytes: &[u8]) -> Result<(), ErrorCode> {
    let mut content = lock(file);
    let start = usize::try_from(offset).map_err(|_| ErrorCode::FileTooLarge)?;
    let end = start.checked_add(bytes.len()).ok_or(ErrorCode::FileTooLarge)?;
    if content.bytes.len() < end {
        content.bytes.resize(end, 0);
    }
    content.bytes[start..end].copy_from_slice(bytes);
    content.modified = SystemTime::now();
    Ok(())
}

/// Whether a path leads to something in a directory, however deep.
fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// Nothing here panics with a lock held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// None of these waits, so each is done when it is first polled. A disk behind a network would wait
// here: the component has several operations in flight, and goes on with others meanwhile.
impl Disk for MemoryDisk {
    type Dir = MemoryDir;
    type File = MemoryFile;

    fn root(&self) -> MemoryDir {
        MemoryDir(String::new())
    }

    async fn open_dir(&self, at: &MemoryDir, path: &str) -> Result<MemoryDir, ErrorCode> {
        let path = at.join(path)?;
        match self.find(&path)? {
            Node::Dir => Ok(MemoryDir(path)),
            Node::File(_) => Err(ErrorCode::NotDirectory),
        }
    }

    async fn create_dir(&self, at: &MemoryDir, path: &str) -> Result<(), ErrorCode> {
        self.add(at.join(path)?, Node::Dir)
    }

    // Of what it is created for, a disk in memory makes nothing: nobody else can see its files.
    async fn create_file(
        &self,
        at: &MemoryDir,
        path: &str,
        _purpose: Purpose,
    ) -> Result<MemoryFile, ErrorCode> {
        let empty = Content { bytes: Vec::new(), modified: SystemTime::now() };
        let file = Arc::new(Mutex::new(empty));
        self.add(at.join(path)?, Node::File(file.clone()))?;
        Ok(file)
    }

    async fn open_file(&self, at: &MemoryDir, path: &str) -> Result<MemoryFile, ErrorCode> {
        match self.find(&at.join(path)?)? {
            Node::Dir => Err(ErrorCode::IsDirectory),
            Node::File(file) => Ok(file),
        }
    }

    async fn read(&self, file: &MemoryFile, offset: u64, max: usize) -> Result<Vec<u8>, ErrorCode> {
        let content = lock(file);
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.bytes.len());
        let end = start.saturating_add(max).min(content.bytes.len());
        Ok(content.bytes[start..end].to_vec())
    }

    // The bytes are lent until this returns. A disk that has to wait copies them into its future.
    fn write(
        &self,
        file: &MemoryFile,
        offset: u64,
        bytes: &[u8],
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send + use<> {
        ready(write(file, offset, bytes))
    }

    // Memory is all that there is here. A disk with something below it waits for that: a receipt
    // says `durable` because these two said that it is so.
    async fn sync_data(&self, _file: &MemoryFile) -> Result<(), ErrorCode> {
        Ok(())
    }

    async fn sync_dir(&self, _dir: &MemoryDir) -> Result<(), ErrorCode> {
        Ok(())
    }

    async fn rename(
        &self,
        from_dir: &MemoryDir,
        from: &str,
        to_dir: &MemoryDir,
        to: &str,
        _mode: Mode<'_>,
    ) -> Result<(), ErrorCode> {
        let (from, to) = (from_dir.join(from)?, to_dir.join(to)?);
        let mut nodes = lock(&self.nodes);
        match (nodes.get(&from), nodes.get(&to)) {
            (None, _) => return Err(ErrorCode::NoEntry),
            (_, Some(Node::Dir)) => return Err(ErrorCode::IsDirectory),
            (Some(Node::Dir), Some(Node::File(_))) => return Err(ErrorCode::NotDirectory),
            (Some(Node::Dir), _) if is_below(&to, &from) => return Err(ErrorCode::Invalid),
            (Some(_), _) => {}
        }
        // A directory takes all with it that is in it.
        let moved = nodes.extract_if(.., |path, _| *path == from || is_below(path, &from));
        let moved: Vec<_> = moved.collect();
        nodes
            .extend(moved.into_iter().map(|(path, node)| (to.clone() + &path[from.len()..], node)));
        Ok(())
    }

    async fn remove_dir(&self, at: &MemoryDir, path: &str) -> Result<(), ErrorCode> {
        let path = at.join(path)?;
        let mut nodes = lock(&self.nodes);
        match nodes.get(&path) {
            None => Err(ErrorCode::NoEntry),
            Some(Node::File(_)) => Err(ErrorCode::NotDirectory),
            Some(Node::Dir) if nodes.keys().any(|other| is_below(other, &path)) => {
                Err(ErrorCode::NotEmpty)
            }
            Some(Node::Dir) => {
                nodes.remove(&path);
                Ok(())
            }
        }
    }

    async fn remove_file(&self, at: &MemoryDir, path: &str) -> Result<(), ErrorCode> {
        let path = at.join(path)?;
        let mut nodes = lock(&self.nodes);
        match nodes.get(&path) {
            None => Err(ErrorCode::NoEntry),
            Some(Node::Dir) => Err(ErrorCode::IsDirectory),
            Some(Node::File(_)) => {
                nodes.remove(&path);
                Ok(())
            }
        }
    }

    async fn stat(&self, at: &MemoryDir, path: &str) -> Result<Stat, ErrorCode> {
        Ok(self.find(&at.join(path)?)?.stat())
    }

    async fn read_dir(&self, dir: &MemoryDir) -> Result<Vec<Entry>, ErrorCode> {
        let nodes = lock(&self.nodes);
        let entries = nodes.iter().filter_map(|(path, node)| {
            let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
            let is_entry = above == dir.0 && !name.is_empty();
            is_entry.then(|| Entry::new(name, node.kind()))
        });
        Ok(entries.collect())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let disk = MemoryDisk::new();
    let tandem = Tandem::builder().disk(disk.clone()).build().await?;
    let run = tandem.open_run(RunOptions::new("nightly", "r1")).await?;
    run.set(r#"{"status": "in_progress"}"#).await?;
    run.schedule(Request::new().manifest().heartbeat().force()).await?;
    run.merge(r#"{"status": "succeeded"}"#).await?;
    run.close().await?;
    let summary = r#"{"taskId": "nightly", "runId": "r1", "timestamp": "2026-01-06T00:31:09Z"}"#;
    tandem.record_run(summary, RecordOptions::new()).await?;

    println!("No file was written. In the memory of this process, Tandem keeps:");
    for (path, bytes) in disk.files() {
        println!("\n{path}, {} bytes:", bytes.len());
        println!("{}", String::from_utf8_lossy(&bytes).trim_end());
    }
    Ok(())
}
