//! Documents with versions in the place of files: what a store does with a request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tandem_documents::{Document, Expect, Listed, Page, Version, Write};
use tandem_host::disk::Kind;
use tandem_host::testing::DiskOperation;

use super::tree::Tree;

/// What a page of a list has at most: so few that workloads have several.
const PAGE: usize = 8;

/// What is there from the beginning.
const FIRST: Version = Version(1);

/// A request to a store.
#[derive(Clone, Debug)]
pub(crate) enum StoreOp {
    Get { key: String },
    Replace(Write),
    ReplaceAll(Vec<Write>),
    List { prefix: String, after: Option<String> },
}

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) enum StoreAnswer {
    Document(Option<Document>),
    Version(Option<Version>),
    IsMade(bool),
    Page(Page),
}

/// The versions of documents and of marks. Bodies are files of a tree.
#[derive(Clone, Debug)]
pub(crate) struct Versions {
    of: BTreeMap<String, Version>,
    /// When documents were removed.
    removed_ns: BTreeMap<String, u64>,
    newest: Version,
}

impl StoreOp {
    /// What it is called in traces.
    pub(crate) fn operation(&self) -> DiskOperation {
        match self {
            StoreOp::Get { .. } => DiskOperation::OpenFile,
            StoreOp::Replace(Write { body: None, .. }) => DiskOperation::RemoveFile,
            StoreOp::Replace(_) | StoreOp::ReplaceAll(_) => DiskOperation::Rename,
            StoreOp::List { .. } => DiskOperation::ReadDir,
        }
    }

    /// What it works on.
    pub(crate) fn path(&self) -> String {
        match self {
            StoreOp::Get { key } | StoreOp::Replace(Write { key, .. }) => key.clone(),
            StoreOp::ReplaceAll(writes) => {
                writes.iter().map(|write| &*write.key).collect::<Vec<_>>().join(", ")
            }
            StoreOp::List { prefix, .. } => prefix.clone(),
        }
    }

    /// Whether it changes something, so that it may come late.
    pub(crate) fn writes(&self) -> bool {
        matches!(self, StoreOp::Replace(_) | StoreOp::ReplaceAll(_))
    }
}

impl Versions {
    pub(crate) fn new() -> Self {
        Versions { of: BTreeMap::new(), removed_ns: BTreeMap::new(), newest: FIRST }
    }

    /// Does what a request asks for, on the bodies in `tree`.
    pub(crate) fn apply(&mut self, op: &StoreOp, tree: &mut Tree, wall_ns: u64) -> StoreAnswer {
        match op {
            StoreOp::Get { key } => StoreAnswer::Document(self.get(key, tree)),
            StoreOp::Replace(write) => {
                let is_made = self.holds(write, tree);
                StoreAnswer::Version(is_made.then(|| self.write(write, tree, wall_ns)))
            }
            StoreOp::ReplaceAll(writes) => {
                let is_made = writes.iter().all(|write| self.holds(write, tree));
                for write in writes.iter().filter(|_| is_made) {
                    self.write(write, tree, wall_ns);
                }
                StoreAnswer::IsMade(is_made)
            }
            StoreOp::List { prefix, after } => {
                StoreAnswer::Page(self.list(prefix, after.as_deref(), tree))
            }
        }
    }

    fn get(&self, key: &str, tree: &Tree) -> Option<Document> {
        let known = self.of.get(key).copied();
        let time = |ns| UNIX_EPOCH.checked_add(Duration::from_nanos(ns));
        let Some(data) = tree.content(key) else {
            let removed = self.removed_ns.get(key).copied().and_then(time);
            return Some(Document::new(None, known?, removed));
        };
        let modified = tree.modified_ns(key).and_then(time);
        Some(Document::new(Some(Arc::from(&***data)), known.unwrap_or(FIRST), modified))
    }

    fn holds(&self, write: &Write, tree: &Tree) -> bool {
        match self.get(&write.key, tree) {
            None => write.expect == Expect::Absent,
            Some(document) => write.expect == Expect::Is(document.version),
        }
    }

    fn write(&mut self, write: &Write, tree: &mut Tree, wall_ns: u64) -> Version {
        self.newest = Version(self.newest.0 + 1);
        self.of.insert(write.key.clone(), self.newest);
        match &write.body {
            Some(body) => {
                let since = |at: SystemTime| at.duration_since(UNIX_EPOCH).ok();
                let told = write.modified.and_then(since).map(|it| it.as_nanos());
                let modified_ns = told.and_then(|ns| u64::try_from(ns).ok()).unwrap_or(wall_ns);
                tree.put(&write.key, body, modified_ns);
            }
            None => {
                self.removed_ns.insert(write.key.clone(), wall_ns);
                tree.take(&write.key);
            }
        }
        tree.collect();
        self.newest
    }

    fn list(&self, prefix: &str, after: Option<&str>, tree: &Tree) -> Page {
        let files = tree.walk().into_iter().filter(|(_, ino)| tree.kind(*ino) == Kind::File);
        let mut keys: Vec<String> = files.map(|(path, _)| path).collect();
        keys.retain(|key| {
            key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
        });
        keys.sort_unstable();
        let has_more = keys.len() > PAGE;
        keys.truncate(PAGE);
        let version = |key: &String| self.of.get(key).copied().unwrap_or(FIRST);
        Page::new(keys.into_iter().map(|key| Listed::new(&key, version(&key))).collect(), has_more)
    }
}
