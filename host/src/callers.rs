//! The callers' end of the drivers.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::driver::{Bounds, Job, Reply, ReplyReceiver, RunId};
use crate::error::Error;
use crate::report::ClosedRun;

/// Reaches the drivers of one [`Tandem`](crate::Tandem).
#[derive(Debug)]
pub(crate) struct Callers {
    /// The queue of each shard's driver, at least one.
    shards: Vec<UnboundedSender<Job>>,
    next_run: AtomicU64,
    pub bounds: Bounds,
    /// A forked process has no thread but the one that forked.
    process: u32,
}

/// One of the drivers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shard(usize);

impl Callers {
    pub(crate) fn new(shards: Vec<UnboundedSender<Job>>, bounds: Bounds) -> Self {
        Callers { shards, next_run: AtomicU64::new(0), bounds, process: std::process::id() }
    }

    /// A name for a run that is to be opened.
    pub(crate) fn next_run(&self) -> RunId {
        RunId(self.next_run.fetch_add(1, Ordering::Relaxed))
    }

    /// The driver that is responsible for a path, always the same one.
    pub(crate) fn shard_of(&self, path: impl FnOnce() -> String) -> Shard {
        let count = self.shards.len() as u64;
        if count == 1 {
            return Shard(0);
        }
        let mut hasher = DefaultHasher::new();
        path().hash(&mut hasher);
        // Less than a number that was a usize.
        Shard(usize::try_from(hasher.finish() % count).unwrap_or_default())
    }

    /// Sends a request whose outcome nobody waits for.
    pub(crate) fn send(&self, shard: Shard, job: Job) {
        if let (Some(jobs), false) = (self.shards.get(shard.0), self.is_forked()) {
            // If the driver is gone, what was to be done is done.
            let _ = jobs.send(job);
        }
    }

    /// Sends a request.
    pub(crate) fn ask<T>(&self, shard: Shard, job: impl FnOnce(Reply<T>) -> Job) -> Pending<T> {
        if self.is_forked() {
            return Pending::failed(Error::forked());
        }
        let (reply, answer) = Reply::new();
        self.send(shard, job(reply));
        Pending { state: PendingState::Waiting { answer, process: self.process } }
    }

    /// Has every driver stand still until what is returned is gone.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn pause(&self) -> Vec<std::sync::mpsc::Sender<()>> {
        let pause = |shard| {
            let (sender, until) = std::sync::mpsc::channel();
            self.send(Shard(shard), Job::Pause { until });
            sender
        };
        (0..self.shards.len()).map(pause).collect()
    }

    /// Ends every driver.
    pub(crate) async fn shut_down(&self) -> Vec<ClosedRun> {
        let ask = |shard| {
            let (reply, answer) = oneshot::channel();
            self.send(Shard(shard), Job::Shutdown { reply });
            answer
        };
        // All are asked before the first is waited for.
        let answers: Vec<_> = (0..self.shards.len()).map(ask).collect();
        let mut closed = Vec::new();
        for answer in answers {
            // Without an answer the driver had ended before.
            closed.extend(answer.await.unwrap_or_default());
        }
        closed
    }

    fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }
}

impl Drop for Callers {
    fn drop(&mut self) {
        if self.is_forked() {
            // To drop them would wake a thread that is not here, under a lock that it may have held.
            std::mem::forget(std::mem::take(&mut self.shards));
        }
    }
}

/// The outcome of a call that is on its way.
///
/// The call is made whether this is awaited or not; dropping it ends only the wait, and then nobody
/// is told how the call ended. It can be awaited on any runtime.
#[must_use = "the call is made in any case, but only who awaits it is told its outcome"]
#[derive(Debug)]
pub struct Pending<T> {
    state: PendingState<T>,
}

#[derive(Debug)]
enum PendingState<T> {
    Failed(Option<Error>),
    Waiting {
        answer: ReplyReceiver<T>,
        /// Where it was asked: nobody answers in a process that was forked from that.
        process: u32,
    },
}

impl<T> Pending<T> {
    /// A call that was refused before it was made.
    pub(crate) fn failed(error: Error) -> Self {
        Pending { state: PendingState::Failed(Some(error)) }
    }
}

impl<T> Unpin for Pending<T> {}

impl<T> Future for Pending<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            PendingState::Failed(error) => {
                Poll::Ready(Err(error.take().unwrap_or_else(Error::shut_down)))
            }
            // The driver answers every call; it is gone only after a shutdown.
            PendingState::Waiting { process, .. } if *process != std::process::id() => {
                Poll::Ready(Err(Error::forked()))
            }
            PendingState::Waiting { answer, .. } => {
                let answered = ready!(Pin::new(answer).poll(cx));
                Poll::Ready(answered.unwrap_or_else(|_| Err(Error::shut_down())))
            }
        }
    }
}
