//! The store, as its callers have it.

use std::env;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tandem_disk::ErrorCode;
use tandem_documents::{
    Changes, Cursor, Document, Documents, Expect, Level, Page, Promise, Trouble, Version, Write,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_local;

use crate::address::Address;
use crate::failure::Failure;
use crate::lane::{Lanes, Waiting};
use crate::pool::Pool;
use crate::shared::Shared;
use crate::{OpenError, Options, changes, layout, promise, reads, worker, writes};

/// How many bytes a key may have.
const KEY_BYTES_MAX: usize = 4096;

/// How many bytes the bodies of one call may have together: what a message to the server holds.
const BYTES_TOGETHER_MAX: usize = 512 << 20;

/// How long a migration may take at least.
const MIGRATION: Duration = Duration::from_secs(60);

/// Documents in PostgreSQL. The crate's page tells what holds.
///
/// Its futures can be polled on any runtime, or on none: it has a thread of its own for its sockets,
/// which ends when the store is dropped. Clones share it.
#[derive(Clone)]
pub struct PostgresDocuments {
    jobs: mpsc::UnboundedSender<Job>,
    body_bytes_max: usize,
    is_read_only: bool,
}

impl fmt::Debug for PostgresDocuments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresDocuments").finish_non_exhaustive()
    }
}

/// What the thread is to do.
type Job = Box<dyn FnOnce(Rc<Engine>) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// What the thread has.
struct Engine {
    shared: Rc<Shared>,
    lanes: Lanes,
    promise: promise::Known,
}

impl PostgresDocuments {
    /// Opens a store, and checks that it can be used: that a server takes writes, has the tables,
    /// and lets the user write. With [`Options::read_only`] a primary and the tables suffice, and the
    /// right to read.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let (jobs, mut queue) = mpsc::unbounded_channel::<Job>();
        let (body_bytes_max, is_read_only) = (options.body_bytes_max, options.is_read_only);
        let main = move |answer: worker::Answer<()>| async move {
            let shared = match open(&options).await {
                Ok(shared) => Rc::new(shared),
                Err(error) => return drop(answer.send(Err(error))),
            };
            let lanes = Lanes::new(&shared);
            let engine = Rc::new(Engine { shared, lanes, promise: promise::Known::default() });
            // Whoever has stopped waiting for the store has no jobs for it.
            if answer.send(Ok(())).is_ok() {
                while let Some(job) = queue.recv().await {
                    spawn_local(job(engine.clone()));
                }
            }
        };
        worker::run(main).await?;
        Ok(PostgresDocuments { jobs, body_bytes_max, is_read_only })
    }

    /// Makes the schema and the tables of a store, or brings them to the layout of this release, in
    /// one transaction. What is there already stays; several may do it at once.
    ///
    /// It needs the privilege to create a schema in the database, unless there is the schema, and
    /// then to create tables in it. Another user that the store is opened with needs
    /// `grant usage on schema tandem`, `grant select on tandem.layout` and
    /// `grant select, insert, update on tandem.documents`.
    ///
    /// # Errors
    /// [`OpenError`] says what to do. After one of them it may be repeated.
    pub async fn migrate(options: Options) -> Result<(), OpenError> {
        let main = move |answer: worker::Answer<()>| async move {
            let migrated = async {
                let pool = pool(&options, false)?;
                let mut connection = pool.connect(None).await?;
                let patience = options.patience.max(MIGRATION);
                layout::migrate(&mut connection, pool.schema(), &pool.servers(), patience).await
            };
            drop(answer.send(migrated.await));
        };
        worker::run(main).await
    }

    /// Has the thread do something, and waits for it.
    async fn ask<T, F>(
        &self,
        work: impl FnOnce(Rc<Engine>) -> F + Send + 'static,
    ) -> Result<T, Trouble>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |engine| {
            let work = work(engine);
            Box::pin(async move { drop(answer.send(work.await.map_err(Failure::trouble))) })
        });
        self.answered(job, answered).await
    }

    async fn answered<T>(
        &self,
        job: Job,
        answered: oneshot::Receiver<Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        if self.jobs.send(job).is_err() {
            return Err(Failure::unsent("the thread of the store has ended").trouble());
        }
        answered.await.unwrap_or_else(|_| {
            Err(Trouble::unknown("the thread of the store ended before it answered"))
        })
    }

    /// Refuses what may not be written, or what the server could not hold.
    fn check(&self, key: &str, body: Option<&Arc<[u8]>>) -> Result<(), Trouble> {
        check_key(key)?;
        if self.is_read_only {
            let message = format!("the store was opened only to be read: {key}");
            return Err(Trouble::refused(ErrorCode::ReadOnly, message));
        }
        let (bytes, bytes_max) = (body.map_or(0, |body| body.len()), self.body_bytes_max);
        if bytes > bytes_max {
            let message =
                format!("a document may have at most {bytes_max} bytes, and has {bytes}: {key}");
            return Err(Trouble::refused(ErrorCode::FileTooLarge, message));
        }
        Ok(())
    }
}

