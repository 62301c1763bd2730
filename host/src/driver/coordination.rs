//! Calls of the coordinator, which belong to no run.

use std::collections::HashMap;

use super::book::Bounds;
use super::budget::indented_len;
use super::job::{Fail, Reply};
use super::lane::Lane;
use crate::error::Error;
use crate::options::{HistoryOptions, RecordOptions};
use crate::report::{History, Recorded};

/// The most records in flight. Most of them wait for a lock, and hold no file then. Above it a
/// record waits for the end of another one, of whatever task, and its lock wait begins after that.
const RECORDS_MAX: usize = 1_024;
/// The most histories in flight. Each of them may hold a few files open.
const HISTORIES_MAX: usize = 256;

/// One call of the coordinator.
pub(crate) enum Coordination {
    Record { options: RecordOptions, summary: String, reply: Reply<Recorded> },
    History { options: HistoryOptions, reply: Reply<History> },
}

/// Names a call in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot(u64);

/// Calls of the coordinator that wait and that are in flight.
///
/// They have queues of their own: a record may wait long for a lock, and may then keep out neither
/// the calls of a run nor a reader. The component itself bounds the histories that it holds at
/// once, because it knows their sizes.
pub(crate) struct Coordinations {
    bounds: Bounds,
    records: Lane<Queued>,
    histories: Lane<Queued>,
    order: u64,
    in_flight: HashMap<Slot, InFlight>,
}

struct Queued {
    slot: Slot,
    call: Coordination,
    bytes: u64,
}

struct InFlight {
    lane: Choice,
    bytes: u64,
    /// Who is told if the component fails.
    waiter: Box<dyn Fail>,
}

#[derive(Clone, Copy)]
enum Choice {
    Records,
    Histories,
}

impl Coordinations {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Coordinations {
            bounds,
            records: Lane::new(RECORDS_MAX, bounds.document_bytes),
            histories: Lane::new(HISTORIES_MAX, 0),
            order: 0,
            in_flight: HashMap::new(),
        }
    }

    /// Whether nothing waits and nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.records.is_empty() && self.histories.is_empty() && self.in_flight.is_empty()
    }

    /// Queues a call.
    pub(crate) fn push(&mut self, call: Coordination) {
        self.order += 1;
        let (order, choice, bytes) = (self.order, call.choice(), call.bytes(self.bounds));
        self.lane(choice).push(order, bytes, Queued { slot: Slot(order), call, bytes });
    }

    /// The next call that may start.
    pub(crate) fn next_start(&mut self) -> Option<(Slot, Coordination)> {
        let choice = match (self.records.first_startable(), self.histories.first_startable()) {
            (Some(record), Some(history)) if history < record => Choice::Histories,
            (Some(_), _) => Choice::Records,
            (None, Some(_)) => Choice::Histories,
            (None, None) => return None,
        };
        let Queued { slot, call, bytes } = self.lane(choice).pop()?;
        let waiter = call.fail_later();
        self.in_flight.insert(slot, InFlight { lane: choice, bytes, waiter });
        Some((slot, call))
    }

    /// A call has ended.
    pub(crate) fn ended(&mut self, slot: Slot) {
        if let Some(InFlight { lane, bytes, .. }) = self.in_flight.remove(&slot) {
            self.lane(lane).ended(bytes);
        }
    }

    /// The component is gone: answers every call.
    pub(crate) fn fail_all(&mut self, error: &Error) {
        for (_, InFlight { waiter, .. }) in self.in_flight.drain() {
            waiter.fail(error);
        }
        for Queued { call, .. } in self.records.drain().chain(self.histories.drain()) {
            call.fail(error);
        }
    }

    fn lane(&mut self, choice: Choice) -> &mut Lane<Queued> {
        match choice {
            Choice::Records => &mut self.records,
            Choice::Histories => &mut self.histories,
        }
    }
}

impl Coordination {
    fn choice(&self) -> Choice {
        match self {
            Coordination::Record { .. } => Choice::Records,
            Coordination::History { .. } => Choice::Histories,
        }
    }

