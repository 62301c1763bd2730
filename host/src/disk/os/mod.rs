//! A granted directory of the operating system.

mod mode;
mod open;
mod place;
mod replaced;

use std::fs::File;
use std::future::{Future, ready};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, FileType, Metadata, OpenOptions, OpenOptionsExt};
use futures::future::Either;
use tokio::runtime::Handle;

use super::{Disk, Entry, ErrorCode, Kind, Mode, Purpose, Stat};
use mode::Umask;
use open::{open_file, reopened};
pub use place::Threads;
use place::{Cost, Place, on_worker};
use replaced::{Closing, Target};

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
/// Its futures need a tokio runtime, as they have one in Tandem's own thread. [`Threads`] tells
/// which calls are made where.
#[derive(Clone, Debug)]
pub struct OsDisk {
    root: OsDir,
    place: Place,
    umask: Umask,
    closing: Closing,
}

/// Larger writes go to a worker: to copy so much takes as long as the other cheap calls together.
const BYTES_IN_PLACE_MAX: usize = 256 * 1024;

/// An open directory of an [`OsDisk`].
#[derive(Clone, Debug)]
pub struct OsDir(Arc<Dir>);

/// An open file of an [`OsDisk`].
#[derive(Clone, Debug)]
pub struct OsFile(Arc<OpenFile>);

/// An open file, which is closed like any cheap call is made: on a network file system that waits.
#[derive(Debug)]
struct OpenFile {
    /// None while it is closed.
    file: Option<File>,
    place: Place,
}

impl OsFile {
    fn new(file: File, place: &Place) -> Self {
        OsFile(Arc::new(OpenFile { file: Some(file), place: place.clone() }))
    }

    fn file(&self) -> Result<&File, ErrorCode> {
        self.0.file.as_ref().ok_or(ErrorCode::BadDescriptor)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let Some(file) = self.file.take() else { return };
        match Handle::try_current() {
            Ok(runtime) if !self.place.is_here(Cost::Cheap) => {
                // Nobody waits for it.
                runtime.spawn_blocking(move || drop(file));
            }
            _ => self.place.make(|| drop(file)),
        }
    }
}

impl OsDisk {
    /// Open the directory at `path`.
    ///
    /// # Errors
    /// The system's error: there is nothing at `path`, or it is no directory, or may not be read.
    pub fn open(path: impl AsRef<Path>) -> io::Result<OsDisk> {
        let root = Dir::open_ambient_dir(path, ambient_authority())?;
        Ok(OsDisk {
            root: OsDir(Arc::new(root)),
            place: Place::new(Threads::default()),
            umask: Umask::get(),
            closing: Closing::default(),
        })
    }

    /// A machine that stands still for a moment changes nothing about where calls are made.
    #[cfg(test)]
    pub(crate) fn forgiving(self) -> OsDisk {
        OsDisk { place: self.place.forgiving(), ..self }
    }

    /// Make calls on these threads. Default: [`Threads::InPlace`].
    pub fn threads(self, threads: Threads) -> OsDisk {
        OsDisk { place: Place::new(threads), ..self }
    }
}

impl Disk for OsDisk {
    type Dir = OsDir;
    type File = OsFile;

    fn root(&self) -> OsDir {
        self.root.clone()
    }

    async fn open_dir(&self, at: &OsDir, path: &str) -> Result<OsDir, ErrorCode> {
        let (OsDir(dir), path) = (at.clone(), path.to_owned());
        self.place.run(Cost::Cheap, move || Ok(OsDir(Arc::new(dir.open_dir(path)?)))).await
    }

    async fn create_dir(&self, at: &OsDir, path: &str) -> Result<(), ErrorCode> {
        let (OsDir(dir), path) = (at.clone(), path.to_owned());
        self.place.run(Cost::Cheap, move || Ok(dir.create_dir(path)?)).await
    }

    async fn create_file(
        &self,
        at: &OsDir,
        path: &str,
        purpose: Purpose,
    ) -> Result<OsFile, ErrorCode> {
        let (OsDir(dir), path) = (at.clone(), path.to_owned());
        let mode = match purpose {
            Purpose::Temporary => mode::PRIVATE,
            Purpose::Named => mode::PUBLIC,
        };
        let place = self.place.clone();
        self.place
            .run(Cost::Cheap, move || {
                // Exclusive creation never follows a link.
                let mut options = OpenOptions::new();
                options.write(true).create_new(true).mode(mode);
                let file = dir.open_with(path, &options)?;
                Ok(OsFile::new(file.into_std(), &place))
            })
            .await
    }

