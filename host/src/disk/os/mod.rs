//! A granted directory of the operating system.

mod mode;
mod open;
mod replaced;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, FileType, Metadata, OpenOptions, OpenOptionsExt};

use super::temporary::is_temporary;
use super::{Disk, Entry, ErrorCode, Kind, Stat};
use mode::Umask;
use open::{open_file, reopened};
use replaced::{Closing, Replaced};

/// A directory of the operating system, and nothing outside it.
///
/// Paths are resolved by cap-std, which refuses those that lead out of the directory, symbolic
/// links included, also while somebody else moves them about.
///
/// A temporary file is created for its owner alone (mode 0600). When it is renamed, it gets the
/// mode of the file that it replaces, or 0666 less the umask of the time when the disk was opened;
/// a copy of a corrupt file gets the mode of the original. Access control lists are not copied.
/// Where the mode cannot be set, the file stays private. The mode is durable when the directory's
/// sync makes it so, as with the journals of ext4 and xfs. Other files are created with 0666 less
/// the umask.
///
/// On ext4, XFS, btrfs and tmpfs, a file of at most 1 MiB that a rename replaces is kept open and
/// closed by a worker, because to free it takes longer than the rename itself. At most 64 are open
/// so.
///
/// Operations run on tokio's threads for blocking work, or in part on those that ask for them: see
/// [`Threads`].
#[derive(Clone, Debug)]
pub struct OsDisk {
    root: Arc<Dir>,
    threads: Threads,
    umask: Umask,
    closing: Closing,
}

/// On which threads an [`OsDisk`] makes its calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// None blocks the thread that asks: each one costs a hop to a worker and back, about 10 us.
    #[default]
    Workers,
    /// Those that the system answers from memory are made where they are asked for: open, create,
    /// rename, remove, stat, and writes of at most 256 KiB. They take microseconds on a local file
    /// system, some tens for the largest writes and for a rename, but may wait where its journal is
    /// busy, memory is short, too much waits to be written back, or the directory is on a network.
    /// Syncs, reads, listings and larger writes go to workers.
    Inline,
}

/// Larger writes go to a worker: to copy so much takes as long as the other cheap calls together.
const INLINE_BYTES_MAX: usize = 256 * 1024;

/// An open file or directory of an [`OsDisk`].
#[derive(Clone, Debug)]
pub enum OsNode {
    /// A directory.
    Dir(Arc<Dir>),
    /// A regular file.
    File(Arc<File>),
}

/// How long an operation can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cost {
    /// Answered from the system's caches.
    Cheap,
    /// Waits for the device.
    Device,
}

impl OsDisk {
    /// Open the directory at `path`.
    ///
    /// # Errors
    /// The system's error: there is nothing at `path`, or it is no directory, or may not be read.
    pub fn open(path: impl AsRef<Path>) -> io::Result<OsDisk> {
        let root = Dir::open_ambient_dir(path, ambient_authority())?;
        let (threads, umask, closing) = (Threads::default(), Umask::get(), Closing::default());
        Ok(OsDisk { root: Arc::new(root), threads, umask, closing })
    }

    /// Make calls on these threads. Default: [`Threads::Workers`].
    pub fn threads(self, threads: Threads) -> OsDisk {
        OsDisk { threads, ..self }
    }

    async fn run<T, W>(&self, cost: Cost, work: W) -> Result<T, ErrorCode>
    where
        T: Send + 'static,
        W: FnOnce() -> Result<T, ErrorCode> + Send + 'static,
    {
        if (self.threads, cost) == (Threads::Inline, Cost::Cheap) {
            return work();
        }
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            // The work panicked, or the runtime is being shut down and did not start it.
            Err(_) => Err(ErrorCode::Io),
        }
    }
}

impl OsNode {
    fn dir(&self) -> Result<Arc<Dir>, ErrorCode> {
        match self {
            OsNode::Dir(dir) => Ok(dir.clone()),
            OsNode::File(_) => Err(ErrorCode::NotDirectory),
        }
    }

    fn file(&self) -> Result<Arc<File>, ErrorCode> {
        match self {
            OsNode::File(file) => Ok(file.clone()),
            OsNode::Dir(_) => Err(ErrorCode::IsDirectory),
        }
    }
}

impl Disk for OsDisk {
    type Node = OsNode;

    fn root(&self) -> OsNode {
        OsNode::Dir(self.root.clone())
    }

    async fn open_dir(&self, at: &OsNode, path: &str) -> Result<OsNode, ErrorCode> {
        let (dir, path) = (at.dir()?, path.to_owned());
        self.run(Cost::Cheap, move || Ok(OsNode::Dir(Arc::new(dir.open_dir(path)?)))).await
    }

    async fn create_dir(&self, at: &OsNode, path: &str) -> Result<(), ErrorCode> {
        let (dir, path) = (at.dir()?, path.to_owned());
        self.run(Cost::Cheap, move || Ok(dir.create_dir(path)?)).await
    }

