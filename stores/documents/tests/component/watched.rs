//! A store in memory whose requests are counted, and which can be away.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tandem_documents::{
    Changes, Cursor, Document, Documents, Expect, Level, MemoryDocuments, Page, Promise, Survives,
    Trouble, Version, Write,
};

#[derive(Clone)]
pub struct Watched {
    pub store: MemoryDocuments,
    requests: Arc<Mutex<BTreeMap<&'static str, usize>>>,
    is_away: Arc<AtomicBool>,
}

impl Watched {
    pub fn new(survives: Survives) -> Self {
        Watched {
            store: MemoryDocuments::promising(survives),
            requests: Arc::default(),
            is_away: Arc::default(),
        }
    }

    /// The requests since the last call, by their kind.
    pub fn requests(&self) -> BTreeMap<&'static str, usize> {
        std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn is_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    pub fn text(&self, key: &str) -> Option<String> {
        let documents = self.store.documents();
        Some(String::from_utf8_lossy(documents.get(key)?).into_owned())
    }

    fn count(&self, kind: &'static str) -> Result<(), Trouble> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry(kind).or_default() += 1;
        match self.is_away.load(Ordering::SeqCst) {
            true => Err(Trouble::unknown("the store is away")),
            false => Ok(()),
        }
    }
}

impl Documents for Watched {
    async fn get(&self, key: &str) -> Result<Option<Document>, Trouble> {
        self.count("get")?;
        self.store.get(key).await
    }

    async fn replace(
        &self,
        key: &str,
        body: Option<Arc<[u8]>>,
        expect: Expect,
        level: Level,
    ) -> Result<Option<Version>, Trouble> {
        self.count("replace")?;
        self.store.replace(key, body, expect, level).await
    }

    async fn replace_all(&self, writes: Vec<Write>) -> Result<bool, Trouble> {
        self.count("replace_all")?;
        self.store.replace_all(writes).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Page, Trouble> {
        self.count("list")?;
        self.store.list(prefix, after).await
    }

    async fn changes(&self, prefix: &str, since: Option<&Cursor>) -> Result<Changes, Trouble> {
        self.count("changes")?;
        self.store.changes(prefix, since).await
    }

    async fn time(&self) -> Result<SystemTime, Trouble> {
        self.count("time")?;
        self.store.time().await
    }

    /// From what it knows, as a real store would.
    async fn promise(&self) -> Result<Promise, Trouble> {
        self.store.promise().await
    }
}
