//! A granted directory of the operating system.

mod failed;
mod mode;
mod open;
mod place;
mod replaced;
mod reserve;
mod workers;

use std::fs::File;
use std::future::{Future, ready};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, FileType, Metadata, OpenOptions, OpenOptionsExt};
use futures::TryFutureExt;
use futures::future::Either;

use super::{Disk, Entry, ErrorCode, Kind, Mode, Purpose, Stat};
use failed::Failed;
use mode::Modes;
pub(crate) use mode::dir_mode;
use open::{open_file, open_subdir};
pub use place::Threads;
use place::{Cost, Place};
use replaced::{Closing, Target};
use reserve::Reserve;
use workers::is_worker;

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
/// the umask. With [`mode`](OsDisk::mode) all of them have that one.
///
/// On ext4, XFS, btrfs and tmpfs, a file of at most 1 MiB that a rename replaces is kept open and
/// closed by a worker, because to free it takes longer than the rename itself. At most 64 are open
/// so.
///
/// [`Threads`] tells which calls are made where.
#[derive(Clone, Debug)]
pub struct OsDisk {
    root: OsDir,
    place: Place,
    modes: Modes,
    closing: Closing,
    reserve: Reserve,
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

    fn file(&self) -> Result<&File, Failed> {
        self.0.file.as_ref().ok_or(ErrorCode::BadDescriptor.into())
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let Some(file) = self.file.take() else { return };
        if is_worker() || self.place.is_here(Cost::Cheap) {
            self.place.make(|| drop(file));
        } else {
            // Nobody waits for it.
            self.place.workers().start(move || drop(file));
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
        let place = Place::new(Threads::default());
        let closing = Closing::new(place.workers());
        let reserve = Reserve::new(&root);
        let root = OsDir(Arc::new(root));
        Ok(OsDisk { root, place, modes: Modes::inherited(), closing, reserve })
    }

    /// A machine that stands still for a moment changes nothing about where calls are made.
    #[cfg(test)]
    pub(crate) fn forgiving(self) -> OsDisk {
        OsDisk { place: self.place.forgiving(), ..self }
    }

    /// Give every file that is written this mode, whatever the umask is and whichever mode a replaced
    /// file has. Of the mode only the rights to read and to write count, and the owner always has
    /// both. Directories that are created have it too, may be entered by whom may read, and keep a
    /// setgid bit that they inherit; those that exist are left as they are, and so is a corrupt file
    /// that is moved aside.
    pub fn mode(self, mode: u32) -> OsDisk {
        OsDisk { modes: self.modes.chosen(mode), ..self }
    }

    /// Make calls on these threads. Default: [`Threads::InPlace`].
    pub fn threads(self, threads: Threads) -> OsDisk {
        let place = Place::new(threads);
        OsDisk { closing: Closing::new(place.workers()), place, ..self }
    }

    /// The same with so many workers, for tests that keep them busy.
    #[cfg(test)]
    pub(crate) fn at_most(self, workers: usize) -> OsDisk {
        let place = self.place.with_workers(workers::Workers::at_most(workers));
        OsDisk { closing: Closing::new(place.workers()), place, ..self }
    }

    /// Has a worker do something.
    #[cfg(test)]
    pub(crate) fn start(&self, work: impl FnOnce() + Send + 'static) {
        self.place.workers().start(work);
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
        let open = move || Ok(OsDir(Arc::new(dir.open_dir(&path)?)));
        self.place.open("open", Cost::Cheap, open).await
    }

    async fn open_subdir(&self, at: &OsDir, path: &str) -> Result<OsDir, ErrorCode> {
        let (OsDir(dir), path) = (at.clone(), path.to_owned());
        let open = move || Ok(OsDir(Arc::new(open_subdir(&dir, &path)?)));
        self.place.open("open", Cost::Cheap, open).await
    }

    async fn create_dir(&self, at: &OsDir, path: &str) -> Result<(), ErrorCode> {
        let (OsDir(dir), path, modes) = (at.clone(), path.to_owned(), self.modes);
        let restored = modes.restores_dirs().then(|| (dir.clone(), path.clone()));
        self.place.run("mkdir", Cost::Cheap, move || Ok(modes.create_dir(&dir, &path)?)).await?;
        if let Some((dir, path)) = restored {
            let restore = move || modes.restore_dir(&dir, &path);
            // The directory is there, and lets fewer in. Some file systems have no modes.
            let _ = self.place.open("open", Cost::Cheap, restore).await;
        }
        Ok(())
    }

    async fn create_file(
        &self,
        at: &OsDir,
        path: &str,
        purpose: Purpose,
    ) -> Result<OsFile, ErrorCode> {
        let (OsDir(dir), path, modes) = (at.clone(), path.to_owned(), self.modes);
        let mode = match purpose {
            Purpose::Temporary => mode::PRIVATE,
            // For all to see, as a purpose must be that is not known yet.
            _ => modes.named(),
        };
        let place = self.place.clone();
        self.place
            .open("open", Cost::Cheap, move || {
                // Exclusive creation never follows a link.
                let mut options = OpenOptions::new();
                options.write(true).create_new(true).mode(mode);
                let file = dir.open_with(&path, &options)?.into_std();
                if purpose == Purpose::Named {
                    modes.restore(&file);
                }
                Ok(OsFile::new(file, &place))
            })
            .await
    }

    async fn open_file(&self, at: &OsDir, path: &str) -> Result<OsFile, ErrorCode> {
        let (OsDir(dir), path) = (at.clone(), path.to_owned());
        let place = self.place.clone();
        let open = move || Ok(OsFile::new(open_file(&dir, &path)?, &place));
        self.place.open("open", Cost::Cheap, open).await
    }

    async fn read(
        &self,
        file: &OsFile,
        offset: u64,
        bytes_max: usize,
    ) -> Result<Vec<u8>, ErrorCode> {
        let file = file.clone();
        let read = move || Ok(read_whole(file.file()?, offset, bytes_max)?);
        self.place.run("read", Cost::Device, read).await
    }

    fn write(
        &self,
        file: &OsFile,
        offset: u64,
        bytes: &[u8],
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send + use<> {
        let told = |failed: Failed| failed.tell("write");
        let is_small = bytes.len() <= BYTES_IN_PLACE_MAX;
        let cost = if is_small { Cost::Cheap } else { Cost::Device };
        if self.place.is_here(cost) {
            let written = self.place.make(|| write_all(file, offset, bytes));
            return Either::Left(ready(written).map_err(told));
        }
        let (file, bytes) = (file.clone(), bytes.to_vec());
        let workers = self.place.workers().clone();
        Either::Right(async move {
            workers.call(move || write_all(&file, offset, &bytes)).await.map_err(told)
        })
    }

    async fn sync_data(&self, file: &OsFile) -> Result<(), ErrorCode> {
        let file = file.clone();
        self.place.run("fdatasync", Cost::Device, move || Ok(file.file()?.sync_data()?)).await
    }

    async fn sync_dir(&self, dir: &OsDir) -> Result<(), ErrorCode> {
        let (OsDir(dir), reserve) = (dir.clone(), self.reserve.clone());
        self.place.open("fsync", Cost::Device, move || reserve.sync(&dir)).await
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
            Mode::Of(path) => Some(path.to_owned()),
            // Its own, as it must be for a mode that is not known yet.
            _ => None,
        };
        let (modes, closing) = (self.modes, self.closing.clone());
        self.place
            .open("rename", Cost::Cheap, move || {
                // Without a descriptor for it a file would lose its mode, so one is waited for.
                let target = Target::find(&to_dir, &to)?;
                if let Some(original) = &original {
                    let mode = match *original == to {
                        true => modes.like(target.mode()),
                        false => modes.of(&to_dir, original)?,
                    };
                    mode::open_up(&from_dir, &from, mode)?;
                }
                let held = target.hold(&closing);
                from_dir.rename(&from, &to_dir, &to)?;
                closing.close_later(held);
                Ok(())
            })
            .await
    }

    async fn remove_file(&self, at: &OsDir, path: &str) -> Result<(), ErrorCode> {
        let (OsDir(dir), path) = (at.clone(), path.to_owned());
        self.place.run("unlink", Cost::Cheap, move || Ok(dir.remove_file(path)?)).await
    }

    async fn remove_dir(&self, at: &OsDir, path: &str) -> Result<(), ErrorCode> {
        let (OsDir(dir), path) = (at.clone(), path.to_owned());
        self.place.run("rmdir", Cost::Cheap, move || Ok(dir.remove_dir(path)?)).await
    }

    async fn stat(&self, at: &OsDir, path: &str) -> Result<Stat, ErrorCode> {
        let (OsDir(dir), path) = (at.clone(), path.to_owned());
        let stat = move || Ok(stat_of(&dir.symlink_metadata(path)?));
        self.place.run("stat", Cost::Cheap, stat).await
    }

    async fn read_dir(&self, dir: &OsDir) -> Result<Vec<Entry>, ErrorCode> {
        let OsDir(dir) = dir.clone();
        self.place
            .open("readdir", Cost::Device, move || {
                let mut entries = Vec::new();
                let listed = dir.entries().map_err(|error| Failed::from(error).on_open())?;
                for entry in listed {
                    let entry = entry?;
                    // WASI has no name for what is not UTF-8, and Tandem makes no such file.
                    let Ok(name) = entry.file_name().into_string() else { continue };
                    // Some file systems look the type up, and the file may be gone by now.
                    let kind = entry.file_type().map_or(Kind::Other, kind_of);
                    entries.push(Entry::new(name, kind));
                }
                Ok(entries)
            })
            .await
    }
}

fn write_all(file: &OsFile, offset: u64, bytes: &[u8]) -> Result<(), Failed> {
    Ok(file.file()?.write_all_at(bytes, offset)?)
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
    let modified = metadata.modified().ok().map(cap_std::time::SystemTime::into_std);
    Stat::new(kind_of(metadata.file_type()), metadata.len(), modified)
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
