//! A store in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::{
    Changed, Changes, Cursor, Document, Documents, Expect, Level, Listed, Page, Promise, Survives,
    Trouble, Version, Write,
};

/// What a page of a list has at most.
const PAGE: usize = 1000;

/// Documents in memory, for tests and as an example of a store. Clones share them: two disks over
/// clones of one are as two hosts over one store.
#[derive(Clone)]
pub struct MemoryDocuments {
    state: Arc<Mutex<State>>,
    promise: Arc<Promise>,
}

#[derive(Default)]
struct State {
    documents: BTreeMap<String, Document>,
    /// The newest version of any document.
    newest: u64,
}

impl MemoryDocuments {
    /// An empty store, which truly promises nothing.
    pub fn new() -> Self {
        MemoryDocuments::promising(Survives::Nothing)
    }

    /// An empty store that says it survives so much, for tests of what depends on that.
    pub fn promising(survives: Survives) -> Self {
        let promise = Arc::new(Promise::new(survives, "it is a test's, in memory"));
        MemoryDocuments { state: Arc::default(), promise }
    }

    /// Every document, by its key.
    pub fn documents(&self) -> BTreeMap<String, Arc<[u8]>> {
        let bodies = self.state().documents.clone().into_iter();
        bodies.filter_map(|(key, document)| Some((key, document.body?))).collect()
    }

    /// All that is there, for [`restore`](MemoryDocuments::restore).
    #[cfg(test)]
    pub(crate) fn snapshot(&self) -> BTreeMap<String, Document> {
        self.state().documents.clone()
    }

    /// Takes back what was written since, as a crash may. Versions go on.
    #[cfg(test)]
    pub(crate) fn restore(&self, documents: &BTreeMap<String, Document>) {
        self.state().documents = documents.clone();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn holds(&self, key: &str, expect: Expect) -> bool {
        expect.holds(self.documents.get(key))
    }

    fn write(
        &mut self,
        key: &str,
        body: Option<Arc<[u8]>>,
        modified: Option<SystemTime>,
    ) -> Version {
        self.newest += 1;
        let version = Version(self.newest);
        let modified = modified.unwrap_or_else(SystemTime::now);
        let document = Document::new(body, version, Some(modified));
        self.documents.insert(key.to_owned(), document);
        version
    }
}

impl Documents for MemoryDocuments {
    async fn get(&self, key: &str) -> Result<Option<Document>, Trouble> {
        Ok(self.state().documents.get(key).cloned())
    }

    async fn replace(
        &self,
        key: &str,
        body: Option<Arc<[u8]>>,
        expect: Expect,
        _level: Level,
    ) -> Result<Option<Version>, Trouble> {
        let mut state = self.state();
        Ok(state.holds(key, expect).then(|| state.write(key, body, None)))
    }

    async fn replace_all(&self, writes: Vec<Write>) -> Result<bool, Trouble> {
        let mut state = self.state();
        let is_made = writes.iter().all(|write| state.holds(&write.key, write.expect));
        for Write { key, body, modified, .. } in writes.into_iter().filter(|_| is_made) {
            state.write(&key, body, modified);
        }
        Ok(is_made)
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Page, Trouble> {
        let state = self.state();
        let first = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let behind = state.documents.range::<str, _>((first, Bound::Unbounded));
        let below = behind.take_while(|(key, _)| key.starts_with(prefix));
        let mut below = below.filter(|(_, document)| document.body.is_some());
        let listed = |(key, document): (&String, &Document)| Listed::new(key, document.version);
        let entries = below.by_ref().take(PAGE).map(listed).collect();
        Ok(Page::new(entries, below.next().is_some()))
    }

    /// It does not wait for a change.
    async fn changes(&self, prefix: &str, since: Option<&Cursor>) -> Result<Changes, Trouble> {
        let is_anew = since.is_none();
        let Ok(since) = since.map_or(Ok(0), |since| since.0.parse::<u64>()) else {
            return Err(Trouble::refused(
                tandem_disk::ErrorCode::Io,
                "the cursor is from another kind of store",
            ));
        };
        let state = self.state();
        let is_new = |(key, document): &(&String, &Document)| {
            key.starts_with(prefix)
                && document.version.0 > since
                && (document.body.is_some() || !is_anew)
        };
        let changed = state.documents.iter().filter(is_new);
        let changed = changed.map(|(key, document)| Changed::new(key, document.clone())).collect();
        let changes = Changes::new(changed, Cursor(state.newest.to_string()), false);
        Ok(if is_anew { changes.anew() } else { changes })
    }

    async fn time(&self) -> Result<SystemTime, Trouble> {
        Ok(SystemTime::now())
    }

    async fn promise(&self) -> Result<Promise, Trouble> {
        Ok(Promise::clone(&self.promise))
    }
}

impl Default for MemoryDocuments {
    fn default() -> Self {
        MemoryDocuments::new()
    }
}

impl fmt::Debug for MemoryDocuments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDocuments").finish_non_exhaustive()
    }
}
