//! What the core stands on: one narrow trait of file, clock and task operations, and what both the
//! runs and histories build on it. The core does not know which WASI, or whether
//! any, answers.

pub mod durable;
#[cfg(any(test, fuzzing, feature = "fuzz"))]
#[cfg_attr(
    any(fuzzing, feature = "fuzz"),
    allow(dead_code, reason = "some of it is for other tests")
)]
pub(crate) mod memory;
pub mod replace;
pub mod temp;

use std::time::Duration;

use futures::future::LocalBoxFuture;

use crate::error::{Code, Failure, Operation};

/// What stands at a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, a device, a pipe.
    Other,
}

/// What is known of a name without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Its size in bytes.
    pub size: u64,
    /// Since the epoch, by the file system's clock.
    pub modified: Duration,
}

/// Files, clocks, randomness and tasks.
///
/// Paths of directories are relative to the granted one, `.` is itself. Names are relative to a
/// directory handle. No operation follows a symbolic link at the last step of a name.
#[allow(async_fn_in_trait, reason = "the core runs on one thread, no future need be Send")]
pub trait Storage: 'static {
    /// Whether tasks go on when no call is made. If not, nothing may be left to a later time.
    const HAS_EVENT_LOOP: bool = true;

    /// An open directory.
    type Dir;
    /// An open file.
    type File;

    /// Opens a directory.
    async fn open_dir(&self, path: &str) -> Result<Self::Dir, Code>;
    /// Opens a directory in another one, and no link to one.
    async fn open_subdir(&self, dir: &Self::Dir, name: &str) -> Result<Self::Dir, Code>;
    /// Creates one directory; its parent exists.
    async fn create_dir(&self, path: &str) -> Result<(), Code>;
    /// Creates a file that must not exist.
    async fn create_file(&self, dir: &Self::Dir, name: &str) -> Result<Self::File, Code>;
    /// Writes the whole content of a new file.
    async fn write(&self, file: &Self::File, content: Vec<u8>) -> Result<(), Code>;
    /// Makes a file's data durable.
    async fn sync_data(&self, file: &Self::File) -> Result<(), Code>;
    /// Makes a directory's entries durable.
    async fn sync_dir(&self, dir: &Self::Dir) -> Result<(), Code>;
    /// Puts `from` in the place of `to`, in the same directory, atomically.
    async fn rename(&self, dir: &Self::Dir, from: &str, to: &str) -> Result<(), Code>;
    /// Puts a directory of `from` into `to`, under a name that is free.
    async fn move_dir(&self, from: (&Self::Dir, &str), to: (&Self::Dir, &str)) -> Result<(), Code>;
    /// Removes an empty directory.
    async fn remove_dir(&self, dir: &Self::Dir, name: &str) -> Result<(), Code>;
    /// Removes a file.
    async fn remove(&self, dir: &Self::Dir, name: &str) -> Result<(), Code>;
    /// Tells what stands at a name.
    async fn stat(&self, dir: &Self::Dir, name: &str) -> Result<Stat, Code>;
    /// Reads a file, at most `limit` bytes of it; more is [`Code::FILE_TOO_LARGE`].
    async fn read(&self, dir: &Self::Dir, name: &str, limit: u64) -> Result<Vec<u8>, Code>;
    /// Lists the names in a directory.
    async fn list(&self, dir: &Self::Dir) -> Result<Vec<String>, Code>;

    /// The monotonic clock, in nanoseconds.
    fn monotonic_ns(&self) -> u64;
    /// Waits until the monotonic clock shows `at_ns`.
    async fn sleep_until(&self, at_ns: u64);
    /// The wall clock, since the epoch.
    fn wall_clock(&self) -> Duration;
    /// 64 unpredictable bits.
    fn random(&self) -> u64;
    /// Lets every other task that can run do so once.
    async fn yield_now(&self);
    /// Runs a task to its end, whatever becomes of the caller.
    fn spawn(&self, task: LocalBoxFuture<'static, ()>);
}

/// What a step failed with.
pub type StepError = (Operation, Code);

/// A directory that was opened.
pub struct Opened<D> {
    /// The handle.
    pub dir: D,
    /// Whether this call created it, so that nothing can be in it.
    pub is_new: bool,
    /// Whether something of the path was missing, and its entries are not durable.
    pub was_missing: bool,
    /// Whether this call created something above the directory itself.
    pub has_new_parent: bool,
}

/// Opens a directory and creates what is missing of it.
///
/// # Errors
/// The step that failed, without a channel.
pub async fn open_or_create_dir<S: Storage>(
    storage: &S,
    path: &str,
) -> Result<Opened<S::Dir>, Failure> {
    let failure = |operation, path: &str, code| Failure {
        channel: None,
        operation,
        path: path.to_owned(),
        code,
    };
    match storage.open_dir(path).await {
        Err(Code::NO_ENTRY) => {}
        Ok(dir) => {
            return Ok(Opened { dir, is_new: false, was_missing: false, has_new_parent: false });
        }
        Err(code) => return Err(failure(Operation::Open, path, code)),
    }
    let (mut is_new, mut has_new_parent) = (false, false);
    for prefix in prefixes(path) {
        has_new_parent |= is_new;
        // Another component may create the same directories at the same time.
        is_new = match storage.create_dir(prefix).await {
            Ok(()) => true,
            Err(Code::EXIST) => false,
            Err(code) => return Err(failure(Operation::CreateDirectory, prefix, code)),
        };
    }
    match storage.open_dir(path).await {
        Ok(dir) => Ok(Opened { dir, is_new, was_missing: true, has_new_parent }),
        Err(code) => Err(failure(Operation::Open, path, code)),
    }
}

/// `a`, `a/b`, `a/b/c` for `a/b/c`.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at]).chain([path])
}

/// The directories above `path`, up to the granted one: `.`, `a`, `a/b` for `a/b/c`.
pub fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::once(".").chain(path.match_indices('/').map(|(at, _)| &path[..at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_ancestors_of_a_path() {
        assert_eq!(prefixes("a/b/c").collect::<Vec<_>>(), ["a", "a/b", "a/b/c"]);
        assert_eq!(ancestors("a/b/c").collect::<Vec<_>>(), [".", "a", "a/b"]);
        assert_eq!(ancestors("a").collect::<Vec<_>>(), ["."]);
    }
}
