//! What the component's files stand on: one narrow trait, and a directory of the operating system
//! behind it.

mod code;
mod os;
pub(crate) mod temporary;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::time::SystemTime;

pub use code::ErrorCode;
pub use os::{OsDisk, OsNode, Threads};

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
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Its size in bytes.
    pub size: u64,
    /// When its data last changed, by the disk's own clock. The component takes a time that is not
    /// known for 1970.
    pub modified: Option<SystemTime>,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, without its directory.
    pub name: String,
    /// What it names.
    pub kind: Kind,
}

/// The file operations that the component uses, and no others. Implement it to keep runs on anything
/// that can replace a file atomically, and give it to [`Builder::disk`](crate::Builder::disk);
/// `host/examples/own_disk.rs` is one that keeps files in memory.
///
/// Paths are relative to a directory node and use `/`; a step may be `.`, and no path leads out of
/// the root, through symbolic links neither. Only [`open_dir`](Disk::open_dir) follows a symbolic
/// link at the last step of a path.
///
/// Several operations are in flight at once, from any thread. An answer is a promise: the
/// component tells its callers `durable` because the syncs returned without an error.
///
/// An error reaches the caller by its code. A few codes decide what comes next, so they must be
/// those of POSIX: `NoEntry` for what is not there, `Exist` for what is, `Unsupported` or
/// `Invalid` for a directory that cannot be synced, which makes `data-synced` of `durable`.
///
/// A future that was polled once is driven to its end by this library, even after the component
/// that asked for it is gone, so that no late rename can meet a newer file.
pub trait Disk: Send + Sync + 'static {
    /// An open file or directory. Its last clone closes it.
    type Node: Clone + Send + Sync + 'static;

    /// The granted directory.
    fn root(&self) -> Self::Node;

    /// Open an existing directory, through symbolic links too. `NoEntry` has the component create
    /// it.
    fn open_dir(
        &self,
        at: &Self::Node,
        path: &str,
    ) -> impl Future<Output = Result<Self::Node, ErrorCode>> + Send;

    /// Create one directory; its parent exists. `Exist` is taken for success.
    fn create_dir(
        &self,
        at: &Self::Node,
        path: &str,
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send;

    /// Create a file that must not exist, for writing. Of several that create one name at once, one
    /// succeeds and the others get `Exist`: the lock of a history stands on that.
    fn create_file(
        &self,
        at: &Self::Node,
        path: &str,
    ) -> impl Future<Output = Result<Self::Node, ErrorCode>> + Send;

    /// Open an existing regular file for reading. It never waits for a writer of a pipe.
    fn open_file(
        &self,
        at: &Self::Node,
        path: &str,
    ) -> impl Future<Output = Result<Self::Node, ErrorCode>> + Send;

    /// Read at most `bytes_max` bytes from `offset`; nothing at the end of the file.
    fn read(
        &self,
        file: &Self::Node,
        offset: u64,
        bytes_max: usize,
    ) -> impl Future<Output = Result<Vec<u8>, ErrorCode>> + Send;

    /// Write `bytes` at `offset`, and tell how many of them were written. When that is fewer than
    /// all, the component is told that the rest was not taken.
    fn write(
        &self,
        file: &Self::Node,
        offset: u64,
        bytes: Vec<u8>,
    ) -> impl Future<Output = Result<usize, ErrorCode>> + Send;

    /// Make a file's data durable. POSIX: `fdatasync`.
    fn sync_data(&self, node: &Self::Node) -> impl Future<Output = Result<(), ErrorCode>> + Send;

    /// Make a file or the entries of a directory durable. POSIX: `fsync`.
    fn sync(&self, node: &Self::Node) -> impl Future<Output = Result<(), ErrorCode>> + Send;

    /// Put `from` in the place of `to`, which may be there or not, atomically: a reader finds the
    /// old file or the new one. A node of `from` that is open stays that file.
    fn rename(
        &self,
        from_dir: &Self::Node,
        from: &str,
        to_dir: &Self::Node,
        to: &str,
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send;

    /// Remove a file or a symbolic link.
    fn remove_file(
        &self,
        at: &Self::Node,
        path: &str,
    ) -> impl Future<Output = Result<(), ErrorCode>> + Send;

    /// Describe an open file or directory.
    fn stat(&self, node: &Self::Node) -> impl Future<Output = Result<Stat, ErrorCode>> + Send;

    /// Describe what stands at a path.
    fn stat_at(
        &self,
        at: &Self::Node,
        path: &str,
    ) -> impl Future<Output = Result<Stat, ErrorCode>> + Send;

    /// List a directory, without `.` and `..`, in no particular order.
    fn read_dir(
        &self,
        dir: &Self::Node,
    ) -> impl Future<Output = Result<Vec<Entry>, ErrorCode>> + Send;
}
