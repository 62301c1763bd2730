//! What the files of the Tandem component stand on: [`Disk`], one narrow trait.
//!
//! A crate of its own, so that what implements it needs neither wasmtime nor the component.
//! `tandem-host` has all of it as its module `disk`, with a directory of the operating system behind
//! it.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod code;

use std::future::{Future, ready};
use std::time::SystemTime;

pub use code::ErrorCode;

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, a pipe, a socket.
    Other,
}

/// What is known about a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Its size in bytes.
    pub size: u64,
    /// When its data last changed, by the disk's own clock. The component takes a time that is not
    /// known for 1970.
    pub modified: Option<SystemTime>,
}

impl Stat {
    /// What is known.
    pub fn new(kind: Kind, size: u64, modified: Option<SystemTime>) -> Self {
        Stat { kind, size, modified }
    }
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The name, without its directory.
    pub name: String,
    /// What it names.
    pub kind: Kind,
}

impl Entry {
    /// A name, and what it names.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Entry { name: name.into(), kind }
    }
}

/// What a file is created for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// It is filled and then takes the place of another file by a rename. Nobody else reads it
    /// before, and after a crash nobody needs it: it may be its owner's alone, or be kept in memory
    /// until the rename.
    Temporary,
    /// It stands under its own name at once, for all to see: the record of a lock.
    Named,
}

/// Whose permissions a file has after a rename. A disk without permissions ignores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode<'a> {
    /// Its own.
    Own,
    /// Those of the file at this path, from the same directory as the path that it goes to; those of
    /// any new file where none is there.
    Of(&'a str),
}

