//! Threads for calls that wait for a device.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::disk::ErrorCode;

/// What a worker does.
type Work = Box<dyn FnOnce() + Send>;

/// Workers, made as they are needed. Clones share them; the last one waits until all is done.
///
/// Where the system has no thread left, those that there are do the work, and without any it is done
/// where it is asked for: it takes longer then, and nothing else. So it is in a forked process, which
/// has none of the threads.
#[derive(Clone, Debug)]
pub(super) struct Workers(Arc<Owner>);

#[derive(Debug)]
struct Owner(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    state: Mutex<PoolState>,
    /// There is work, or it is over.
    work: Condvar,
    /// A thread has ended.
    ended: Condvar,
    threads_max: usize,
    /// Whose threads these are.
    process: u32,
}

#[derive(Default)]
struct PoolState {
    queue: VecDeque<Work>,
    threads: usize,
    /// Threads that wait for work, also those that were called and have not woken yet.
    idle: usize,
    is_over: bool,
}

/// As many calls can wait for a device at once.
const THREADS_MAX: usize = 512;
/// How long a worker waits for work.
const IDLE: Duration = Duration::from_secs(10);

thread_local! {
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is one of them.
pub(super) fn is_worker() -> bool {
    IS_WORKER.get()
}

impl Workers {
    pub(super) fn new() -> Self {
        Workers::at_most(THREADS_MAX)
    }

    pub(super) fn at_most(threads_max: usize) -> Self {
        Workers::of(std::process::id(), threads_max)
    }

    fn of(process: u32, threads_max: usize) -> Self {
        Workers(Arc::new(Owner(Arc::new(Pool {
            state: Mutex::default(),
            work: Condvar::new(),
            ended: Condvar::new(),
            threads_max,
            process,
        }))))
    }

    /// Makes a call on a worker.
    pub(super) async fn call<T, E>(
        &self,
        call: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<ErrorCode> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        self.start(move || {
            // Whoever asked may be gone.
            let _ = tell.send(call());
        });
        // Without an answer the call has panicked.
        told.await.unwrap_or_else(|_| Err(ErrorCode::Io.into()))
    }

    /// Has a worker do something that nobody waits for.
    pub(super) fn start(&self, work: impl FnOnce() + Send + 'static) {
        if let Some(work) = self.pool().push(Box::new(work)) {
            run(work);
        }
    }

    fn pool(&self) -> &Arc<Pool> {
        &self.0.0
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if self.0.is_forked() {
            return;
        }
        let mut state = self.0.state();
        state.is_over = true;
        self.0.work.notify_all();
        // What a worker did may have held the last clone.
        while state.threads > 0 && !is_worker() {
            state = self.0.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }

    /// Leaves work to the threads; gives it back if there are none.
    fn push(self: &Arc<Self>, work: Work) -> Option<Work> {
        if self.is_forked() {
            return Some(work);
        }
        let mut state = self.state();
        state.queue.push_back(work);
        if state.idle >= state.queue.len() {
            // Whoever wakes must not find the lock taken, and go to sleep again.
            drop(state);
            self.work.notify_one();
            return None;
        }
        if state.threads < self.threads_max {
            let pool = self.clone();
            let thread =
                Builder::new().name("tandem-worker".to_owned()).spawn(move || pool.serve());
            state.threads += usize::from(thread.is_ok());
        }
        if state.threads == 0 { state.queue.pop_back() } else { None }
    }

    /// What a thread does.
    fn serve(&self) {
        IS_WORKER.set(true);
        let mut state = self.state();
        loop {
            if let Some(work) = state.queue.pop_front() {
                drop(state);
                run(work);
                state = self.state();
                continue;
            }
            if state.is_over {
                break;
            }
            state.idle += 1;
            let waited = self.work.wait_timeout(state, IDLE);
            let (woken, wait) = waited.unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if wait.timed_out() && state.queue.is_empty() {
                break;
            }
        }
        state.threads -= 1;
        self.ended.notify_all();
    }
}

/// A call that panics tells its caller by not answering.
fn run(work: Work) {
    let _ = catch_unwind(AssertUnwindSafe(work));
}

impl std::fmt::Debug for PoolState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolState")
            .field("queued", &self.queue.len())
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use futures::executor::block_on;

    use super::*;

    #[test]
    fn calls_go_on_beside_each_other_and_a_panic_is_an_error() {
        let workers = Workers::new();
        let ((to_a, at_a), (to_b, at_b)) = (channel(), channel());
        let a = workers.call(move || {
            to_b.send(()).unwrap();
            at_a.recv().map_err(|_| ErrorCode::Io)
        });
        let b = workers.call(move || {
            to_a.send(()).unwrap();
            at_b.recv().map_err(|_| ErrorCode::Io)
        });
        assert_eq!(block_on(futures::future::join(a, b)), (Ok(()), Ok(())));
        let panics = workers.call::<(), ErrorCode>(|| panic!("a bug"));
        assert_eq!(block_on(panics), Err(ErrorCode::Io));
        assert_eq!(block_on(workers.call(|| Ok::<_, ErrorCode>(7))), Ok(7));
    }

    #[test]
    fn without_any_thread_work_is_done_where_it_is_asked_for() {
        let workers = Workers::at_most(0);
        let here = thread::current().id();
        let ran = workers.call(|| Ok::<_, ErrorCode>(thread::current().id()));
        assert_eq!(block_on(ran), Ok(here));
    }

    #[test]
    fn in_a_forked_process_work_is_done_where_it_is_asked_for_and_no_thread_is_waited_for() {
        let workers = Workers::of(std::process::id() + 1, THREADS_MAX);
        // As the parent left it.
        workers.pool().state().threads = 1;
        workers.pool().state().idle = 1;
        let here = thread::current().id();
        let ran = workers.call(|| Ok::<_, ErrorCode>(thread::current().id()));
        assert_eq!(block_on(ran), Ok(here));
        drop(workers);
    }

    #[test]
    fn the_last_clone_waits_until_all_is_done() {
        let workers = Workers::at_most(1);
        let (go, gone) = channel::<()>();
        let (tell, told) = channel();
        let (other, first) = (workers.clone(), tell.clone());
        workers.start(move || {
            gone.recv().ok();
            first.send("first").ok();
            // The last clone may end here too.
            drop(other);
        });
        workers.start(move || tell.send("second").unwrap());
        go.send(()).unwrap();
        drop(workers);
        assert_eq!(told.iter().take(2).collect::<Vec<_>>(), ["first", "second"]);
    }
}
