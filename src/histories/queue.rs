//! The runs that wait for one history, and the task that writes it for all of them.

use std::collections::btree_map::Entry;
use std::mem;
use std::rc::Rc;

use super::lock::{LockPath, Waiter};
use super::pending::{Addition, Pending, QueueKey, Unrecorded};
use super::shared::Shared;
use super::snapshot;
use super::source::HistoryFile;
use crate::error::{Channel, Code, Failure, Operation};
use crate::storage::Storage;

/// Puts a run into the queue of its history. The first one brings a task that serves it.
pub fn enqueue<S: Storage>(
    shared: &Rc<Shared<S>>,
    file: HistoryFile,
    locks_root: &str,
    pending: Pending,
) {
    let lock = LockPath { root: locks_root.to_owned(), task_id: file.task_id.clone() };
    match shared.queues.borrow_mut().entry(Rc::new(QueueKey { file, lock })) {
        Entry::Occupied(mut queue) => queue.get_mut().push(pending),
        Entry::Vacant(queue) => {
            let target = queue.key().clone();
            queue.insert(vec![pending]);
            shared.storage.spawn(Box::pin(serve(shared.clone(), target)));
        }
    }
}

/// Serves a queue until nobody waits in it.
async fn serve<S: Storage>(shared: Rc<Shared<S>>, target: Rc<QueueKey>) {
    let storage = &*shared.storage;
    let mut waiter = Waiter::new(shared.recall(&target.lock));
    let mut is_contended = false;
    while !shared.end_if_empty(&target) {
        let tried = shared.with_pending(&target, |pending| {
            waiter.lease_ms =
                pending.iter().map(|run| run.addition.settings.lease_ms).min().unwrap_or(0);
            pending.len()
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
                let deadline_ns = give_up(&shared, &target, tried, &waiter);
                storage.sleep_until(waiter.pause_until(storage, deadline_ns)).await;
            }
            Err(failure) => {
                let failure = Failure { channel: Some(Channel::History), ..failure };
                for run in shared.with_pending(&target, mem::take) {
                    let _ = run.caller.send(Err(Unrecorded::Failed(failure.clone())));
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
    target: &QueueKey,
    waiter: &mut Waiter,
) -> Result<Option<()>, Failure> {
    let storage = &*shared.storage;
    let opened = shared.open_or_create_dir(&target.file.directory).await?;
    let Some(held) = waiter.acquire(storage, &target.lock).await? else { return Ok(None) };
    // Those who came while the lock was waited for are served too.
    let batch = shared.with_pending(target, mem::take);
    let additions: Vec<&Addition> = batch.iter().map(|run| &run.addition).collect();
    let work = snapshot::write(shared, &target.file, &opened, &held, &additions);
    let outcome = held.keep(storage, work).await;
    held.release(storage).await;
    let outcomes = match outcome {
        Ok(Some(outcomes)) => {
            outcomes.into_iter().map(|outcome| outcome.map_err(Unrecorded::Failed)).collect()
        }
        Ok(None) => {
            shared.with_pending(target, |waiting| {
                waiting.splice(..0, batch);
            });
            return Ok(None);
        }
        Err(unread) => vec![Err(Unrecorded::from(unread)); batch.len()],
    };
    for (run, outcome) in batch.into_iter().zip(outcomes) {
        // A caller that went away wants no answer.
        let _ = run.caller.send(outcome);
    }
    Ok(Some(()))
}

/// Answers the first `tried` of those who wait if they would wait no longer, and tells when the
/// next one gives up. Each one has had a try of its own, however short it would wait.
fn give_up<S: Storage>(
    shared: &Shared<S>,
    target: &QueueKey,
    tried: usize,
    waiter: &Waiter,
) -> u64 {
    let now_ns = shared.storage.monotonic_ns();
    let failure = Failure {
        channel: Some(Channel::History),
        operation: Operation::Lock,
        path: target.lock.full(),
        code: Code::LOCKED,
    };
    let locked = Unrecorded::Locked(failure, waiter.holder());
    shared.with_pending(target, |pending| {
        let mut at = 0;
        let given_up = pending.extract_if(.., |run| {
            at += 1;
            at <= tried && run.deadline_ns <= now_ns
        });
        given_up.for_each(|run| drop(run.caller.send(Err(locked.clone()))));
        pending.iter().map(|run| run.deadline_ns).min().unwrap_or(now_ns)
    })
}