/// Refuses a key that the server could not hold.
fn check_key(key: &str) -> Result<(), Trouble> {
    if key.len() > KEY_BYTES_MAX {
        let message =
            format!("a key may have at most {KEY_BYTES_MAX} bytes, and has {}", key.len());
        return Err(Trouble::refused(ErrorCode::NameTooLong, message));
    }
    if key.contains('\0') {
        let message = format!("a key may have no NUL: {key:?}");
        return Err(Trouble::refused(ErrorCode::IllegalByteSequence, message));
    }
    Ok(())
}

fn pool(options: &Options, is_read_only: bool) -> Result<Pool, OpenError> {
    if let Some(rule) = options.broken_rule() {
        return Err(OpenError::Options { rule });
    }
    let address = Address::read(&options.url, |name| env::var(name).ok())?;
    Ok(Pool::new(address, options.connections, is_read_only))
}

async fn open(options: &Options) -> Result<Shared, OpenError> {
    let pool = pool(options, options.is_read_only)?;
    let mut connection = pool.connect(None).await?;
    let servers = pool.servers();
    layout::check(&mut connection, pool.schema(), &servers, options).await?;
    pool.keep(connection);
    Ok(Shared { pool, patience: options.patience, is_read_confirmed: options.is_read_confirmed })
}

impl Documents for PostgresDocuments {
    async fn get(&self, key: &str) -> Result<Option<Document>, Trouble> {
        check_key(key)?;
        let key = key.to_owned();
        self.ask(async move |engine| reads::get(&engine.shared, &key).await).await
    }

    async fn replace(
        &self,
        key: &str,
        body: Option<Arc<[u8]>>,
        expect: Expect,
        level: Level,
    ) -> Result<Option<Version>, Trouble> {
        self.check(key, body.as_ref())?;
        let key = key.to_owned();
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |engine| {
            let deadline = engine.shared.deadline();
            let waiting = Waiting { key, body, expect, level, answer, deadline };
            engine.lanes.write(&engine.shared, waiting);
            Box::pin(async {})
        });
        self.answered(job, answered).await
    }

    async fn replace_all(&self, writes: Vec<Write>) -> Result<bool, Trouble> {
        for Write { key, body, .. } in &writes {
            self.check(key, body.as_ref())?;
        }
        let bytes: usize = writes.iter().flat_map(|write| &write.body).map(|body| body.len()).sum();
        if bytes > BYTES_TOGETHER_MAX {
            let message = format!(
                "documents that go together may have at most {BYTES_TOGETHER_MAX} bytes: {bytes}"
            );
            return Err(Trouble::refused(ErrorCode::FileTooLarge, message));
        }
        if writes.is_empty() {
            return Ok(true);
        }
        self.ask(async move |engine| writes::replace_all(&engine.shared, writes).await).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Page, Trouble> {
        check_key(prefix)?;
        after.map_or(Ok(()), check_key)?;
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        self.ask(async move |engine| reads::list(&engine.shared, &prefix, after.as_deref()).await)
            .await
    }

    async fn changes(&self, prefix: &str, since: Option<&Cursor>) -> Result<Changes, Trouble> {
        check_key(prefix)?;
        let (prefix, since) = (prefix.to_owned(), since.cloned());
        self.ask(async move |engine| {
            changes::changes(&engine.shared, &prefix, since.as_ref()).await
        })
        .await
    }

    async fn time(&self) -> Result<SystemTime, Trouble> {
        self.ask(async move |engine| reads::time(&engine.shared).await).await
    }

    async fn promise(&self) -> Result<Promise, Trouble> {
        self.ask(async move |engine| promise::ask(&engine.shared, &engine.promise).await).await
    }
}
