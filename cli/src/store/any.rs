//! A store of whichever kind the address tells.

use std::sync::Arc;
use std::time::SystemTime;

use tandem_documents::{
    Changes, Cursor, Document, Documents, Expect, Level, Page, Promise, Trouble, Version, Write,
};
#[cfg(feature = "etcd")]
use tandem_etcd::EtcdDocuments;
use tandem_postgres::PostgresDocuments;

/// A store that is open.
#[derive(Clone, Debug)]
pub enum AnyDocuments {
    /// In PostgreSQL.
    Postgres(PostgresDocuments),
    /// In etcd.
    #[cfg(feature = "etcd")]
    Etcd(EtcdDocuments),
}

/// The same call of whichever it is.
macro_rules! of {
    ($any:expr, $store:ident => $call:expr) => {
        match $any {
            AnyDocuments::Postgres($store) => $call.await,
            #[cfg(feature = "etcd")]
            AnyDocuments::Etcd($store) => $call.await,
        }
    };
}

impl AnyDocuments {
    /// Whether the store tells the times of documents; else those who write do.
    pub fn has_clock(&self) -> bool {
        matches!(self, AnyDocuments::Postgres(_))
    }
}

impl Documents for AnyDocuments {
    async fn get(&self, key: &str) -> Result<Option<Document>, Trouble> {
        of!(self, store => store.get(key))
    }

    async fn replace(
        &self,
        key: &str,
        body: Option<Arc<[u8]>>,
        expect: Expect,
        level: Level,
    ) -> Result<Option<Version>, Trouble> {
        of!(self, store => store.replace(key, body, expect, level))
    }

    async fn replace_all(&self, writes: Vec<Write>) -> Result<bool, Trouble> {
        of!(self, store => store.replace_all(writes))
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Page, Trouble> {
        of!(self, store => store.list(prefix, after))
    }

    async fn changes(&self, prefix: &str, since: Option<&Cursor>) -> Result<Changes, Trouble> {
        of!(self, store => store.changes(prefix, since))
    }

    async fn time(&self) -> Result<SystemTime, Trouble> {
        of!(self, store => store.time())
    }

    async fn promise(&self) -> Result<Promise, Trouble> {
        of!(self, store => store.promise())
    }
}
