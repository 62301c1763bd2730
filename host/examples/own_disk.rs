//! Puts a file system of one's own behind Tandem: one that keeps its files in memory.
//!
//! `cargo run -p tandem-host --example own_disk`

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tandem_host::disk::{Disk, Entry, ErrorCode, Kind, Stat};
use tandem_host::{RecordOptions, Request, RunOptions, Tandem};

/// Files in memory. Clones share them.
#[derive(Clone)]
struct MemoryDisk {
    /// Everything, by its path from the root, which is empty. One lock for all makes each
    /// operation atomic.
    nodes: Arc<Mutex<BTreeMap<String, Node>>>,
}

/// An open file or directory.
#[derive(Clone)]
enum Node {
    /// Directories are never renamed or removed, so the path is enough.
    Dir(String),
    /// A file stays what it is for those who have it open, whatever becomes of its name.
    File(Arc<Mutex<File>>),
}

struct File {
    bytes: Vec<u8>,
    modified: SystemTime,
}

impl MemoryDisk {
    fn new() -> Self {
        let root = (String::new(), Node::Dir(String::new()));
        MemoryDisk { nodes: Arc::new(Mutex::new(BTreeMap::from([root]))) }
    }

    fn find(&self, path: &str) -> Result<Node, ErrorCode> {
        lock(&self.nodes).get(path).cloned().ok_or(ErrorCode::NoEntry)
    }

    fn add(&self, path: String, node: Node) -> Result<(), ErrorCode> {
        let mut nodes = lock(&self.nodes);
        let above = path.rsplit_once('/').map_or("", |(above, _)| above);
        match nodes.get(above) {
            Some(Node::Dir(_)) if nodes.contains_key(&path) => Err(ErrorCode::Exist),
            Some(Node::Dir(_)) => {
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
            Node::Dir(_) => None,
            Node::File(file) => Some((path.clone(), lock(file).bytes.clone())),
        });
        files.collect()
    }
}

impl Node {
    fn file(&self) -> Result<MutexGuard<'_, File>, ErrorCode> {
        match self {
            Node::Dir(_) => Err(ErrorCode::IsDirectory),
            Node::File(file) => Ok(lock(file)),
        }
    }

    /// A path below this directory, from the root.
    fn join(&self, path: &str) -> Result<String, ErrorCode> {
        let Node::Dir(dir) = self else { return Err(ErrorCode::NotDirectory) };
        let mut whole = dir.clone();
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

    fn kind(&self) -> Kind {
        match self {
            Node::Dir(_) => Kind::Directory,
            Node::File(_) => Kind::File,
        }
    }

    fn stat(&self) -> Stat {
        match self {
            Node::Dir(_) => Stat { kind: Kind::Directory, size: 0, modified: None },
            Node::File(file) => {
                let file = lock(file);
                let (size, modified) = (file.bytes.len() as u64, Some(file.modified));
                Stat { kind: Kind::File, size, modified }
            }
        }
    }
}

/// Nothing here panics with a lock held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// None of these waits, so each is done when it is first polled. A disk behind a network would wait
// here: the component has several operations in flight, and goes on with others meanwhile.
impl Disk for MemoryDisk {
    type Node = Node;

    fn root(&self) -> Node {
        Node::Dir(String::new())
    }

    async fn open_dir(&self, at: &Node, path: &str) -> Result<Node, ErrorCode> {
        let node = self.find(&at.join(path)?)?;
        if node.kind() == Kind::Directory { Ok(node) } else { Err(ErrorCode::NotDirectory) }
    }

    async fn create_dir(&self, at: &Node, path: &str) -> Result<(), ErrorCode> {
        let path = at.join(path)?;
        self.add(path.clone(), Node::Dir(path))
    }

    async fn create_file(&self, at: &Node, path: &str) -> Result<Node, ErrorCode> {
        let empty = File { bytes: Vec::new(), modified: SystemTime::now() };
        let file = Node::File(Arc::new(Mutex::new(empty)));
        self.add(at.join(path)?, file.clone())?;
        Ok(file)
    }

    async fn open_file(&self, at: &Node, path: &str) -> Result<Node, ErrorCode> {
        let node = self.find(&at.join(path)?)?;
        if node.kind() == Kind::File { Ok(node) } else { Err(ErrorCode::IsDirectory) }
    }

