//! Open directories, each with what it has shown.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::lock;
use super::standing::Standing;
use crate::Document;

/// An open directory of a [`DocumentsDisk`](crate::DocumentsDisk). It remembers which version it has
/// shown of each document that was looked at through it: a rename over one follows that version, so
/// whoever reads, changes and replaces through one directory overwrites nothing that it has not read.
#[derive(Clone, Debug)]
pub struct DocumentsDir {
    path: Arc<str>,
    shown: Arc<Mutex<BTreeMap<String, Shown>>>,
    /// What the last request through it found or left, until the next one.
    seen: Arc<Mutex<Option<(String, Document)>>>,
}

/// What stood at a key.
#[derive(Clone, Copy, Debug)]
struct Shown {
    standing: Standing,
    /// Whether the content was read, and not only described.
    is_read: bool,
}

impl DocumentsDir {
    pub(super) fn new(path: &str) -> Self {
        DocumentsDir { path: path.into(), shown: Arc::default(), seen: Arc::default() }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Whether a key is that of a name in this directory, and of nothing deeper.
    pub(super) fn holds(&self, key: &str) -> bool {
        super::path::split(key).0 == self.path()
    }

    /// Remembers what was read at a key, or written there.
    pub(super) fn show(&self, key: &str, standing: Standing) {
        lock(&self.shown).insert(key.to_owned(), Shown { standing, is_read: true });
    }

    /// Remembers what stands at a key, unless its content was read before: whoever writes then follows
    /// what was read.
    pub(super) fn describe(&self, key: &str, standing: Standing) {
        let mut shown = lock(&self.shown);
        let has_read = shown.get(key).is_some_and(|shown| shown.is_read);
        if !has_read {
            shown.insert(key.to_owned(), Shown { standing, is_read: false });
        }
    }

    /// Remembers what a look found at a key, or what a write left there, for whoever reads next: a
    /// look and a read are one request then, and of one state.
    pub(super) fn see(&self, key: &str, document: Document) {
        *lock(&self.seen) = Some((key.to_owned(), document));
    }

    /// What was found at a key just now. It is told once; after anything else it is nothing.
    pub(super) fn seen(&self, key: &str) -> Option<Document> {
        let (seen, document) = lock(&self.seen).take()?;
        (seen == key).then_some(document)
    }

    /// Something else is asked for.
    pub(super) fn look_away(&self) {
        *lock(&self.seen) = None;
    }

    /// What it has shown of a key.
    pub(super) fn shown(&self, key: &str) -> Option<Standing> {
        Some(lock(&self.shown).get(key)?.standing)
    }
}
