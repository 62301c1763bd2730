//! Opening what cap-std's public interface cannot open.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use cap_std::fs::Dir;
use rustix::fs::{Mode, OFlags};

use super::failed::Failed;
use crate::disk::ErrorCode;

/// Opens the regular file at `path` for reading, and no link to one.
pub(super) fn open_file(dir: &Dir, path: &str) -> Result<File, Failed> {
    // Without O_NONBLOCK, opening a pipe waits until somebody writes to it.
    let opened = open_last(dir, path, OFlags::RDONLY | OFlags::NONBLOCK)?;
    let file = File::from(opened);
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        Ok(file)
    } else if kind.is_dir() {
        Err(ErrorCode::IsDirectory.into())
    } else {
        Err(ErrorCode::Invalid.into())
    }
}

/// Opens the directory at `path`, and no link to one.
pub(super) fn open_subdir(dir: &Dir, path: &str) -> Result<Dir, Failed> {
    let opened = open_last(dir, path, OFlags::RDONLY | OFlags::DIRECTORY)?;
    Ok(Dir::from_std_file(File::from(opened)))
}

/// Opens what `path` names, and not what a link there points to.
///
/// cap-std cannot say "no link" in its public interface, so the directory that holds the name is
/// resolved by it, and the name itself, one plain step, is opened here.
pub(super) fn open_last(dir: &Dir, path: &str, flags: OFlags) -> Result<OwnedFd, Failed> {
    let (parent, name) = split(path)?;
    let parent = parent.map(|parent| dir.open_dir(parent)).transpose()?;
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(parent.as_ref().unwrap_or(dir), name, flags, Mode::empty())?)
}

/// The same directory through a new handle. cap-std opens directories with O_PATH, and such a
/// handle cannot be synced.
pub(super) fn reopened(dir: &Dir) -> Result<File, Failed> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(dir, ".", flags, Mode::empty());
    Ok(File::from(opened.map_err(|errno| Failed::from(errno).on_open())?))
}

/// The directory part of a path, if it has one, and its last step.
fn split(path: &str) -> Result<(Option<&Path>, &OsStr), ErrorCode> {
    let parsed = Path::new(path);
    let name = match parsed.components().next_back() {
        Some(Component::Normal(name)) if !path.ends_with('/') => name,
        Some(Component::Normal(_)) => return Err(ErrorCode::NotDirectory),
        Some(Component::CurDir) => return Err(ErrorCode::IsDirectory),
        Some(_) => return Err(ErrorCode::NotPermitted),
        None => return Err(ErrorCode::NoEntry),
    };
    Ok((parsed.parent().filter(|parent| !parent.as_os_str().is_empty()), name))
}
