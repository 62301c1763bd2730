//! Calls that belong to no open run: records, removals and histories.

use std::collections::HashMap;

use super::bounds::Bounds;
use super::job::TaskCall;
use super::queue::CallQueue;
use super::reply::TellFailure;
use crate::error::Error;

/// The most records in flight. Most of them wait for a lock, and hold no file then. Above it a
/// record waits for the end of another one, of whatever task, and its lock wait begins after that.
const RECORDS_MAX: usize = 1_024;
/// The most histories in flight. Each of them may hold a few files open.
const HISTORIES_MAX: usize = 256;

/// Names a call in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot(u64);

/// Calls that wait and that are in flight.
///
/// They have queues of their own: a record may wait long for a lock, and may then keep out neither
/// the calls of a run nor a reader. The component itself bounds the histories that it holds at
/// once, because it knows their sizes.
pub(crate) struct TaskCalls {
    records: CallQueue<QueuedTaskCall>,
    histories: CallQueue<QueuedTaskCall>,
    order: u64,
    in_flight: HashMap<Slot, InFlight>,
}

struct QueuedTaskCall {
    slot: Slot,
    call: TaskCall,
    bytes: u64,
}

struct InFlight {
    queue: Choice,
    bytes: u64,
    /// Who is told if the component fails.
    tell_failure: TellFailure,
}

#[derive(Clone, Copy)]
enum Choice {
    Records,
    Histories,
}

impl TaskCalls {
    pub(crate) fn new(bounds: Bounds) -> Self {
        TaskCalls {
            records: CallQueue::new(RECORDS_MAX, bounds.document_bytes),
            histories: CallQueue::new(HISTORIES_MAX, 0),
            order: 0,
            in_flight: HashMap::new(),
        }
    }

    /// Whether nothing waits and nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.records.is_empty() && self.histories.is_empty() && self.in_flight.is_empty()
    }

    /// Queues a call.
    pub(crate) fn push(&mut self, call: TaskCall) {
        self.order += 1;
        let (order, choice, bytes) = (self.order, call.choice(), call.bytes());
        self.queue(choice).push(order, bytes, QueuedTaskCall { slot: Slot(order), call, bytes });
    }

    /// The next call that may start.
    pub(crate) fn next_start(&mut self) -> Option<(Slot, TaskCall)> {
        let choice = match (self.records.first_startable(), self.histories.first_startable()) {
            (Some(record), Some(history)) if history < record => Choice::Histories,
            (Some(_), _) => Choice::Records,
            (None, Some(_)) => Choice::Histories,
            (None, None) => return None,
        };
        let QueuedTaskCall { slot, call, bytes } = self.queue(choice).pop()?;
        let tell_failure = call.tell_failure();
        self.in_flight.insert(slot, InFlight { queue: choice, bytes, tell_failure });
        Some((slot, call))
    }

    /// A call has ended.
    pub(crate) fn ended(&mut self, slot: Slot) {
        if let Some(InFlight { queue, bytes, .. }) = self.in_flight.remove(&slot) {
            self.queue(queue).ended(bytes);
        }
    }

    /// The component is gone: answers every call.
    pub(crate) fn fail_all(&mut self, error: &Error) {
        for (_, InFlight { tell_failure, .. }) in self.in_flight.drain() {
            tell_failure(error);
        }
        for QueuedTaskCall { call, .. } in self.records.drain().chain(self.histories.drain()) {
            call.fail(error);
        }
    }

    fn queue(&mut self, choice: Choice) -> &mut CallQueue<QueuedTaskCall> {
        match choice {
            Choice::Records => &mut self.records,
            Choice::Histories => &mut self.histories,
        }
    }
}

impl TaskCall {
    fn choice(&self) -> Choice {
        match self {
            // Both wait for locks.
            TaskCall::Record { .. } | TaskCall::Remove { .. } => Choice::Records,
            TaskCall::History { .. } => Choice::Histories,
        }
    }

    /// The size of what the call carries.
    fn bytes(&self) -> u64 {
        match self {
            TaskCall::Record { summary, .. } => summary.len() as u64,
            TaskCall::Remove { runs, .. } => runs.iter().map(|run| run.len() as u64).sum(),
            TaskCall::History { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::reply::Reply;
    use crate::records::{ErrorKind, HistoryOptions, RecordOptions};

    const BOUNDS: Bounds =
        Bounds { document_bytes: 1_000, total_bytes: 1_000, history_bytes: 1_000 };

    fn record(summary: &str) -> TaskCall {
        let (reply, _) = Reply::new();
        TaskCall::Record { summary: summary.into(), options: RecordOptions::new(), reply }
    }

    fn history() -> TaskCall {
        let (reply, _) = Reply::new();
        TaskCall::History { options: HistoryOptions::new("task"), reply }
    }

    /// What starts now; a history is a dot.
    fn started(calls: &mut TaskCalls) -> (Vec<Slot>, String) {
        let starts = std::iter::from_fn(|| calls.next_start());
        let text = |call| match call {
            TaskCall::Record { summary, .. } => summary,
            TaskCall::Remove { .. } | TaskCall::History { .. } => ".".to_owned(),
        };
        starts.map(|(slot, call)| (slot, text(call))).unzip()
    }

    #[test]
    fn calls_start_in_the_order_they_came() {
        let mut calls = TaskCalls::new(BOUNDS);
        for call in [record("a"), history(), record("b"), record("c"), history()] {
            calls.push(call);
        }
        assert_eq!(started(&mut calls).1, "a.bc.");
    }

    #[test]
    fn records_that_wait_keep_no_reader_out() {
        let mut calls = TaskCalls::new(Bounds { document_bytes: 1 << 20, ..BOUNDS });
        for _ in 0..RECORDS_MAX + 2 {
            calls.push(record(""));
        }
        calls.push(history());
        let (slots, text) = started(&mut calls);
        assert_eq!((slots.len(), &*text), (RECORDS_MAX + 1, "."));
        calls.ended(slots[0]);
        assert_eq!(started(&mut calls).0.len(), 1);
    }

    #[test]
    fn large_summaries_wait_for_one_another_and_what_has_ended_makes_room_once() {
        let mut calls = TaskCalls::new(BOUNDS);
        let (a, b) = ("a".repeat(600), "b".repeat(5_000));
        calls.push(record(&a));
        calls.push(record(&b));
        let (slots, text) = started(&mut calls);
        assert_eq!(text, a);
        calls.ended(slots[0]);
        let (slots, text) = started(&mut calls);
        assert_eq!(text, b);
        calls.ended(slots[0]);
        calls.ended(slots[0]);
        assert!(calls.is_idle());
    }

    #[tokio::test]
    async fn whoever_waits_is_told_that_the_component_is_gone() {
        let mut calls = TaskCalls::new(BOUNDS);
        let mut answers = Vec::new();
        for _ in 0..HISTORIES_MAX + 2 {
            let (reply, answer) = Reply::new();
            calls.push(TaskCall::History { options: HistoryOptions::new("a"), reply });
            answers.push(answer);
        }
        assert_eq!(started(&mut calls).0.len(), HISTORIES_MAX);
        assert!(!calls.is_idle());
        calls.fail_all(&Error::shut_down());
        assert!(calls.is_idle());
        for answer in answers {
            assert_eq!(answer.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
        }
        calls.push(history());
        assert_eq!(started(&mut calls).1, ".");
    }
}
