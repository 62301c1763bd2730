//! Documents in the place of files: what a case sets up is put into a store, and what it expects is
//! read from there.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures::executor::block_on;
use serde::Deserialize;
use tandem_documents::{Document, Documents, Expect, MemoryDocuments, Survives, Trouble, Write};
use tandem_etcd::EtcdDocuments;
use tandem_postgres::PostgresDocuments;
use tandem_tests::{etcd, postgres};

use crate::files::Action;

/// Which store a host keeps its runs in.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// In memory.
    Memory,
    /// A server of PostgreSQL, which the judge starts.
    Postgres,
    /// A node of etcd, which the judge starts.
    Etcd,
}

/// A store of one case. Clones share it.
#[derive(Clone)]
pub enum Store {
    /// In memory.
    Memory(MemoryDocuments),
    /// In a schema of its own.
    Postgres(PostgresDocuments),
    /// Below a prefix of its own.
    Etcd(EtcdDocuments),
}

/// The stores of the cases that are played, by the directory that a player is told.
static STORES: Mutex<BTreeMap<PathBuf, Store>> = Mutex::new(BTreeMap::new());

fn stores() -> MutexGuard<'static, BTreeMap<PathBuf, Store>> {
    STORES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kind {
    /// Why it cannot be had here.
    pub fn is_missing(self) -> Option<&'static str> {
        match self {
            Kind::Memory => None,
            Kind::Postgres => postgres::Installed::get().err(),
            Kind::Etcd => etcd::Installed::get().err(),
        }
    }
}

impl Store {
    /// An empty one, which stands for a directory until it is closed.
    pub fn new(kind: Kind, directory: &Path) -> io::Result<Self> {
        let store = match kind {
            // It promises what a cluster does.
            Kind::Memory => Store::Memory(MemoryDocuments::promising(Survives::Machine)),
            Kind::Postgres => Store::Postgres(in_postgres().map_err(io::Error::other)?),
            Kind::Etcd => Store::Etcd(in_etcd().map_err(io::Error::other)?),
        };
        stores().insert(directory.to_owned(), store.clone());
        Ok(store)
    }

    /// The one that stands for a directory.
    pub fn of(directory: &Path) -> Option<Self> {
        stores().get(directory).cloned()
    }

    /// It stands for the directory no more.
    pub fn close(directory: &Path) {
        stores().remove(directory);
    }

    /// All documents, by their keys.
    pub fn documents(&self) -> io::Result<BTreeMap<String, Arc<[u8]>>> {
        match self {
            Store::Memory(store) => Ok(store.documents()),
            Store::Postgres(store) => documents(store).map_err(told),
            Store::Etcd(store) => documents(store).map_err(told),
        }
    }

    /// Does what a case says of a file.
    pub fn act(&self, action: &Action) -> io::Result<()> {
        match self {
            Store::Memory(store) => act(store, action),
            Store::Postgres(store) => act(store, action),
            Store::Etcd(store) => act(store, action),
        }
    }
}

/// A name that no other case has.
fn name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("case_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn in_postgres() -> Result<PostgresDocuments, String> {
    let server = postgres::Installed::get()?.shared();
    let options = tandem_postgres::Options::new(server.url(&name()));
    let opened = async {
        PostgresDocuments::migrate(options.clone()).await?;
        PostgresDocuments::open(options).await
    };
    block_on(opened).map_err(|error| error.to_string())
}

fn in_etcd() -> Result<EtcdDocuments, String> {
    let cluster = etcd::Installed::get()?.shared();
    let options = tandem_etcd::Options::new(cluster.url(&name()));
    block_on(EtcdDocuments::open(options)).map_err(|error| error.to_string())
}

fn told(trouble: Trouble) -> io::Error {
    io::Error::other(trouble)
}

fn documents<D: Documents>(store: &D) -> Result<BTreeMap<String, Arc<[u8]>>, Trouble> {
    let (mut documents, mut cursor) = (BTreeMap::new(), None);
    loop {
        let changes = block_on(store.changes("", cursor.as_ref()))?;
        for changed in changes.changed {
            documents.insert(changed.key, changed.document.body);
        }
        if !changes.has_more {
            let there = documents.into_iter().filter_map(|(key, body)| Some((key, body?)));
            return Ok(there.collect());
        }
        cursor = Some(changes.next);
    }
}

fn act<D: Documents>(store: &D, action: &Action) -> io::Result<()> {
    match action {
        Action::WriteFile { path, content, age_s } => {
            if path.starts_with("../") {
                return Err(io::Error::other("a store has nothing beside it"));
            }
            let age = age_s.map(Duration::from_secs);
            put(store, path, Some(Arc::from(&*content.0)), age)
        }
        Action::Remove { path } => {
            let below = format!("{path}/");
            let documents = documents(store).map_err(told)?;
            let mut keys = documents.into_keys();
            let keys = keys.by_ref().filter(|key| key == path || key.starts_with(&below));
            let keys: Vec<_> = keys.collect();
            if keys.is_empty() {
                return Err(io::ErrorKind::NotFound.into());
            }
            keys.iter().try_for_each(|key| put(store, key, None, None))
        }
        Action::MakeDirectory { .. } => {
            Err(io::Error::other("a store has no directory without a document"))
        }
        Action::Symlink { .. } | Action::HardLink { .. } => {
            Err(io::Error::other("a store has no links"))
        }
    }
}

/// Writes over whatever is there.
fn put<D: Documents>(
    store: &D,
    key: &str,
    body: Option<Arc<[u8]>>,
    age: Option<Duration>,
) -> io::Result<()> {
    loop {
        let found: Option<Document> = block_on(store.get(key)).map_err(told)?;
        let expect = found.map_or(Expect::Absent, |found| Expect::Is(found.version));
        let modified = age.map(|age| SystemTime::now() - age);
        let write = Write { key: key.to_owned(), body: body.clone(), expect, modified };
        if block_on(store.replace_all(vec![write])).map_err(told)? {
            return Ok(());
        }
    }
}
