//! Embedded databases: both files of a run are rows, written in one transaction.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{BoxFuture, FutureExt, try_join_all};
use redb::{Database, Durability, TableDefinition};
use rusqlite::{Connection, params};

use crate::Result;
use crate::contender::{Contender, Sample, here};
use crate::files::blocking;
use crate::work::{HEARTBEAT, MANIFEST, Work, heartbeat, run_name};

/// A database that keeps files.
pub trait Store: Send + Sync + 'static {
    /// Write files of a run, by name, in one durable transaction.
    fn put(&self, run: &str, files: &[(&str, &str)]) -> Result<()>;
}

/// One database for all runs, and a thread for each transaction, as the libraries block.
pub struct Stored {
    store: Arc<dyn Store>,
    work: Work,
    runs: Vec<Arc<str>>,
}

impl Stored {
    pub fn new(store: impl Store, work: &Work) -> Self {
        let runs = (0..work.runs_at_once).map(|run| run_name(run).into()).collect();
        Self { store: Arc::new(store), work: work.clone(), runs }
    }

    async fn flush(&self, manifest: &Arc<str>) -> Result<()> {
        let transactions = self.runs.iter().map(|run| {
            let (store, run, manifest) = (self.store.clone(), run.clone(), manifest.clone());
            blocking(move || store.put(&run, &[(MANIFEST, &manifest), (HEARTBEAT, &heartbeat())]))
        });
        try_join_all(transactions).await?;
        Ok(())
    }
}

impl Contender for Stored {
    fn turn(&mut self, turn: u32) -> BoxFuture<'_, Result<Sample>> {
        let manifest = self.work.file(turn);
        async move { here(self.flush(&manifest)).await }.boxed()
    }
}

/// In WAL mode, which syncs once for each transaction with `synchronous=FULL`.
pub struct Sqlite(Mutex<Connection>);

impl Sqlite {
    pub fn open(directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory)?;
        let connection = Connection::open(directory.join("tandem.sqlite"))?;
        connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "CREATE TABLE files (run TEXT, name TEXT, content TEXT, PRIMARY KEY (run, name))",
        )?;
        Ok(Self(Mutex::new(connection)))
    }
}

impl Store for Sqlite {
    fn put(&self, run: &str, files: &[(&str, &str)]) -> Result<()> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction()?;
        {
            let mut put = transaction.prepare_cached(
                "INSERT INTO files VALUES (?1, ?2, ?3) \
                 ON CONFLICT (run, name) DO UPDATE SET content = excluded.content",
            )?;
            for (name, content) in files {
                put.execute(params![run, name, content])?;
            }
        }
        Ok(transaction.commit()?)
    }
}

const FILES: TableDefinition<(&str, &str), &str> = TableDefinition::new("files");

pub struct Redb(Database);

impl Redb {
    pub fn open(directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory)?;
        Ok(Self(Database::create(directory.join("tandem.redb"))?))
    }
}

impl Store for Redb {
    fn put(&self, run: &str, files: &[(&str, &str)]) -> Result<()> {
        let mut transaction = self.0.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut table = transaction.open_table(FILES)?;
            for (name, content) in files {
                table.insert((run, *name), *content)?;
            }
        }
        Ok(transaction.commit()?)
    }
}
