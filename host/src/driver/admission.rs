//! Which calls go to the component now, and which wait.

use super::queue::CallQueue;

/// The most calls of one pool in flight. Both pools together stay far below what one store can
/// hold.
pub(crate) const POOL_MAX: usize = 8_192;

/// Which calls share a limit. A forced flush must never wait for throttled calls to end, or a full
/// pool would keep out the very call that empties it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallPool {
    /// Calls that end by themselves.
    Prompt,
    /// Calls that may wait for the throttle.
    Throttled,
}

/// Two queues of calls and their limits: how many are in flight, and how many bytes they carry.
/// Below the limits, calls start in the order they came.
///
/// Above them, prompt calls overtake throttled ones and never the other way around, so that what a
/// caller set is there when its schedule starts.
#[derive(Debug)]
pub(crate) struct Admission<T> {
    prompt: CallQueue<T>,
    throttled: CallQueue<T>,
}

impl<T> Admission<T> {
    /// At most `max` calls in flight in each pool, and `bytes_max` bytes of what they carry. One
    /// call always goes, whatever it carries.
    pub(crate) fn new(max: usize, bytes_max: u64) -> Self {
        Admission {
            prompt: CallQueue::new(max, bytes_max),
            throttled: CallQueue::new(max, bytes_max),
        }
    }

    /// Queues a call that carries `bytes`; `order` grows from call to call.
    pub(crate) fn push(&mut self, pool: CallPool, order: u64, bytes: u64, call: T) {
        self.queue(pool).push(order, bytes, call);
    }

    /// Takes the call that may start next.
    pub(crate) fn pop(&mut self) -> Option<(CallPool, T)> {
        let prompt = self.prompt.first();
        let throttled = self.throttled.first_startable();
        let pool = match (prompt, throttled) {
            (Some(prompt), Some(throttled)) if throttled < prompt => CallPool::Throttled,
            (Some(_), _) if self.prompt.first_startable().is_some() => CallPool::Prompt,
            (None, Some(_)) => CallPool::Throttled,
            _ => return None,
        };
        self.queue(pool).pop().map(|call| (pool, call))
    }

    /// A call of `pool` that carried `bytes` has ended.
    pub(crate) fn ended(&mut self, pool: CallPool, bytes: u64) {
        self.queue(pool).ended(bytes);
    }

    /// Whether no call waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.prompt.is_empty() && self.throttled.is_empty()
    }

    /// Forgets the calls in flight and gives back those that wait.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.prompt.drain().chain(self.throttled.drain())
    }

    fn queue(&mut self, pool: CallPool) -> &mut CallQueue<T> {
        match pool {
            CallPool::Prompt => &mut self.prompt,
            CallPool::Throttled => &mut self.throttled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CallPool::{Prompt, Throttled};
    use super::*;

    fn all(admission: &mut Admission<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| admission.pop().map(|(_, call)| call)).collect()
    }

    #[test]
    fn below_the_limits_calls_start_in_order() {
        let mut admission = Admission::new(8, 100);
        admission.push(Prompt, 1, 0, "set");
        admission.push(Throttled, 2, 0, "schedule");
        admission.push(Prompt, 3, 0, "set again");
        admission.push(Prompt, 4, 0, "flush");
        admission.push(Throttled, 5, 0, "schedule again");
        assert_eq!(
            all(&mut admission),
            ["set", "schedule", "set again", "flush", "schedule again"]
        );
    }

    #[test]
    fn a_forced_call_passes_throttled_ones_that_wait() {
        let mut admission = Admission::new(1, 100);
        admission.push(Throttled, 1, 0, "a");
        admission.push(Throttled, 2, 0, "b");
        admission.push(Prompt, 3, 0, "flush");
        assert_eq!(all(&mut admission), ["a", "flush"]);
        admission.ended(Throttled, 0);
        assert_eq!(all(&mut admission), ["b"]);
    }

    #[test]
    fn a_schedule_never_passes_the_set_before_it() {
        let mut admission = Admission::new(1, 100);
        admission.push(Prompt, 1, 0, "close of another run");
        admission.push(Prompt, 2, 0, "set");
        admission.push(Throttled, 3, 0, "schedule");
        assert_eq!(all(&mut admission), ["close of another run"]);
        admission.ended(Prompt, 0);
        assert_eq!(all(&mut admission), ["set", "schedule"]);
    }

    #[test]
    fn what_waits_is_given_back_and_what_ran_is_forgotten() {
        let mut admission = Admission::new(1, 100);
        admission.push(Throttled, 1, 0, "a");
        admission.push(Throttled, 2, 0, "b");
        assert_eq!(all(&mut admission), ["a"]);
        assert_eq!(admission.drain().collect::<Vec<_>>(), ["b"]);
        admission.push(Throttled, 3, 0, "c");
        assert_eq!(all(&mut admission), ["c"]);
    }

    #[test]
    fn large_calls_wait_for_one_another_and_the_largest_still_goes() {
        let mut admission = Admission::new(8, 100);
        admission.push(Prompt, 1, 60, "a");
        admission.push(Prompt, 2, 60, "b");
        admission.push(Prompt, 3, 500, "c");
        assert_eq!(all(&mut admission), ["a"]);
        admission.ended(Prompt, 60);
        assert_eq!(all(&mut admission), ["b"]);
        admission.ended(Prompt, 60);
        assert_eq!(all(&mut admission), ["c"]);
    }
}
