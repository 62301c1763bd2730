//! The runs that wait for one history, and the task that writes it for all of them.

use std::rc::Rc;

use futures::channel::oneshot;

use super::Shared;
use super::lock::{self, Held, Waiter};
use super::snapshot::{self, Snapshot, Wish};
use super::source::Place;
use crate::error::{Channel, Code, Failure, Operation};
use crate::storage::{Storage, open_or_create_dir};

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

/// One history, its lock, and who waits for it. It exists for as long as somebody does.
pub struct Queue {
    place: Rc<Place>,
    locks_root: String,
    requests: Vec<Request>,
}

impl<S: Storage> Shared<S> {
    /// Puts a run into the queue of its history. The first one brings a task that serves it.
    pub fn enqueue(self: &Rc<Self>, place: Place, locks_root: &str, request: Request) {
        let mut queues = self.queues.borrow_mut();
        let queue = queues.iter_mut().find(|q| *q.place == place && q.locks_root == locks_root);
        if let Some(queue) = queue {
            return queue.requests.push(request);
        }
        let (place, locks_root) = (Rc::new(place), locks_root.to_owned());
        let lock = lock::Place { root: locks_root.clone(), task_id: place.task_id.clone() };
        queues.push(Queue { place: place.clone(), locks_root, requests: vec![request] });
        self.storage.spawn(Box::pin(serve(self.clone(), place, lock)));
    }

    /// Does something with the requests of a queue; the queue is gone when none is left.
    fn with_requests<T>(&self, place: &Rc<Place>, act: impl FnOnce(&mut Vec<Request>) -> T) -> T {
        let mut queues = self.queues.borrow_mut();
        let Some(at) = queues.iter().position(|queue| Rc::ptr_eq(&queue.place, place)) else {
            return act(&mut Vec::new());
        };
        act(&mut queues[at].requests)
    }

    /// Ends a queue that nobody waits in.
    fn end_if_empty(&self, place: &Rc<Place>) -> bool {
        let mut queues = self.queues.borrow_mut();
        queues.retain(|queue| !Rc::ptr_eq(&queue.place, place) || !queue.requests.is_empty());
        queues.iter().all(|queue| !Rc::ptr_eq(&queue.place, place))
    }
}

/// Serves a queue until nobody waits in it.
async fn serve<S: Storage>(shared: Rc<Shared<S>>, place: Rc<Place>, lock: lock::Place) {
    let storage = &*shared.storage;
    let mut has_waited = false;
    while !shared.end_if_empty(&place) {
        if has_waited {
            // Others want the lock too: it is their turn.
            let waiter = &mut Waiter::new(0);
            storage.sleep_until(waiter.pause_until(storage, u64::MAX)).await;
        }
        let opened = match open_or_create_dir(storage, &place.directory).await {
            Ok(opened) => opened,
            Err(failure) => {
                fail(&shared, &place, &failure);
                continue;
            }
        };
        let held = match acquire(&shared, &place, &lock, &mut has_waited).await {
            Ok(Some(held)) => held,
            Ok(None) => continue,
            Err(failure) => {
                fail(&shared, &place, &failure);
                continue;
            }
        };
        let requests = shared.with_requests(&place, std::mem::take);
        let wishes: Vec<&Wish> = requests.iter().map(|request| &request.wish).collect();
        let work = snapshot::write(&shared, &place, &opened, &held, &wishes);
        let outcome = held.keep(storage, work).await;
        held.release(storage).await;
        match outcome {
            Ok(Some(snapshots)) => {
                for (request, snapshot) in requests.into_iter().zip(snapshots) {
                    // A caller that went away wants no answer.
                    let _ = request.caller.send(Ok(snapshot));
                }
            }
            // The lock was lost: once more, before those that came since.
            Ok(None) => shared.with_requests(&place, |waiting| {
                waiting.splice(..0, requests);
            }),
            Err(failure) => {
                for request in requests {
                    let _ = request.caller.send(Err(failure.clone()));
                }
            }
        }
    }
}

/// Waits for the lock; none if nobody waits any more.
async fn acquire<S: Storage>(
    shared: &Shared<S>,
    place: &Rc<Place>,
    lock: &lock::Place,
    has_waited: &mut bool,
) -> Result<Option<Held<S>>, Failure> {
    let storage = &*shared.storage;
    let mut waiter = Waiter::new(0);
    *has_waited = false;
    loop {
        let (tried, lease_ms) = shared.with_requests(place, |requests| {
            (requests.len(), requests.iter().map(|request| request.lease_ms).min())
        });
        let Some(lease_ms) = lease_ms else { return Ok(None) };
        waiter.lease_ms = lease_ms;
        if let Some(held) = waiter.acquire(storage, lock).await? {
            return Ok(Some(held));
        }
        *has_waited = true;
        let now_ns = storage.monotonic_ns();
        let deadline_ns = shared.with_requests(place, |requests| {
            let mut at = 0;
            // Each one has had a try of its own, however short it would wait.
            let given_up = requests.extract_if(.., |request| {
                at += 1;
                at <= tried && request.deadline_ns <= now_ns
            });
            let failure = Failure {
                channel: Some(Channel::History),
                operation: Operation::Lock,
                path: lock.path(),
                code: Code::LOCKED,
            };
            given_up.for_each(|request| drop(request.caller.send(Err(failure.clone()))));
            requests.iter().map(|request| request.deadline_ns).min()
        });
        let Some(deadline_ns) = deadline_ns else { return Ok(None) };
        storage.sleep_until(waiter.pause_until(storage, deadline_ns)).await;
    }
}

/// Tells everybody who waits that a step failed.
fn fail<S: Storage>(shared: &Shared<S>, place: &Rc<Place>, failure: &Failure) {
    let failure = Failure { channel: Some(Channel::History), ..failure.clone() };
    for request in shared.with_requests(place, std::mem::take) {
        let _ = request.caller.send(Err(failure.clone()));
    }
}