    async fn create_file(&self, at: &OsNode, path: &str) -> Result<OsNode, ErrorCode> {
        let (dir, path) = (at.dir()?, path.to_owned());
        self.run(Cost::Cheap, move || {
            let mode = if is_temporary(name_of(&path)) { mode::PRIVATE } else { mode::PUBLIC };
            // Exclusive creation never follows a link.
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(mode);
            let file = dir.open_with(path, &options)?;
            Ok(OsNode::File(Arc::new(file.into_std())))
        })
        .await
    }

    async fn open_file(&self, at: &OsNode, path: &str) -> Result<OsNode, ErrorCode> {
        let (dir, path) = (at.dir()?, path.to_owned());
        self.run(Cost::Cheap, move || Ok(OsNode::File(Arc::new(open_file(&dir, &path)?)))).await
    }

    async fn read(
        &self,
        file: &OsNode,
        offset: u64,
        bytes_max: usize,
    ) -> Result<Vec<u8>, ErrorCode> {
        let file = file.file()?;
        self.run(Cost::Device, move || {
            let mut bytes = vec![0; bytes_max];
            let count = retry_interrupted(|| file.read_at(&mut bytes, offset))?;
            bytes.truncate(count);
            Ok(bytes)
        })
        .await
    }

    async fn write(&self, file: &OsNode, offset: u64, bytes: Vec<u8>) -> Result<usize, ErrorCode> {
        let file = file.file()?;
        let cost = if bytes.len() <= INLINE_BYTES_MAX { Cost::Cheap } else { Cost::Device };
        let work = move || {
            file.write_all_at(&bytes, offset)?;
            Ok(bytes.len())
        };
        self.run(cost, work).await
    }

    async fn sync_data(&self, node: &OsNode) -> Result<(), ErrorCode> {
        let node = node.clone();
        self.run(Cost::Device, move || match node {
            OsNode::File(file) => Ok(file.sync_data()?),
            OsNode::Dir(dir) => Ok(reopened(&dir)?.sync_data()?),
        })
        .await
    }

    async fn sync(&self, node: &OsNode) -> Result<(), ErrorCode> {
        let node = node.clone();
        self.run(Cost::Device, move || match node {
            OsNode::File(file) => Ok(file.sync_all()?),
            OsNode::Dir(dir) => Ok(reopened(&dir)?.sync_all()?),
        })
        .await
    }

    async fn rename(
        &self,
        from_dir: &OsNode,
        from: &str,
        to_dir: &OsNode,
        to: &str,
    ) -> Result<(), ErrorCode> {
        let (from_dir, from) = (from_dir.dir()?, from.to_owned());
        let (to_dir, to) = (to_dir.dir()?, to.to_owned());
        let (umask, closing) = (self.umask, self.closing.clone());
        self.run(Cost::Cheap, move || {
            if is_temporary(name_of(&from)) {
                mode::open_up(&from_dir, &from, mode::of_successor(&to_dir, &to, umask));
            }
            let replaced = Replaced::hold(&to_dir, &to);
            from_dir.rename(from, &to_dir, to)?;
            closing.close_later(replaced);
            Ok(())
        })
        .await
    }

    async fn remove_file(&self, at: &OsNode, path: &str) -> Result<(), ErrorCode> {
        let (dir, path) = (at.dir()?, path.to_owned());
        self.run(Cost::Cheap, move || Ok(dir.remove_file(path)?)).await
    }

    async fn stat(&self, node: &OsNode) -> Result<Stat, ErrorCode> {
        let node = node.clone();
        self.run(Cost::Cheap, move || match node {
            OsNode::File(file) => Ok(stat_of(&Metadata::from_file(&file)?)),
            OsNode::Dir(dir) => Ok(stat_of(&dir.dir_metadata()?)),
        })
        .await
    }

    async fn stat_at(&self, at: &OsNode, path: &str) -> Result<Stat, ErrorCode> {
        let (dir, path) = (at.dir()?, path.to_owned());
        self.run(Cost::Cheap, move || Ok(stat_of(&dir.symlink_metadata(path)?))).await
    }

    async fn read_dir(&self, dir: &OsNode) -> Result<Vec<Entry>, ErrorCode> {
        let dir = dir.dir()?;
        self.run(Cost::Device, move || {
            let mut entries = Vec::new();
            for entry in dir.entries()? {
                let entry = entry?;
                // WASI has no name for what is not UTF-8, and Tandem makes no such file.
                let Ok(name) = entry.file_name().into_string() else { continue };
                // Some file systems look the type up, and the file may be gone by now.
                let kind = entry.file_type().map_or(Kind::Other, kind_of);
                entries.push(Entry { name, kind });
            }
            Ok(entries)
        })
        .await
    }
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn retry_interrupted(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn stat_of(metadata: &Metadata) -> Stat {
    Stat {
        kind: kind_of(metadata.file_type()),
        size: metadata.len(),
        modified: metadata.modified().ok().map(cap_std::time::SystemTime::into_std),
    }
}

fn kind_of(kind: FileType) -> Kind {
    if kind.is_file() {
        Kind::File
    } else if kind.is_dir() {
        Kind::Directory
    } else if kind.is_symlink() {
        Kind::Link
    } else {
        Kind::Other
    }
}
