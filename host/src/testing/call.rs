//! One call of a disk operation, as layers see it.

use std::fmt;

use crate::glue::names::{is_temporary, temporary_target};

/// The operations of [`Disk`](crate::disk::Disk).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DiskOperation {
    /// `open_dir`
    OpenDir,
    /// `open_subdir`
    OpenSubdir,
    /// `create_dir`
    CreateDir,
    /// `create_file`
    CreateFile,
    /// `open_file`
    OpenFile,
    /// `read`
    Read,
    /// `write`
    Write,
    /// `sync_data`
    SyncData,
    /// `sync_dir`
    SyncDir,
    /// `rename`
    Rename,
    /// `remove_file`
    RemoveFile,
    /// `remove_dir`
    RemoveDir,
    /// `stat`
    Stat,
    /// `read_dir`
    ReadDir,
}

impl DiskOperation {
    /// Whether such a call changes files or makes changes durable.
    pub fn changes(self) -> bool {
        match self {
            DiskOperation::CreateDir
            | DiskOperation::CreateFile
            | DiskOperation::Write
            | DiskOperation::SyncData
            | DiskOperation::SyncDir
            | DiskOperation::Rename
            | DiskOperation::RemoveFile
            | DiskOperation::RemoveDir => true,
            DiskOperation::OpenDir
            | DiskOperation::OpenSubdir
            | DiskOperation::OpenFile
            | DiskOperation::Read
            | DiskOperation::Stat
            | DiskOperation::ReadDir => false,
        }
    }
}

/// One call of a disk operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Counts the calls of one [`Layered`](super::Layered) disk, from 1.
    pub id: u64,
    /// Which operation.
    pub operation: DiskOperation,
    /// The path relative to the root; for operations on an open file or directory the path it was
    /// opened with. The root itself is empty.
    pub path: String,
    /// Where a rename goes, relative to the root.
    pub to: Option<String>,
    /// How many bytes a write writes or a read asks for.
    pub bytes: u64,
}

impl Call {
    /// The last step of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The name of the file that this call is about, without leading dots: a temporary file counts
    /// as its target, so `.manifest.json.<32 hex>.tandem-tmp` is `manifest.json` and
    /// `.heartbeat.<32 hex>.tandem-tmp` is `heartbeat`.
    pub fn target(&self) -> &str {
        let name = self.name();
        temporary_target(name).unwrap_or(name).trim_start_matches('.')
    }

    /// Whether this call is about the file `name` or a temporary file of it.
    pub fn is_for(&self, name: &str) -> bool {
        self.target() == name.trim_start_matches('.')
    }

    /// Whether the path is that of a temporary file.
    pub fn is_temporary(&self) -> bool {
        is_temporary(self.name())
    }

    /// Whether this is `operation` on the file `name` or on a temporary file of it.
    pub fn is(&self, operation: DiskOperation, name: &str) -> bool {
        self.operation == operation && self.is_for(name)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.operation, self.path)?;
        match &self.to {
            Some(to) => write!(f, " -> {to}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(path: &str) -> Call {
        Call { id: 1, operation: DiskOperation::Write, path: path.into(), to: None, bytes: 0 }
    }

    #[test]
    fn a_temporary_file_stands_for_its_target() {
        let random = "0123456789abcdef0123456789abcdef";
        let manifest = call(&format!("a/b/.manifest.json.{random}.tandem-tmp"));
        assert!(manifest.is_temporary());
        assert!(manifest.is_for("manifest.json"));
        let heartbeat = call(&format!("a/b/.heartbeat.{random}.tandem-tmp"));
        assert!(heartbeat.is_for(".heartbeat"));
        assert!(!heartbeat.is_for("manifest.json"));
    }

    #[test]
    fn any_other_name_stands_for_itself() {
        assert_eq!(call("a/manifest.json").target(), "manifest.json");
        assert!(call("a/.heartbeat").is_for(".heartbeat"));
        assert!(!call("a/.x.123.tandem-tmp").is_temporary());
        assert_eq!(call("").target(), "");
    }
}