    /// The size of the summary that the call carries.
    fn bytes(&self, bounds: Bounds) -> u64 {
        match self {
            Coordination::Record { options, summary, .. } => {
                // What is above the limit is refused by the component.
                let limit = options.max_summary_bytes.unwrap_or(bounds.document_bytes);
                indented_len(summary).min(limit)
            }
            Coordination::History { .. } => 0,
        }
    }

    /// See [`Fail::fail`].
    pub(crate) fn fail(&self, error: &Error) -> bool {
        self.fail_later().fail(error)
    }

    fn fail_later(&self) -> Box<dyn Fail> {
        match self {
            Coordination::Record { reply, .. } => Box::new(reply.clone()),
            Coordination::History { reply, .. } => Box::new(reply.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const BOUNDS: Bounds =
        Bounds { document_bytes: 1_000, total_bytes: 1_000, history_bytes: 1_000 };

    fn record(summary: &str) -> Coordination {
        let (reply, _) = Reply::new();
        Coordination::Record { options: RecordOptions::new("task"), summary: summary.into(), reply }
    }

    fn history() -> Coordination {
        let (reply, _) = Reply::new();
        Coordination::History { options: HistoryOptions::new("task"), reply }
    }

    /// What starts now; a history is a dot.
    fn started(coordinations: &mut Coordinations) -> (Vec<Slot>, String) {
        let starts = std::iter::from_fn(|| coordinations.next_start());
        let text = |call| match call {
            Coordination::Record { summary, .. } => summary,
            Coordination::History { .. } => ".".to_owned(),
        };
        starts.map(|(slot, call)| (slot, text(call))).unzip()
    }

    #[test]
    fn calls_start_in_the_order_they_came() {
        let mut coordinations = Coordinations::new(BOUNDS);
        for call in [record("a"), history(), record("b"), record("c"), history()] {
            coordinations.push(call);
        }
        assert_eq!(started(&mut coordinations).1, "a.bc.");
    }

    #[test]
    fn records_that_wait_keep_no_reader_out() {
        let mut coordinations = Coordinations::new(Bounds { document_bytes: 1 << 20, ..BOUNDS });
        for _ in 0..RECORDS_MAX + 2 {
            coordinations.push(record(""));
        }
        coordinations.push(history());
        let (slots, text) = started(&mut coordinations);
        assert_eq!((slots.len(), &*text), (RECORDS_MAX + 1, "."));
        coordinations.ended(slots[0]);
        assert_eq!(started(&mut coordinations).0.len(), 1);
    }

    #[test]
    fn large_summaries_wait_for_one_another_and_what_has_ended_makes_room_once() {
        let mut coordinations = Coordinations::new(BOUNDS);
        let (a, b) = ("a".repeat(600), "b".repeat(5_000));
        coordinations.push(record(&a));
        coordinations.push(record(&b));
        let (slots, text) = started(&mut coordinations);
        assert_eq!(text, a);
        coordinations.ended(slots[0]);
        let (slots, text) = started(&mut coordinations);
        assert_eq!(text, b);
        coordinations.ended(slots[0]);
        coordinations.ended(slots[0]);
        assert!(coordinations.is_idle());
    }

    #[tokio::test]
    async fn whoever_waits_is_told_that_the_component_is_gone() {
        let mut coordinations = Coordinations::new(BOUNDS);
        let mut answers = Vec::new();
        for _ in 0..HISTORIES_MAX + 2 {
            let (reply, answer) = Reply::new();
            coordinations.push(Coordination::History { options: HistoryOptions::new("a"), reply });
            answers.push(answer);
        }
        assert_eq!(started(&mut coordinations).0.len(), HISTORIES_MAX);
        assert!(!coordinations.is_idle());
        coordinations.fail_all(&Error::shut_down());
        assert!(coordinations.is_idle());
        for answer in answers {
            assert_eq!(answer.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
        }
        coordinations.push(history());
        assert_eq!(started(&mut coordinations).1, ".");
    }
}
