//! The store, as its callers have it.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use tandem_disk::ErrorCode;
use tandem_documents::{
    Changes, Cursor, Document, Documents, Expect, Level, Page, Promise, Trouble, Version, Write,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_local;

use crate::failure::Failure;
use crate::shared::Shared;
use crate::{OpenError, Options, changes, opening, promise, reads, worker, writes};

/// How many bytes a key may have.
const KEY_BYTES_MAX: usize = 4096;

/// Documents in etcd. The crate's page tells what holds.
///
/// Its futures can be polled on any runtime, or on none: it has a thread of its own for its sockets,
/// which ends when the store is dropped. Clones share it.
#[derive(Clone)]
pub struct EtcdDocuments {
    jobs: mpsc::UnboundedSender<Job>,
    body_bytes_max: usize,
}

impl fmt::Debug for EtcdDocuments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdDocuments").finish_non_exhaustive()
    }
}

/// What the thread is to do.
type Job = Box<dyn FnOnce(Rc<Engine>) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// What the thread has.
struct Engine {
    shared: Shared,
    promise: promise::Known,
}

/// What becomes of something whose caller no longer waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// It ends: it changes nothing.
    Ends,
    /// It goes on: it may be half made, and its server would not know.
    GoesOn,
}

impl EtcdDocuments {
    /// Opens a store, and checks that it can be used: that a server is new enough, carries requests
    /// out, and lets the user read and write.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let (jobs, mut queue) = mpsc::unbounded_channel::<Job>();
        let body_bytes_max = options.body_bytes_max;
        let main = move |answer: worker::Answer| async move {
            let shared = match opening::open(&options).await {
                Ok(shared) => shared,
                Err(error) => return drop(answer.send(Err(error))),
            };
            let engine = Rc::new(Engine { shared, promise: promise::Known::default() });
            // Whoever has stopped waiting for the store has no jobs for it.
            if answer.send(Ok(())).is_ok() {
                while let Some(job) = queue.recv().await {
                    spawn_local(job(engine.clone()));
                }
            }
        };
        worker::run(main).await?;
        Ok(EtcdDocuments { jobs, body_bytes_max })
    }

    /// Has the thread do something, and waits for it.
    async fn ask<T, F>(
        &self,
        left: Left,
        work: impl FnOnce(Rc<Engine>) -> F + Send + 'static,
    ) -> Result<T, Trouble>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + 'static,
    {
        let (mut answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |engine| {
            let work = work(engine);
            Box::pin(async move {
                let outcome = match left {
                    Left::GoesOn => work.await,
                    Left::Ends => tokio::select! {
                        outcome = work => outcome,
                        () = answer.closed() => return,
                    },
                };
                drop(answer.send(outcome.map_err(Failure::trouble)));
            })
        });
        if self.jobs.send(job).is_err() {
            return Err(Failure::unsent("the thread of the store has ended").trouble());
        }
        answered.await.unwrap_or_else(|_| {
            Err(Trouble::unknown("the thread of the store ended before it answered"))
        })
    }

    /// Refuses what no server is to hold.
    fn check(&self, key: &str, body: Option<&Arc<[u8]>>) -> Result<(), Trouble> {
        check_key(key)?;
        let (bytes, bytes_max) = (body.map_or(0, |body| body.len()), self.body_bytes_max);
        if bytes > bytes_max {
            let message =
                format!("a document may have at most {bytes_max} bytes, and has {bytes}: {key}");
            return Err(Trouble::refused(ErrorCode::FileTooLarge, message));
        }
        Ok(())
    }
}

/// Refuses a key that is longer than any of the component.
fn check_key(key: &str) -> Result<(), Trouble> {
    if key.len() > KEY_BYTES_MAX {
        let message =
            format!("a key may have at most {KEY_BYTES_MAX} bytes, and has {}", key.len());
        return Err(Trouble::refused(ErrorCode::NameTooLong, message));
    }
    Ok(())
}

impl Documents for EtcdDocuments {
    async fn get(&self, key: &str) -> Result<Option<Document>, Trouble> {
        check_key(key)?;
        let key = key.to_owned();
        self.ask(Left::Ends, async move |engine| reads::get(&engine.shared, &key).await).await
    }

    async fn replace(
        &self,
        key: &str,
        body: Option<Arc<[u8]>>,
        expect: Expect,
        _level: Level,
    ) -> Result<Option<Version>, Trouble> {
        self.check(key, body.as_ref())?;
        let key = key.to_owned();
        self.ask(Left::GoesOn, async move |engine| {
            writes::replace(&engine.shared, &key, body.as_deref(), expect).await
        })
        .await
    }

    async fn replace_all(&self, writes: Vec<Write>) -> Result<bool, Trouble> {
        for Write { key, body, .. } in &writes {
            self.check(key, body.as_ref())?;
        }
        if writes.is_empty() {
            return Ok(true);
        }
        self.ask(Left::GoesOn, async move |engine| {
            writes::replace_all(&engine.shared, writes).await
        })
        .await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Page, Trouble> {
        check_key(prefix)?;
        after.map_or(Ok(()), check_key)?;
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        self.ask(Left::Ends, async move |engine| {
            reads::list(&engine.shared, &prefix, after.as_deref()).await
        })
        .await
    }

    async fn changes(&self, prefix: &str, since: Option<&Cursor>) -> Result<Changes, Trouble> {
        check_key(prefix)?;
        let (prefix, since) = (prefix.to_owned(), since.cloned());
        self.ask(Left::Ends, async move |engine| {
            changes::changes(&engine.shared, &prefix, since.as_ref()).await
        })
        .await
    }

    async fn time(&self) -> Result<SystemTime, Trouble> {
        self.ask(Left::Ends, async move |engine| Ok(engine.shared.clock.now())).await
    }

    async fn promise(&self) -> Result<Promise, Trouble> {
        self.ask(Left::Ends, async move |engine| {
            promise::ask(&engine.shared, &engine.promise).await
        })
        .await
    }
}