    async fn open_file(&self, at: &OsDir, path: &str) -> Result<OsFile, ErrorCode> {
        let (OsDir(dir), path) = (at.clone(), path.to_owned());
        let place = self.place.clone();
        let open = move || Ok(OsFile::new(open_file(&dir, &path)?, &place));
        self.place.run(Cost::Cheap, open).await
    }

    async fn read(
        &self,
        file: &OsFile,
        offset: u64,
        bytes_max: usize,
    ) -> Result<Vec<u8>, ErrorCode> {
        let file = file.clone();
        let read = move || Ok(read_whole(file.file()?, offset, bytes_max)?);
        self.place.run(Cost::Device, read).await
    }

    fn write(
        &self,
        file: &OsFile,
        offset: u64,
        bytes: &[u8],
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send + use<> {
        let is_small = bytes.len() <= BYTES_IN_PLACE_MAX;
        let cost = if is_small { Cost::Cheap } else { Cost::Device };
        if self.place.is_here(cost) {
            let write = || Ok(file.file()?.write_all_at(bytes, offset)?);
            return Either::Left(ready(self.place.make(write)));
        }
        let (file, bytes) = (file.clone(), bytes.to_vec());
        Either::Right(on_worker(move || Ok(file.file()?.write_all_at(&bytes, offset)?)))
    }

    async fn sync_data(&self, file: &OsFile) -> Result<(), ErrorCode> {
        let file = file.clone();
        self.place.run(Cost::Device, move || Ok(file.file()?.sync_data()?)).await
    }

    async fn sync_dir(&self, dir: &OsDir) -> Result<(), ErrorCode> {
        let OsDir(dir) = dir.clone();
        self.place.run(Cost::Device, move || Ok(reopened(&dir)?.sync_all()?)).await
    }

    async fn rename(
        &self,
        from_dir: &OsDir,
        from: &str,
        to_dir: &OsDir,
        to: &str,
        mode: Mode<'_>,
    ) -> Result<(), ErrorCode> {
        let (OsDir(from_dir), from) = (from_dir.clone(), from.to_owned());
        let (OsDir(to_dir), to) = (to_dir.clone(), to.to_owned());
        let original = match mode {
            Mode::Own => None,
            Mode::Of(path) => Some(path.to_owned()),
        };
        let (umask, closing) = (self.umask, self.closing.clone());
        self.place
            .run(Cost::Cheap, move || {
                let target = Target::find(&to_dir, &to);
                if let Some(original) = original {
                    let mode = match original == to {
                        true => mode::like(target.mode(), umask),
                        false => mode::of(&to_dir, &original, umask),
                    };
                    mode::open_up(&from_dir, &from, mode);
                }
                let held = target.hold(&closing);
                from_dir.rename(from, &to_dir, to)?;
                closing.close_later(held);
                Ok(())
            })
            .await
    }

    async fn remove_file(&self, at: &OsDir, path: &str) -> Result<(), ErrorCode> {
        let (OsDir(dir), path) = (at.clone(), path.to_owned());
        self.place.run(Cost::Cheap, move || Ok(dir.remove_file(path)?)).await
    }

    async fn stat(&self, at: &OsDir, path: &str) -> Result<Stat, ErrorCode> {
        let (OsDir(dir), path) = (at.clone(), path.to_owned());
        self.place.run(Cost::Cheap, move || Ok(stat_of(&dir.symlink_metadata(path)?))).await
    }

    async fn read_dir(&self, dir: &OsDir) -> Result<Vec<Entry>, ErrorCode> {
        let OsDir(dir) = dir.clone();
        self.place
            .run(Cost::Device, move || {
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

/// Reads `bytes_max` bytes, or up to the end of the file.
fn read_whole(file: &File, offset: u64, bytes_max: usize) -> io::Result<Vec<u8>> {
    // What the file has beyond its size when it was looked at is read too.
    let size = file.metadata()?.len().saturating_sub(offset).saturating_add(1);
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(bytes_max).min(bytes_max)];
    let mut filled = 0;
    while filled < bytes_max {
        if filled == bytes.len() {
            bytes.resize(bytes_max.min(filled.saturating_mul(2)), 0);
        }
        match file.read_at(&mut bytes[filled..], offset.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
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
