//! Open files: in memory until a rename, documents from then on.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use tandem_disk::ErrorCode;

use super::{DocumentsDir, lock};
use crate::{Level, Version};

/// An open file of a [`DocumentsDisk`](crate::DocumentsDisk).
#[derive(Clone, Debug)]
pub struct DocumentsFile(Arc<Mutex<Content>>);

/// Where the content of a file is.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Here alone.
    Temporary(Temporary),
    /// In the store, as this disk has written it.
    Stored(Stored),
    /// As it was read.
    Read(Arc<[u8]>),
}

/// A file that nobody else sees.
#[derive(Clone, Debug)]
pub(super) struct Temporary {
    pub bytes: Vec<u8>,
    pub written: Instant,
    /// What its rename is to survive.
    pub level: Level,
}

impl Temporary {
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Temporary { bytes, written: Instant::now(), level: Level::Visible }
    }
}

/// A document that this disk has written.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub key: String,
    pub version: Version,
    pub body: Arc<[u8]>,
    /// Where it was created under its name, until it is written.
    pub at: Option<DocumentsDir>,
}

impl DocumentsFile {
    pub(super) fn new(content: Content) -> Self {
        DocumentsFile(Arc::new(Mutex::new(content)))
    }

    pub(super) fn temporary() -> Self {
        DocumentsFile::new(Content::Temporary(Temporary::of(Vec::new())))
    }

    pub(super) fn content(&self) -> Content {
        lock(&self.0).clone()
    }

    pub(super) fn set(&self, content: Content) {
        *lock(&self.0) = content;
    }

    /// Does something with a file that is in memory; nothing with any other.
    pub(super) fn with_temporary<T>(&self, act: impl FnOnce(&mut Temporary) -> T) -> Option<T> {
        match &mut *lock(&self.0) {
            Content::Temporary(temporary) => Some(act(temporary)),
            Content::Stored(_) | Content::Read(_) => None,
        }
    }

    /// A part of it.
    pub(super) fn read(&self, offset: u64, bytes_max: usize) -> Vec<u8> {
        let content = lock(&self.0);
        let bytes: &[u8] = match &*content {
            Content::Temporary(temporary) => &temporary.bytes,
            Content::Stored(stored) => &stored.body,
            Content::Read(body) => body,
        };
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = bytes.len().min(start.saturating_add(bytes_max));
        bytes[start..end].to_vec()
    }
}

/// Writes over and behind what is there.
///
/// # Errors
/// `FileTooLarge`: no memory could hold it.
pub(super) fn overwrite(content: &mut Vec<u8>, offset: u64, bytes: &[u8]) -> Result<(), ErrorCode> {
    let start = usize::try_from(offset).map_err(|_| ErrorCode::FileTooLarge)?;
    let end = start.checked_add(bytes.len()).ok_or(ErrorCode::FileTooLarge)?;
    if content.len() < end {
        content.resize(end, 0);
    }
    content[start..end].copy_from_slice(bytes);
    Ok(())
}
