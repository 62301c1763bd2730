//! Opening a run that may exist: sweep what was abandoned, read what was left, set aside what is
//! corrupt.

use std::time::Duration;

use super::document;
use super::settings::RunSettings;
use crate::error::{Channel, Code, Error, Failure, Operation};
use crate::json;
use crate::limits::Counted;
use crate::records::Recovery;
use crate::storage::{Kind, Opened, Storage, open_or_create_dir, temp};
use crate::time::is_timestamp;

/// Larger than every heartbeat.
const HEARTBEAT_BYTES_MAX: u64 = 4096;

/// Opens or creates the run's directory and reads what is there; the document is counted before it
/// is read.
///
/// # Errors
/// [`Error::Storage`]; [`Error::TooLarge`] for a manifest above a limit.
pub async fn recover<S: Storage>(
    storage: &S,
    path: &str,
    settings: &RunSettings,
    counted: &mut Counted,
) -> Result<Recovery, Error> {
    let mut recovery = Recovery {
        directory: path.to_owned(),
        document: None,
        heartbeat: None,
        heartbeat_age_ms: None,
        swept: 0,
        set_aside: Vec::new(),
    };
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
    recovery.swept = temp::sweep(storage, &dir, &names, now, settings.sweep_after).await;

    let mut found = Found { storage, dir: &dir, path, set_aside: Vec::new() };
    let manifest = (Channel::Manifest, settings.manifest_name.as_str());
    let limit = settings.max_document_bytes;
    let read = found.read(manifest, limit, document::is_document, |bytes| counted.resize(bytes));
    recovery.document = read.await?.map(|(text, _)| text);
    counted.resize(recovery.document.as_ref().map_or(0, |text| text.len() as u64))?;
    let heartbeat = (Channel::Heartbeat, settings.heartbeat_name.as_str());
    let read = found.read(heartbeat, HEARTBEAT_BYTES_MAX, is_heartbeat, |_| Ok(()));
    if let Some((text, modified)) = read.await? {
        recovery.heartbeat = Some(text.trim_end().to_owned());
        let age = now.saturating_sub(modified);
        recovery.heartbeat_age_ms = Some(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
    }
    recovery.set_aside = found.set_aside;
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

/// A directory in which an earlier writer may have left files.
struct Found<'a, S: Storage> {
    storage: &'a S,
    dir: &'a S::Dir,
    path: &'a str,
    /// The paths to which corrupt files were moved.
    set_aside: Vec<String>,
}

impl<S: Storage> Found<'_, S> {
    /// The content and mtime of a regular file; none if there is none, or if it is corrupt and was
    /// set aside. `count` is told its size before it is read.
    async fn read(
        &mut self,
        (channel, name): (Channel, &str),
        limit: u64,
        is_good: fn(&str) -> bool,
        count: impl FnOnce(u64) -> Result<(), Error>,
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
        let too_large = |bytes, path| Error::TooLarge {
            channel,
            what: "manifest on the disk",
            option: "max_document_bytes",
            path: Some(path),
            bytes,
            limit,
        };
        if stat.size <= limit {
            count(stat.size)?;
        } else if channel == Channel::Manifest {
            // Before it takes memory that is not counted.
            return Err(too_large(stat.size, path));
        }
        let content = match self.storage.read(self.dir, name, limit).await {
            Ok(content) => content,
            // Another writer may have replaced or removed it since.
            Err(Code::NO_ENTRY) => return Ok(None),
            // It has grown since.
            Err(Code::FILE_TOO_LARGE) if channel == Channel::Manifest => {
                return Err(too_large(stat.size, path));
            }
            // No heartbeat is that large.
            Err(Code::FILE_TOO_LARGE) => Vec::new(),
            Err(code) => return Err(failure(Operation::Read)(code).into()),
        };
        if let Ok(mut text) = String::from_utf8(content) {
            text.drain(..text.len() - json::unmarked(&text).len());
            if is_good(&text) {
                return Ok(Some((text, stat.modified)));
            }
        }
        let aside = temp::corrupt_name(self.storage, name);
        match self.storage.rename(self.dir, name, &aside).await {
            Ok(()) => self.set_aside.push(format!("{}/{aside}", self.path)),
            Err(Code::NO_ENTRY) => {}
            Err(code) => return Err(failure(Operation::Rename)(code).into()),
        }
        Ok(None)
    }
}
