//! Runs the core's futures inside a call that blocks, on the pollables of `wasi:io`.

use std::cell::RefCell;
use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::future::LocalBoxFuture;

use crate::bindings::wasi::io::poll::{Pollable, poll};

thread_local! {
    /// The tasks that no round has polled yet.
    static SPAWNED: RefCell<Vec<LocalBoxFuture<'static, ()>>> = const { RefCell::new(Vec::new()) };
    /// What the futures of the round wait for.
    static WAITED_FOR: RefCell<Vec<Rc<Pollable>>> = const { RefCell::new(Vec::new()) };
}

/// Whether a future that was polled can go on.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Adds a task. The call that is running does not return before it has ended.
pub fn spawn(task: LocalBoxFuture<'static, ()>) {
    SPAWNED.with_borrow_mut(|spawned| spawned.push(task));
}

/// Waits until `pollable` is ready, while other futures go on. Only a new round asks it
/// again, so the future must stand in no set that polls only what was woken, as `join_all` makes one
/// of more than 30. A flush replaces two files.
pub async fn ready(pollable: Pollable) {
    let pollable = Rc::new(pollable);
    poll_fn(|_| {
        if pollable.ready() {
            return Poll::Ready(());
        }
        WAITED_FOR.with_borrow_mut(|waited_for| waited_for.push(pollable.clone()));
        Poll::Pending
    })
    .await;
}

/// Lets the other futures go on once.
pub async fn yield_now() {
    let mut has_yielded = false;
    poll_fn(|context| {
        if mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Runs `future`, and every task that it spawns, to the end: nothing goes on between calls.
///
/// There are some dozens of futures at most, so each round polls all of them. When none can go on, one
/// `poll` waits for all that they wait for.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let mut output = None;
    let mut tasks = Vec::new();
    loop {
        if output.is_none()
            && let Poll::Ready(done) = future.as_mut().poll(&mut context)
        {
            output = Some(done);
        }
        tasks.retain_mut(|task: &mut LocalBoxFuture<'static, ()>| {
            task.as_mut().poll(&mut context).is_pending()
        });
        let has_new_tasks = SPAWNED.with_borrow_mut(|spawned| {
            let has_new_tasks = !spawned.is_empty();
            tasks.append(spawned);
            has_new_tasks
        });
        // They are dropped before any future goes on: a pollable must not outlive its stream.
        let waited_for = WAITED_FOR.take();
        let can_go_on = woken.0.swap(false, Ordering::Relaxed) || has_new_tasks;
        if tasks.is_empty()
            && let Some(output) = output.take()
        {
            return output;
        }
        if !can_go_on {
            let pollables: Vec<&Pollable> = waited_for.iter().map(Rc::as_ref).collect();
            poll(&pollables);
        }
    }
}
