//! The runs that wait for one history, and the task that writes it for all of them.

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

    /// Does something with the requests of a queue.
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
    let mut waiter = Waiter::new(shared.recall(&lock));
    let mut is_contended = false;
    while !shared.end_if_empty(&place) {
        let tried = shared.with_requests(&place, |requests| {
            waiter.lease_ms = requests.iter().map(|request| request.lease_ms).min().unwrap_or(0);
            requests.len()
        });
        match serve_once(&shared, &place, &lock, &mut waiter).await {
            Ok(Some(())) if is_contended && S::HAS_EVENT_LOOP => {
                // Others want the lock too: it is their turn.
                is_contended = false;
                waiter.is_served();
                storage.sleep_until(waiter.pause_until(storage, u64::MAX)).await;
            }
            Ok(Some(())) => waiter.is_served(),
            Ok(None) => {
                is_contended = true;
                let deadline_ns = give_up(&shared, &place, &lock, tried);
                storage.sleep_until(waiter.pause_until(storage, deadline_ns)).await;
            }
            Err(failure) => {
                let failure = Failure { channel: Some(Channel::History), ..failure };
                for request in shared.with_requests(&place, mem::take) {
                    let _ = request.caller.send(Err(failure.clone()));
                }
            }
        }
    }
    shared.remember(&lock, waiter);
}

/// Tries once to acquire the lock and to write the history for everybody who waits; none if the
/// lock was not to be had, or was lost again.
async fn serve_once<S: Storage>(
    shared: &Shared<S>,
    place: &Rc<Place>,
    lock: &lock::Place,
    waiter: &mut Waiter,
) -> Result<Option<()>, Failure> {
    let storage = &*shared.storage;
    let opened = shared.open_or_create_dir(&place.directory).await?;
    let Some(held) = waiter.acquire(storage, lock).await? else { return Ok(None) };
    // Those who came while the lock was waited for are served too.
    let requests = shared.with_requests(place, mem::take);
    let wishes: Vec<&Wish> = requests.iter().map(|request| &request.wish).collect();
    let work = snapshot::write(shared, place, &opened, &held, &wishes);
    let outcome = held.keep(storage, work).await;
    held.release(storage).await;
    let outcomes = match outcome {
        Ok(Some(outcomes)) => outcomes,
        Ok(None) => {
            shared.with_requests(place, |waiting| {
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
fn give_up<S: Storage>(
    shared: &Shared<S>,
    place: &Rc<Place>,
    lock: &lock::Place,
    tried: usize,
) -> u64 {
    let now_ns = shared.storage.monotonic_ns();
    let failure = Failure {
        channel: Some(Channel::History),
        operation: Operation::Lock,
        path: lock.path(),
        code: Code::LOCKED,
    };
    shared.with_requests(place, |requests| {
        let mut at = 0;
        let given_up = requests.extract_if(.., |request| {
            at += 1;
            at <= tried && request.deadline_ns <= now_ns
        });
        given_up.for_each(|request| drop(request.caller.send(Err(failure.clone()))));
        requests.iter().map(|request| request.deadline_ns).min().unwrap_or(now_ns)
    })
}
