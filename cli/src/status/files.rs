//! Reads files that anything may have been done to.

use std::io::{self, Read};
use std::time::SystemTime;

use cap_std::fs::{Dir, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

/// A file is the same as long as its stamp is: writers replace it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

/// A regular file below the root that is open for reading.
pub struct Found {
    file: cap_std::fs::File,
    pub stamp: Stamp,
    pub modified: Option<SystemTime>,
}

/// Opens a file, if there is one.
///
/// Symbolic links are not followed: Tandem replaces one in a file's place, so it is no file of its.
/// Nothing here waits, for a writer of a pipe neither.
///
/// # Errors
/// Why it cannot be read.
pub fn open(dir: &Dir, name: &str) -> Result<Option<Found>, String> {
    let problem = |error: io::Error| format!("cannot read {name}: {error}");
    match dir.symlink_metadata(name) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(metadata) => return Err(format!("{name} is {}", kind(&metadata))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(problem(error)),
    }
    let mut options = OpenOptions::new();
    options.read(true).custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
    let file = match dir.open_with(name, &options) {
        Ok(file) => file,
        // It was removed meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(problem(error)),
    };
    let metadata = file.metadata().map_err(problem)?;
    if !metadata.is_file() {
        return Err(format!("{name} is {}", kind(&metadata)));
    }
    let stamp = Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        bytes: metadata.len(),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    };
    let modified = metadata.modified().ok().map(cap_std::time::SystemTime::into_std);
    Ok(Some(Found { file, stamp, modified }))
}

impl Found {
    /// The whole content.
    ///
    /// # Errors
    /// Why it cannot be read; a file above `bytes_max` is not read at all.
    pub fn read(self, name: &str, bytes_max: u64) -> Result<Vec<u8>, String> {
        let too_large = || format!("{name} is above the limit of {bytes_max} bytes");
        if self.stamp.bytes > bytes_max {
            return Err(too_large());
        }
        let mut content = Vec::new();
        self.file
            .take(bytes_max.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(|error| format!("cannot read {name}: {error}"))?;
        // It grew meanwhile.
        if content.len() as u64 > bytes_max {
            return Err(too_large());
        }
        Ok(content)
    }
}

fn kind(metadata: &Metadata) -> &'static str {
    if metadata.is_dir() {
        "a directory"
    } else if metadata.is_symlink() {
        "a symbolic link"
    } else {
        "no regular file"
    }
}
