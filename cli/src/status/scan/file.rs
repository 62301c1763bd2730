//! Reads files that anything may have been done to.

use std::io::{self, Read};
use std::time::{Duration, SystemTime};

use cap_std::fs::{Dir, File, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use crate::file_kind::file_kind;
use crate::plain::failed_call;

/// Within this time a file can change twice and keep its stamp, on file systems whose clock is coarse.
const UNSETTLED: Duration = Duration::from_secs(2);

/// A file is the same as long as its stamp is: writers replace it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

/// A regular file that is there.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    stamp: Stamp,
    pub modified: Option<SystemTime>,
}

impl Found {
    /// Refuses what is no regular file: to open one can wait for ever, or do something.
    fn of(name: &str, metadata: &Metadata) -> Result<Self, String> {
        if !metadata.is_file() {
            return Err(format!("{name} is {}", file_kind(metadata)));
        }
        let stamp = Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        };
        let modified = metadata.modified().ok().map(cap_std::time::SystemTime::into_std);
        Ok(Found { stamp, modified })
    }

    /// Whether it is still what was read.
    pub fn is(&self, read: Option<Stamp>) -> bool {
        read == Some(self.stamp)
    }

    /// Its stamp, if from now on each change makes another one.
    pub fn settled(&self, now: SystemTime) -> Option<Stamp> {
        let now_s = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
        let settled_s = self.stamp.changed.0.checked_add_unsigned(UNSETTLED.as_secs())?;
        (u64::try_from(settled_s).is_ok_and(|settled_s| settled_s < now_s)).then_some(self.stamp)
    }
}

/// Looks for a file.
///
/// Symbolic links are not followed: Tandem replaces one in a file's place, so it is no file of its.
///
/// # Errors
/// Why it cannot be read.
pub fn find(dir: &Dir, name: &str) -> Result<Option<Found>, String> {
    match dir.symlink_metadata(name) {
        Ok(metadata) => Found::of(name, &metadata).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot look at {name}: {}", failed_call("stat", &error))),
    }
}

/// The content of a file that was found, and what it is by now; nothing if it was removed meanwhile.
///
/// Nothing here waits, for a writer of a pipe neither.
///
/// # Errors
/// Why it cannot be read; a file above `bytes_max` is not read at all.
pub fn read(dir: &Dir, name: &str, bytes_max: u64) -> Result<Option<(Found, Vec<u8>)>, String> {
    let mut options = OpenOptions::new();
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
    options.read(true).custom_flags(flags.bits().cast_signed());
    let file = match dir.open_with(name, &options) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot open {name}: {}", failed_call("open", &error))),
    };
    let problem = |error: io::Error| format!("cannot read {name}: {}", failed_call("read", &error));
    let found = Found::of(name, &file.metadata().map_err(problem)?)?;
    let too_large = || format!("{name} is above the limit of {bytes_max} bytes");
    if found.stamp.bytes > bytes_max {
        return Err(too_large());
    }
    let content = content(file, found.stamp.bytes, bytes_max).map_err(problem)?;
    // It grew meanwhile.
    if content.len() as u64 > bytes_max {
        return Err(too_large());
    }
    Ok(Some((found, content)))
}

/// Up to one byte more than the limit. One read is enough for a file of the size that was told.
fn content(file: File, bytes: u64, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0).saturating_add(1));
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut content)?;
    Ok(content)
}
