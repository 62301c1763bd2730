//! The runs that wait for one history, and the task that writes it for all of them.

use std::collections::btree_map::Entry;
use std::mem;
use std::rc::Rc;

use futures::channel::oneshot;

use super::Shared;
use super::lock::{self, Waiter};
use super::snapshot::{self, Snapshot, Wish};
use super::source::Place;
use crate::error::{Channel, Code, Failure, Operation};
use crate::storage::Storage;

/// A run that waits for its history to be written.
pub struct Request {
    /// What it wants.
    pub wish: Wish,
    /// The lease of the lock that is taken for it.
    pub lease_ms: u64,
    /// Until when it waits for the lock.
    pub deadline_ns: u64,
    /// Gets the outcome.
    pub caller: oneshot::Sender<Outcome>,
}

/// What becomes of a request.
pub type Outcome = Result<Snapshot, Failure>;

/// A history and its lock.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    place: Place,
    lock: lock::Place,
}

impl<S: Storage> Shared<S> {
    /// Puts a run into the queue of its history. The first one brings a task that serves it.
    pub fn enqueue(self: &Rc<Self>, place: Place, locks_root: &str, request: Request) {
        let lock = lock::Place { root: locks_root.to_owned(), task_id: place.task_id.clone() };
        match self.queues.borrow_mut().entry(Rc::new(Target { place, lock })) {
            Entry::Occupied(mut requests) => requests.get_mut().push(request),
            Entry::Vacant(queue) => {
                let target = queue.key().clone();
                queue.insert(vec![request]);
                self.storage.spawn(Box::pin(serve(self.clone(), target)));
            }
        }
    }

    /// Does something with the requests of a queue.
    fn with_requests<T>(&self, target: &Target, act: impl FnOnce(&mut Vec<Request>) -> T) -> T {
        match self.queues.borrow_mut().get_mut(target) {
            Some(requests) => act(requests),
            None => act(&mut Vec::new()),
        }
    }

    /// Ends a queue that nobody waits in.
    fn end_if_empty(&self, target: &Target) -> bool {
        let mut queues = self.queues.borrow_mut();
        let is_empty = queues.get(target).is_none_or(Vec::is_empty);
        if is_empty {
            queues.remove(target);
        }
        is_empty
    }
}

/// Serves a queue until nobody waits in it.
async fn serve<S: Storage>(shared: Rc<Shared<S>>, target: Rc<Target>) {
    let storage = &*shared.storage;
    let mut waiter = Waiter::new(shared.recall(&target.lock));
    let mut is_contended = false;
    while !shared.end_if_empty(&target) {
        let tried = shared.with_requests(&target, |requests| {
            waiter.lease_ms = requests.iter().map(|request| request.lease_ms).min().unwrap_or(0);
            requests.len()
        });
        match serve_once(&shared, &target, &mut waiter).await {
            Ok(Some(())) if is_contended && S::HAS_EVENT_LOOP => {
                // Others want the lock too: it is their turn.
                is_contended = false;
                waiter.is_served();
                storage.sleep_until(waiter.pause_until(storage, u64::MAX)).await;
            }
            Ok(Some(())) => waiter.is_served(),
            Ok(None) => {
                is_contended = true;
                let deadline_ns = give_up(&shared, &target, tried);
                storage.sleep_until(waiter.pause_until(storage, deadline_ns)).await;
            }
            Err(failure) => {
                let failure = Failure { channel: Some(Channel::History), ..failure };
                for request in shared.with_requests(&target, mem::take) {
                    let _ = request.caller.send(Err(failure.clone()));
                }
            }
        }
    }
    shared.remember(&target.lock, waiter);
}

/// Tries once to acquire the lock and to write the history for everybody who waits; none if the
/// lock was not to be had, or was lost again.
async fn serve_once<S: Storage>(
    shared: &Shared<S>,
    target: &Target,
    waiter: &mut Waiter,
) -> Result<Option<()>, Failure> {
    let storage = &*shared.storage;
    let opened = shared.open_or_create_dir(&target.place.directory).await?;
    let Some(held) = waiter.acquire(storage, &target.lock).await? else { return Ok(None) };
    // Those who came while the lock was waited for are served too.
    let requests = shared.with_requests(target, mem::take);
    let wishes: Vec<&Wish> = requests.iter().map(|request| &request.wish).collect();
    let work = snapshot::write(shared, &target.place, &opened, &held, &wishes);
    let outcome = held.keep(storage, work).await;
    held.release(storage).await;
    let outcomes = match outcome {
        Ok(Some(outcomes)) => outcomes,
        Ok(None) => {
            shared.with_requests(target, |waiting| {
                waiting.splice(..0, requests);
            });
            return Ok(None);
        }
        Err(failure) => vec![Err(failure); requests.len()],
    };
    for (request, outcome) in requests.into_iter().zip(outcomes) {
        // A caller that went away wants no answer.
        let _ = request.caller.send(outcome);
    }
    Ok(Some(()))
}

/// Answers the first `tried` of those who wait if they would wait no longer, and tells when the
/// next one gives up. Each one has had a try of its own, however short it would wait.
fn give_up<S: Storage>(shared: &Shared<S>, target: &Target, tried: usize) -> u64 {
    let now_ns = shared.storage.monotonic_ns();
    let failure = Failure {
        channel: Some(Channel::History),
        operation: Operation::Lock,
        path: target.lock.path(),
        code: Code::LOCKED,
    };
    shared.with_requests(target, |requests| {
        let mut at = 0;
        let given_up = requests.extract_if(.., |request| {
            at += 1;
            at <= tried && request.deadline_ns <= now_ns
        });
        given_up.for_each(|request| drop(request.caller.send(Err(failure.clone()))));
        requests.iter().map(|request| request.deadline_ns).min().unwrap_or(now_ns)
    })
}