/// The file operations that the component uses, and no others. Implement it to keep runs on anything
/// that can replace a file atomically, and give it to
/// [`Builder::disk`](https://docs.rs/tandem-host/latest/tandem_host/struct.Builder.html#method.disk);
/// `host/examples/own_disk.rs` is one that keeps files in memory.
///
/// # Paths
///
/// They are relative to a directory and use `/`; a step may be `.`, and no path leads out of the
/// root, through symbolic links neither. Only [`open_dir`](Disk::open_dir) follows a symbolic link
/// at the last step of a path.
///
/// # Promises
///
/// An answer is a promise: the component tells its callers `durable` because the syncs returned
/// without an error. Two more that it builds on:
///
/// - Of several that create one name at once, one succeeds and the others get `Exist`.
/// - What is not there is `NoEntry`, for every operation, so that a removal is told from absence.
///   Once a removal has answered, a rename from the removed name is `NoEntry`, however early it was
///   begun. That is how the lock of a history keeps late writers out.
///
/// # Errors
///
/// An error reaches the caller by its code. A few codes decide what comes next, so they must be
/// those of POSIX: `NoEntry` for what is not there, `Exist` for what is, `Unsupported` or `Invalid`
/// for a directory that cannot be synced, which makes `data-synced` of `durable`. After any other
/// error it is not known what happened: the component takes nothing for written, and writes it anew
/// into another temporary file.
///
/// # Calls
///
/// Several operations are in flight at once; of one file, only one write or sync. Their futures are
/// polled on Tandem's own thread, where every run waits for a poll that takes long. What a future
/// waits for may be a channel, a task of any runtime, a worker thread, or a timer of tokio, whose
/// runtime it is in; for sockets that runtime has no driver, so a disk that needs some brings a
/// runtime of its own. It must not wait for a call of the same `Tandem`.
///
/// A future that was polled once is driven to its end, even after the component that asked for it
/// is gone, so that no late rename can meet a newer file: until it ends, no new component starts. A
/// future that never ends keeps its own call waiting, and after a failure of the component every
/// call; a shutdown waits five seconds for what a component has left behind. One that panics counts
/// as `Io`.
pub trait Disk: Send + Sync + 'static {
    /// An open directory. Its last clone closes it.
    type Dir: Clone + Send + Sync + 'static;
    /// An open file. Its last clone closes it.
    type File: Clone + Send + Sync + 'static;

    /// The granted directory.
    fn root(&self) -> Self::Dir;

    /// Open an existing directory, through symbolic links too. `NoEntry` has the component create
    /// it.
    fn open_dir(
        &self,
        at: &Self::Dir,
        path: &str,
    ) -> impl Future<Output = Result<Self::Dir, ErrorCode>> + Send;

    /// Open an existing directory, and no link to one: of what is removed, nothing else goes. A disk
    /// without links has nothing to add to [`open_dir`](Disk::open_dir).
    fn open_subdir(
        &self,
        at: &Self::Dir,
        path: &str,
    ) -> impl Future<Output = Result<Self::Dir, ErrorCode>> + Send {
        self.open_dir(at, path)
    }

    /// Create one directory; its parent exists. `Exist` is taken for success.
    fn create_dir(
        &self,
        at: &Self::Dir,
        path: &str,
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send;

    /// Create a file that must not exist, for writing.
    fn create_file(
        &self,
        at: &Self::Dir,
        path: &str,
        purpose: Purpose,
    ) -> impl Future<Output = Result<Self::File, ErrorCode>> + Send;

    /// Open an existing regular file for reading. It never waits for a writer of a pipe. What is
    /// read through it is one state of the file, whatever takes its place meanwhile.
    fn open_file(
        &self,
        at: &Self::Dir,
        path: &str,
    ) -> impl Future<Output = Result<Self::File, ErrorCode>> + Send;

    /// Read from `offset` on, `bytes_max` bytes or up to the end of the file: fewer bytes than
    /// `bytes_max` mean the end.
    fn read(
        &self,
        file: &Self::File,
        offset: u64,
        bytes_max: usize,
    ) -> impl Future<Output = Result<Vec<u8>, ErrorCode>> + Send;

    /// Write all of `bytes` at `offset`, through the handle that created the file.
    ///
    /// An `offset` below the end overwrites. Of a [`Purpose::Named`] file the component writes the
    /// same content again at 0, which moves its time: so the holder of a lock shows that it is
    /// alive. No other file is overwritten today, and a disk that cannot do it answers
    /// `Unsupported`.
    ///
    /// `bytes` are lent for the call, not to the future: a disk that can write without waiting
    /// writes them before it returns, one that cannot copies them.
    fn write(
        &self,
        file: &Self::File,
        offset: u64,
        bytes: &[u8],
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send + use<Self>;

    /// Make a file's data durable. POSIX: `fdatasync`.
    fn sync_data(&self, file: &Self::File) -> impl Future<Output = Result<(), ErrorCode>> + Send;

    /// Make the entries of a directory durable. POSIX: `fsync`.
    fn sync_dir(&self, dir: &Self::Dir) -> impl Future<Output = Result<(), ErrorCode>> + Send;

    /// Put `from` in the place of `to`, which may be there or not, atomically: a reader finds the
    /// old file or the new one. An open handle of `from` stays that file.
    ///
    /// To remove a run its directories are renamed, with all that is in them, to names that are
    /// free. A disk whose runs are not removed answers `Unsupported`.
    fn rename(
        &self,
        from_dir: &Self::Dir,
        from: &str,
        to_dir: &Self::Dir,
        to: &str,
        mode: Mode<'_>,
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send;

    /// Remove a file or a symbolic link.
    fn remove_file(
        &self,
        at: &Self::Dir,
        path: &str,
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send;

    /// Remove a directory with nothing in it; one with something in it is `NotEmpty`. It is needed
    /// to remove runs.
    fn remove_dir(
        &self,
        at: &Self::Dir,
        path: &str,
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send {
        let _ = (at, path);
        ready(Err(ErrorCode::Unsupported))
    }

    /// Describe what stands at a path.
    fn stat(
        &self,
        at: &Self::Dir,
        path: &str,
    ) -> impl Future<Output = Result<Stat, ErrorCode>> + Send;

    /// List a directory, without `.` and `..`, in no particular order.
    fn read_dir(
        &self,
        dir: &Self::Dir,
    ) -> impl Future<Output = Result<Vec<Entry>, ErrorCode>> + Send;
}
