//! The file from which a history is read.

use super::history::{Bad, History};
use super::settings::LEGACY_NAME;
use crate::error::{Channel, Code, Failure, Operation};
use crate::storage::{Kind, Storage};

/// Where a history is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HistoryFile {
    /// Its directory.
    pub directory: String,
    /// Its file's name.
    pub name: String,
    /// The task.
    pub task_id: String,
}

/// A file that may hold it.
pub struct Source<'a> {
    file: &'a HistoryFile,
    name: &'a str,
    /// Its size in bytes.
    pub size: u64,
}

impl HistoryFile {
    /// The file's path.
    pub fn path(&self) -> String {
        format!("{}/{}", self.directory, self.name)
    }

    /// A step that failed.
    pub fn failure(&self, (operation, code): (Operation, Code)) -> Failure {
        Failure { channel: Some(Channel::History), operation, path: self.path(), code }
    }

    /// Finds the file, or that of the older format if there is none. A symbolic link counts as
    /// none, because the next write replaces it.
    ///
    /// # Errors
    /// A directory stands there, or it cannot be told.
    pub async fn find<S: Storage>(
        &self,
        storage: &S,
        dir: &S::Dir,
    ) -> Result<Option<Source<'_>>, Failure> {
        for name in [self.name.as_str(), LEGACY_NAME] {
            let mut source = Source { file: self, name, size: 0 };
            match storage.stat(dir, name).await {
                Ok(stat) if stat.kind == Kind::File => {
                    source.size = stat.size;
                    return Ok(Some(source));
                }
                Ok(stat) if stat.kind == Kind::Directory && !source.is_legacy() => {
                    return Err(source.failure(Operation::Read, Code::IS_DIRECTORY));
                }
                Ok(_) | Err(Code::NO_ENTRY) => {}
                Err(code) => return Err(source.failure(Operation::Stat, code)),
            }
        }
        Ok(None)
    }
}

impl Source<'_> {
    /// Whether it is the file of the older format, which is never written.
    pub fn is_legacy(&self) -> bool {
        self.name == LEGACY_NAME
    }

    /// Reads the file; none if it is gone.
    ///
    /// # Errors
    /// It cannot be read, or is larger than `max_bytes`.
    pub async fn read<S: Storage>(
        &self,
        storage: &S,
        dir: &S::Dir,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, Failure> {
        match storage.read(dir, self.name, max_bytes).await {
            Ok(content) => Ok(Some(content)),
            Err(Code::NO_ENTRY) => Ok(None),
            Err(code) => Err(self.failure(Operation::Read, code)),
        }
    }

    /// What the file holds; none if that is no history of the task.
    ///
    /// # Errors
    /// It has too many entries.
    pub fn parse<'c>(&self, content: &'c [u8]) -> Result<Option<History<'c>>, Failure> {
        let parsed = str::from_utf8(content).map_err(|_| Bad::Corrupt);
        match parsed.and_then(|text| History::parse(text, &self.file.task_id)) {
            Ok(history) => Ok(Some(history)),
            Err(Bad::Corrupt) => Ok(None),
            Err(Bad::TooLarge) => Err(self.failure(Operation::Read, Code::FILE_TOO_LARGE)),
        }
    }

    /// The file's path.
    fn failure(&self, operation: Operation, code: Code) -> Failure {
        let path = format!("{}/{}", self.file.directory, self.name);
        Failure { path, ..self.file.failure((operation, code)) }
    }
}
