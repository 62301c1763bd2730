//! Which calls go to the component now, and which wait.

use std::collections::VecDeque;

/// The most calls of one pool in flight. Both pools together stay far below what one store can
/// hold.
pub(crate) const POOL_MAX: usize = 8_192;

/// Which calls share a limit. A forced flush must never wait for throttled calls to end, or a full
/// pool would keep out the very call that empties it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pool {
    /// Calls that end by themselves.
    Prompt,
    /// Calls that may wait for the throttle.
    Throttled,
}

/// Two queues of calls and their limits. Below the limits, calls start in the order they came.
///
/// Above them, prompt calls overtake throttled ones and never the other way around, so that what a
/// caller set is there when its schedule starts.
#[derive(Debug)]
pub(crate) struct Admission<T> {
    prompt: Lane<T>,
    throttled: Lane<T>,
}

#[derive(Debug)]
struct Lane<T> {
    queue: VecDeque<(u64, T)>,
    in_flight: usize,
    max: usize,
}

impl<T> Admission<T> {
    pub(crate) fn new(max: usize) -> Self {
        let lane = || Lane { queue: VecDeque::new(), in_flight: 0, max };
        Admission { prompt: lane(), throttled: lane() }
    }

    /// Queues a call; `order` grows from call to call.
    pub(crate) fn push(&mut self, pool: Pool, order: u64, call: T) {
        self.lane(pool).queue.push_back((order, call));
    }

    /// Takes the call that may start next.
    pub(crate) fn pop(&mut self) -> Option<(Pool, T)> {
        let prompt = self.prompt.queue.front().map(|(order, _)| *order);
        let throttled = self.throttled.first_startable();
        let pool = match (prompt, throttled) {
            (Some(prompt), Some(throttled)) if throttled < prompt => Pool::Throttled,
            (Some(_), _) if self.prompt.has_room() => Pool::Prompt,
            (None, Some(_)) => Pool::Throttled,
            _ => return None,
        };
        let lane = self.lane(pool);
        let (_, call) = lane.queue.pop_front()?;
        lane.in_flight += 1;
        Some((pool, call))
    }

    /// A call of `pool` has ended.
    pub(crate) fn ended(&mut self, pool: Pool) {
        let lane = self.lane(pool);
        lane.in_flight = lane.in_flight.saturating_sub(1);
    }

    /// Whether no call waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.prompt.queue.is_empty() && self.throttled.queue.is_empty()
    }

    /// Forgets the calls in flight and gives back those that wait.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.prompt.in_flight = 0;
        self.throttled.in_flight = 0;
        let prompt = std::mem::take(&mut self.prompt.queue);
        prompt.into_iter().chain(std::mem::take(&mut self.throttled.queue)).map(|(_, call)| call)
    }

    fn lane(&mut self, pool: Pool) -> &mut Lane<T> {
        match pool {
            Pool::Prompt => &mut self.prompt,
            Pool::Throttled => &mut self.throttled,
        }
    }
}

impl<T> Lane<T> {
    fn has_room(&self) -> bool {
        self.in_flight < self.max
    }

    fn first_startable(&self) -> Option<u64> {
        self.queue.front().filter(|_| self.has_room()).map(|(order, _)| *order)
    }
}

#[cfg(test)]
mod tests {
    use super::Pool::{Prompt, Throttled};
    use super::*;

    fn all(admission: &mut Admission<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| admission.pop().map(|(_, call)| call)).collect()
    }

    #[test]
    fn below_the_limits_calls_start_in_order() {
        let mut admission = Admission::new(8);
        admission.push(Prompt, 1, "set");
        admission.push(Throttled, 2, "schedule");
        admission.push(Prompt, 3, "set again");
        admission.push(Prompt, 4, "flush");
        admission.push(Throttled, 5, "schedule again");
        assert_eq!(
            all(&mut admission),
            ["set", "schedule", "set again", "flush", "schedule again"]
        );
    }

    #[test]
    fn a_forced_call_passes_throttled_ones_that_wait() {
        let mut admission = Admission::new(1);
        admission.push(Throttled, 1, "a");
        admission.push(Throttled, 2, "b");
        admission.push(Prompt, 3, "flush");
        assert_eq!(all(&mut admission), ["a", "flush"]);
        admission.ended(Throttled);
        assert_eq!(all(&mut admission), ["b"]);
    }

    #[test]
    fn a_schedule_never_passes_the_set_before_it() {
        let mut admission = Admission::new(1);
        admission.push(Prompt, 1, "close of another run");
        admission.push(Prompt, 2, "set");
        admission.push(Throttled, 3, "schedule");
        assert_eq!(all(&mut admission), ["close of another run"]);
        admission.ended(Prompt);
        assert_eq!(all(&mut admission), ["set", "schedule"]);
    }

    #[test]
    fn what_waits_is_given_back_and_what_ran_is_forgotten() {
        let mut admission = Admission::new(1);
        admission.push(Throttled, 1, "a");
        admission.push(Throttled, 2, "b");
        assert_eq!(all(&mut admission), ["a"]);
        assert_eq!(admission.drain().collect::<Vec<_>>(), ["b"]);
        admission.push(Throttled, 3, "c");
        assert_eq!(all(&mut admission), ["c"]);
    }
}
