//! Opening a run that may exist: sweep what was abandoned, read what was left, set aside what is
//! corrupt.

use std::time::Duration;

use super::document;
use super::options::Options;
use crate::error::{Channel, Code, Error, Failure, Operation};
use crate::storage::{Kind, Opened, Storage, open_or_create_dir, temp};
use crate::time::is_timestamp;

/// What was found on the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The run's directory.
    pub directory: String,
    /// The manifest as its file holds it.
    pub document: Option<String>,
    /// The heartbeat without its newline.
    pub heartbeat: Option<String>,
    /// The heartbeat's age by the file system's clock.
    pub heartbeat_age_ms: Option<u64>,
    /// How many abandoned temporary files were removed.
    pub swept: u32,
    /// Where corrupt files were moved.
    pub set_aside: Vec<String>,
}

/// Opens or creates the run's directory and reads what is there.
///
/// # Errors
/// [`Error::Storage`]; [`Error::TooLarge`] for a manifest above the limit.
pub async fn recover<S: Storage>(
    storage: &S,
    path: &str,
    options: &Options,
) -> Result<Recovery, Error> {
    let mut recovery = Recovery { directory: path.to_owned(), ..Recovery::default() };
    let Opened { dir, is_new, .. } = open_or_create_dir(storage, path).await?;
    if is_new {
        return Ok(recovery);
    }
    let now = temp::disk_time(storage, &dir, path).await?;
    let names = storage.list(&dir).await.map_err(|code| Failure {
        channel: None,
        operation: Operation::List,
        path: path.to_owned(),
        code,
    })?;
    recovery.swept = temp::sweep(storage, &dir, &names, now, options.sweep_after).await;

    let place = Place { storage, dir: &dir, path };
    let limit = options.max_document_bytes;
    if let Some((text, _)) = place
        .read(
            Channel::Manifest,
            &options.manifest_name,
            limit,
            document::is_document,
            &mut recovery,
        )
        .await?
    {
        recovery.document = Some(text);
    }
    if let Some((text, modified)) = place
        .read(Channel::Heartbeat, &options.heartbeat_name, 4096, is_heartbeat, &mut recovery)
        .await?
    {
        recovery.heartbeat = Some(text.trim_end().to_owned());
        let age = now.saturating_sub(modified);
        recovery.heartbeat_age_ms = Some(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
    }
    Ok(recovery)
}

/// Removes abandoned temporary files of a run that is being closed.
pub async fn sweep<S: Storage>(storage: &S, path: &str, age: Duration) {
    // The run's state is on the disk; what cannot be swept now is swept by the next open.
    let Ok(dir) = storage.open_dir(path).await else { return };
    let Ok(names) = storage.list(&dir).await else { return };
    temp::sweep_names(storage, &dir, path, &names, age).await;
}

fn is_heartbeat(text: &str) -> bool {
    text.strip_suffix('\n').is_some_and(is_timestamp)
}

struct Place<'a, S: Storage> {
    storage: &'a S,
    dir: &'a S::Dir,
    path: &'a str,
}

impl<S: Storage> Place<'_, S> {
    /// The content and mtime of a regular file; none if there is none, or if it is corrupt and was
    /// set aside.
    async fn read(
        &self,
        channel: Channel,
        name: &str,
        limit: u64,
        is_good: fn(&str) -> bool,
        recovery: &mut Recovery,
    ) -> Result<Option<(String, Duration)>, Error> {
        let path = format!("{}/{name}", self.path);
        let failure = |operation| {
            let path = path.clone();
            move |code| Failure { channel: Some(channel), operation, path, code }
        };
        let stat = match self.storage.stat(self.dir, name).await {
            Ok(stat) if stat.kind == Kind::File => stat,
            Ok(_) | Err(Code::NO_ENTRY) => return Ok(None),
            Err(code) => return Err(failure(Operation::Stat)(code).into()),
        };
        let content = match self.storage.read(self.dir, name, limit).await {
            Ok(content) => content,
            // Another writer may have replaced or removed it since.
            Err(Code::NO_ENTRY) => return Ok(None),
            Err(Code::FILE_TOO_LARGE) if channel == Channel::Manifest => {
                return Err(Error::TooLarge {
                    channel,
                    what: "manifest on the disk",
                    option: "max_document_bytes",
                    path: Some(path),
                    bytes: stat.size,
                    limit,
                });
            }
            // No heartbeat is that large.
            Err(Code::FILE_TOO_LARGE) => Vec::new(),
            Err(code) => return Err(failure(Operation::Read)(code).into()),
        };
        if let Ok(text) = String::from_utf8(content)
            && is_good(&text)
        {
            return Ok(Some((text, stat.modified)));
        }
        let aside = temp::corrupt_name(self.storage, name);
        match self.storage.rename(self.dir, name, &aside).await {
            Ok(()) => recovery.set_aside.push(format!("{}/{aside}", self.path)),
            Err(Code::NO_ENTRY) => {}
            Err(code) => return Err(failure(Operation::Rename)(code).into()),
        }
        Ok(None)
    }
}
