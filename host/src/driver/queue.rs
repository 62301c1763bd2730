//! A queue of calls with a limit of how many are in flight, and how many bytes they carry.

use std::collections::VecDeque;

/// Calls start in the order they came. One call always goes, whatever it carries.
#[derive(Debug)]
pub(crate) struct CallQueue<T> {
    queue: VecDeque<Waiting<T>>,
    in_flight: usize,
    bytes_in_flight: u64,
    max: usize,
    bytes_max: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    order: u64,
    bytes: u64,
    call: T,
}

impl<T> CallQueue<T> {
    /// At most `max` calls in flight, and `bytes_max` bytes of what they carry.
    pub(crate) fn new(max: usize, bytes_max: u64) -> Self {
        CallQueue { queue: VecDeque::new(), in_flight: 0, bytes_in_flight: 0, max, bytes_max }
    }

    /// Queues a call that carries `bytes`.
    pub(crate) fn push(&mut self, order: u64, bytes: u64, call: T) {
        self.queue.push_back(Waiting { order, bytes, call });
    }

    /// The order of the call that is next.
    pub(crate) fn first(&self) -> Option<u64> {
        self.queue.front().map(|waiting| waiting.order)
    }

    /// The order of the call that is next, if it may start now.
    pub(crate) fn first_startable(&self) -> Option<u64> {
        self.first().filter(|_| self.has_room())
    }

    /// Starts the call that is next, whether it may or not.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let Waiting { bytes, call, .. } = self.queue.pop_front()?;
        self.in_flight += 1;
        self.bytes_in_flight = self.bytes_in_flight.saturating_add(bytes);
        Some(call)
    }

    /// A call that carried `bytes` has ended.
    pub(crate) fn ended(&mut self, bytes: u64) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.bytes_in_flight = self.bytes_in_flight.saturating_sub(bytes);
    }

    /// Whether no call waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Forgets the calls in flight and gives back those that wait.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.in_flight = 0;
        self.bytes_in_flight = 0;
        std::mem::take(&mut self.queue).into_iter().map(|waiting| waiting.call)
    }

    fn has_room(&self) -> bool {
        let bytes = self.queue.front().map_or(0, |waiting| waiting.bytes);
        let fits = self.bytes_in_flight.saturating_add(bytes) <= self.bytes_max;
        self.in_flight == 0 || (self.in_flight < self.max && fits)
    }
}
