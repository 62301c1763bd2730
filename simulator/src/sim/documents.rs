//! [`SimDocuments`]: a store in the place of a disk.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tandem_documents::{
    Changes, Cursor, Document, Documents, DocumentsDisk, Expect, Level, Page, Promise, Survives,
    Trouble, Version, Write,
};
use tandem_host::disk::ErrorCode;

use super::disk::SimDisk;
use super::store::{StoreAnswer, StoreOp};

/// A store that several hosts share, in memory and under virtual time: what a [`SimDisk`] is to files.
/// Its requests are held and completed as the calls of that disk are, by
/// [`complete`](SimDisk::complete), and its documents are that disk's [files](SimDisk::files). They
/// are all it has, so use it for documents alone.
///
/// What is answered survives everything. A [`Fault::Before`](super::Fault::Before) with `Io`, `Busy` or
/// `Interrupted` is a request that was not made and whose answer is lost, with any other code one that
/// is refused; [`Fault::After`](super::Fault::After) is one that was made and whose answer is lost, and
/// [`Fault::Late`](super::Fault::Late) one that comes later.
#[derive(Clone)]
pub struct SimDocuments {
    disk: SimDisk,
}

impl SimDocuments {
    /// The store in the place of this disk.
    pub fn new(disk: &SimDisk) -> Self {
        SimDocuments { disk: disk.clone() }
    }

    /// The disk of another host over the same store.
    pub(crate) fn host(disk: &SimDisk) -> DocumentsDisk<SimDocuments> {
        DocumentsDisk::untried(SimDocuments::new(disk), Survives::Machine)
    }

    async fn ask(&self, op: StoreOp) -> Result<StoreAnswer, Trouble> {
        self.disk.ask(op).await.map_err(|code| match code {
            ErrorCode::Io | ErrorCode::Busy | ErrorCode::Interrupted => {
                Trouble::unknown("the answer is lost")
            }
            code => Trouble::refused(code, "the store refuses it"),
        })
    }
}

impl Documents for SimDocuments {
    async fn get(&self, key: &str) -> Result<Option<Document>, Trouble> {
        match self.ask(StoreOp::Get { key: key.to_owned() }).await? {
            StoreAnswer::Document(document) => Ok(document),
            _ => Err(other()),
        }
    }

    async fn replace(
        &self,
        key: &str,
        body: Option<Arc<[u8]>>,
        expect: Expect,
        _level: Level,
    ) -> Result<Option<Version>, Trouble> {
        match self
            .ask(StoreOp::Replace(Write { key: key.to_owned(), body, expect, modified: None }))
            .await?
        {
            StoreAnswer::Version(version) => Ok(version),
            _ => Err(other()),
        }
    }

    async fn replace_all(&self, writes: Vec<Write>) -> Result<bool, Trouble> {
        match self.ask(StoreOp::ReplaceAll(writes)).await? {
            StoreAnswer::IsMade(is_made) => Ok(is_made),
            _ => Err(other()),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Page, Trouble> {
        let after = after.map(str::to_owned);
        match self.ask(StoreOp::List { prefix: prefix.to_owned(), after }).await? {
            StoreAnswer::Page(page) => Ok(page),
            _ => Err(other()),
        }
    }

    /// Nobody follows it.
    async fn changes(&self, _prefix: &str, _since: Option<&Cursor>) -> Result<Changes, Trouble> {
        Err(Trouble::refused(ErrorCode::NotPermitted, "a simulated store tells no changes"))
    }

    async fn time(&self) -> Result<SystemTime, Trouble> {
        UNIX_EPOCH.checked_add(self.disk.wall_clock()).ok_or_else(other)
    }

    async fn promise(&self) -> Result<Promise, Trouble> {
        Ok(Promise::new(Survives::Machine, "it is simulated"))
    }
}

impl fmt::Debug for SimDocuments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDocuments").finish_non_exhaustive()
    }
}

/// The disk answers what it was asked.
fn other() -> Trouble {
    Trouble::unknown("the answer is to another request")
}