    async fn read(&self, file: &Node, offset: u64, max: usize) -> Result<Vec<u8>, ErrorCode> {
        let file = file.file()?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(file.bytes.len());
        let end = start.saturating_add(max).min(file.bytes.len());
        Ok(file.bytes[start..end].to_vec())
    }

    async fn write(&self, file: &Node, offset: u64, bytes: Vec<u8>) -> Result<usize, ErrorCode> {
        let mut file = file.file()?;
        let start = usize::try_from(offset).map_err(|_| ErrorCode::FileTooLarge)?;
        let end = start.checked_add(bytes.len()).ok_or(ErrorCode::FileTooLarge)?;
        if file.bytes.len() < end {
            file.bytes.resize(end, 0);
        }
        file.bytes[start..end].copy_from_slice(&bytes);
        file.modified = SystemTime::now();
        Ok(bytes.len())
    }

    // Memory is all that there is here. A disk with something below it waits for that: a receipt
    // says `durable` because these two said that it is so.
    async fn sync_data(&self, _node: &Node) -> Result<(), ErrorCode> {
        Ok(())
    }

    async fn sync(&self, _node: &Node) -> Result<(), ErrorCode> {
        Ok(())
    }

    async fn rename(
        &self,
        from_dir: &Node,
        from: &str,
        to_dir: &Node,
        to: &str,
    ) -> Result<(), ErrorCode> {
        let (from, to) = (from_dir.join(from)?, to_dir.join(to)?);
        let mut nodes = lock(&self.nodes);
        match (nodes.get(&from), nodes.get(&to)) {
            (None, _) => return Err(ErrorCode::NoEntry),
            (Some(Node::Dir(_)), _) => return Err(ErrorCode::Unsupported),
            (_, Some(Node::Dir(_))) => return Err(ErrorCode::IsDirectory),
            (Some(Node::File(_)), _) => {}
        }
        if let Some(file) = nodes.remove(&from) {
            nodes.insert(to, file);
        }
        Ok(())
    }

    async fn remove_file(&self, at: &Node, path: &str) -> Result<(), ErrorCode> {
        let path = at.join(path)?;
        let mut nodes = lock(&self.nodes);
        match nodes.get(&path) {
            None => Err(ErrorCode::NoEntry),
            Some(Node::Dir(_)) => Err(ErrorCode::IsDirectory),
            Some(Node::File(_)) => {
                nodes.remove(&path);
                Ok(())
            }
        }
    }

    async fn stat(&self, node: &Node) -> Result<Stat, ErrorCode> {
        Ok(node.stat())
    }

    async fn stat_at(&self, at: &Node, path: &str) -> Result<Stat, ErrorCode> {
        Ok(self.find(&at.join(path)?)?.stat())
    }

    async fn read_dir(&self, dir: &Node) -> Result<Vec<Entry>, ErrorCode> {
        let Node::Dir(dir) = dir else { return Err(ErrorCode::NotDirectory) };
        let nodes = lock(&self.nodes);
        let entries = nodes.iter().filter_map(|(path, node)| {
            let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
            let is_entry = above == dir && !name.is_empty();
            is_entry.then(|| Entry { name: name.to_owned(), kind: node.kind() })
        });
        Ok(entries.collect())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let disk = MemoryDisk::new();
    let tandem = Tandem::builder().disk(disk.clone()).build().await?;
    let run = tandem.open_run(RunOptions::new("nightly", "r1")).await?;
    run.set_manifest(r#"{"status": "in_progress"}"#).await?;
    run.schedule(Request::new().manifest().heartbeat().force()).await?;
    run.merge_manifest(r#"{"status": "succeeded"}"#).await?;
    run.close().await?;
    let summary = r#"{"taskId": "nightly", "runId": "r1", "timestamp": "2026-01-06T00:31:09Z"}"#;
    tandem.record_run(RecordOptions::new("nightly"), summary).await?;

    println!("No file was written. In the memory of this process, Tandem keeps:");
    for (path, bytes) in disk.files() {
        println!("\n{path}, {} bytes:", bytes.len());
        println!("{}", String::from_utf8_lossy(&bytes).trim_end());
    }
    Ok(())
}
