//! The file from which a history is read.

use super::history::{Bad, History};
use super::settings::{HistoryLayout, LEGACY_NAME};
use crate::error::{Another, Channel, Code, Error, Failure, Operation};
use crate::ident;
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

impl HistoryFile {
    /// That of a task.
    pub fn of(layout: &HistoryLayout, task_id: &str) -> Self {
        let directory = layout.directory(task_id);
        HistoryFile { directory, name: layout.name.clone(), task_id: task_id.to_owned() }
    }
}

/// A file that may hold it.
pub struct Source<'a> {
    file: &'a HistoryFile,
    name: &'a str,
    /// Its size in bytes.
    pub size: u64,
}

/// Why nothing is known of a history.
#[derive(Debug, Clone)]
pub enum Unread {
    /// A step failed.
    Failed(Failure),
    /// It is another task's.
    OfAnother(Another),
}

impl From<Unread> for Error {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Failed(failure) => failure.into(),
            Unread::OfAnother(another) => Error::OfAnother(another),
        }
    }
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Unread::Failed(failure)
    }
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

impl HistoryFile {
    /// Whether the directory is another task's as well, so that its history is no stray file: the
    /// ids are equal but for case, or no directory has this task's very name. Then the name is a
    /// link, or the file system takes two spellings for one.
    async fn is_shared_with<S: Storage>(
        &self,
        storage: &S,
        task_id: &str,
    ) -> Result<bool, Failure> {
        if ident::check("task id", task_id).is_err() {
            return Ok(false);
        }
        if task_id.eq_ignore_ascii_case(&self.task_id) {
            return Ok(true);
        }
        let (above, name) = self.directory.rsplit_once('/').unwrap_or((".", &self.directory));
        let failure = |operation, path: &str| {
            let path = path.to_owned();
            move |code| Failure { path, ..self.failure((operation, code)) }
        };
        let dir = storage.open_dir(above).await.map_err(failure(Operation::Open, above))?;
        let names = storage.list(&dir).await.map_err(failure(Operation::List, above))?;
        if !names.iter().any(|other| other == name) {
            return Ok(true);
        }
        let stat = storage.stat(&dir, name).await;
        let stat = stat.map_err(failure(Operation::Stat, &self.directory))?;
        Ok(stat.kind != Kind::Directory)
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
    /// It has too many entries, or is the history of another task that has the same directory.
    pub async fn parse<'c, S: Storage>(
        &self,
        storage: &S,
        content: &'c [u8],
    ) -> Result<Option<History<'c>>, Unread> {
        let parsed = str::from_utf8(content).map_err(|_| Bad::Corrupt);
        match parsed.and_then(|text| History::parse(text, &self.file.task_id)) {
            Ok(history) => Ok(Some(history)),
            Err(Bad::Corrupt) => Ok(None),
            Err(Bad::OfTask(of)) if self.file.is_shared_with(storage, &of).await? => {
                let Failure { path, .. } = self.failure(Operation::Read, Code::OTHER_TASK);
                let task_id = self.file.task_id.clone();
                Err(Unread::OfAnother(Another { of, task_id, path }))
            }
            Err(Bad::OfTask(_)) => Ok(None),
            Err(Bad::TooLarge) => Err(self.failure(Operation::Read, Code::FILE_TOO_LARGE).into()),
        }
    }

    /// The file's path.
    fn failure(&self, operation: Operation, code: Code) -> Failure {
        let path = format!("{}/{}", self.file.directory, self.name);
        Failure { path, ..self.file.failure((operation, code)) }
    }
}
