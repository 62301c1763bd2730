//! A granted directory of the operating system.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt as _};
use std::path::{Component, Path};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, FileType, Metadata, OpenOptions, OpenOptionsExt, PermissionsExt as _};
use rustix::fs::{Mode, OFlags};

use super::{Disk, Entry, ErrorCode, Kind, Stat, is_temporary};

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
/// Operations run on tokio's threads for blocking work, or in part on those that ask for them: see
/// [`Threads`].
#[derive(Clone, Debug)]
pub struct OsDisk {
    root: Arc<Dir>,
    threads: Threads,
    umask: u32,
}

/// On which threads an [`OsDisk`] makes its calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// None blocks the thread that asks: each one costs a hop to a worker and back, about 10 us.
    #[default]
    Workers,
    /// Those that the system answers from memory are made where they are asked for: open, create,
    /// rename, remove, stat, and writes of at most 64 KiB. They take microseconds on a local file
    /// system, but may wait where its journal is busy, memory is short, or the directory is on a
    /// network. Syncs, reads, listings and larger writes go to workers.
    Inline,
}

/// Larger writes go to a worker: copying them takes longer than the way there.
const INLINE_BYTES_MAX: usize = 64 * 1024;

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
        Ok(OsDisk { root: Arc::new(root), threads: Threads::default(), umask: umask() })
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
            let mode = if is_temporary(name_of(&path)) { PRIVATE } else { PUBLIC };
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
        let umask = self.umask;
        self.run(Cost::Cheap, move || {
            if is_temporary(name_of(&from)) {
                open_up(&from_dir, &from, mode_of(&to_dir, &to, umask));
            }
            Ok(from_dir.rename(from, &to_dir, to)?)
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

/// Opens the regular file at `path` for reading, and no link to one.
///
/// cap-std cannot say "no link" in its public interface, so the directory that holds the name is
/// resolved by it, and the name itself, one plain step, is opened here.
fn open_file(dir: &Dir, path: &str) -> Result<File, ErrorCode> {
    let parsed = Path::new(path);
    let name = match parsed.components().next_back() {
        Some(Component::Normal(name)) if !path.ends_with('/') => name,
        Some(Component::Normal(_)) => return Err(ErrorCode::NotDirectory),
        Some(Component::CurDir) => return Err(ErrorCode::IsDirectory),
        Some(_) => return Err(ErrorCode::NotPermitted),
        None => return Err(ErrorCode::NoEntry),
    };
    let parent = parsed.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.map(|parent| dir.open_dir(parent)).transpose()?;
    // Without O_NONBLOCK, opening a pipe waits until somebody writes to it.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(parent.as_ref().unwrap_or(dir), name, flags, Mode::empty())?;
    let file = File::from(opened);
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        Ok(file)
    } else if kind.is_dir() {
        Err(ErrorCode::IsDirectory)
    } else {
        Err(ErrorCode::Invalid)
    }
}

/// The same directory through a new handle. cap-std opens directories with O_PATH, and such a
/// handle cannot be synced.
fn reopened(dir: &Dir) -> Result<File, ErrorCode> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::openat(dir, ".", flags, Mode::empty())?))
}

/// Mode of a file that is not complete yet.
const PRIVATE: u32 = 0o600;
/// Less the umask, the mode of other files.
const PUBLIC: u32 = 0o666;
/// Permissions, without what runs a file as somebody else.
const PERMISSIONS: u32 = 0o777;

/// What a file that takes the place of `to` may be used for: the same as before.
fn mode_of(dir: &Dir, to: &str, umask: u32) -> u32 {
    // What is set aside is as private as it was.
    let original = to.rsplit_once(".corrupt-").map_or(to, |(original, _)| original);
    match dir.symlink_metadata(original) {
        Ok(old) if old.is_file() => old.permissions().mode() & PERMISSIONS,
        // A link has no permissions of its own. Whatever else is wrong, the rename tells.
        _ => PUBLIC & !umask,
    }
}

/// Gives a complete file its mode, or leaves it private: some file systems have no modes.
fn open_up(dir: &Dir, path: &str, mode: u32) {
    // Through a handle: the name could have become a link that leads elsewhere, and a second name
    // of another file is none of ours.
    let Ok(file) = open_file(dir, path) else { return };
    if file.metadata().is_ok_and(|metadata| metadata.nlink() == 1) {
        let _ = file.set_permissions(Permissions::from_mode(mode));
    }
}

/// The umask of this process.
#[allow(clippy::useless_conversion, reason = "modes have 16 bits on some systems")]
fn umask() -> u32 {
    // To ask the system changes it for a moment, and another thread may create a file then.
    let told = std::fs::read("/proc/self/status").ok().and_then(|status| {
        let status = String::from_utf8_lossy(&status);
        let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
        u32::from_str_radix(line.trim(), 8).ok()
    });
    told.unwrap_or_else(|| {
        let umask = rustix::process::umask(Mode::from_raw_mode(0o077));
        rustix::process::umask(umask);
        umask.bits().into()
    })
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
