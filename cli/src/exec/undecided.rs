//! Which signals the command has already. A signal waits here for a moment, because who signals a
//! process may signal its group next, as `timeout` does.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::handler::{Caught, Sender};
use super::received::{Received, is_of_terminal};
use super::signal::{STOP, is_queue};

/// How long after a signal the group may get it from the same sender. Nothing is slowed down by it but
/// signals.
const WINDOW: Duration = Duration::from_millis(100);

/// A signal that somebody else in the group got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Seen {
    pub signal: i32,
    pub sender: Sender,
}

/// Signals that wait, the oldest first.
pub struct Undecided {
    waiting: VecDeque<Caught>,
    window: Duration,
}

impl Undecided {
    /// Without a witness nothing is to be waited for.
    pub fn new(has_witness: bool) -> Self {
        let mut undecided = Undecided { waiting: VecDeque::new(), window: WINDOW };
        if !has_witness {
            undecided.expect_none();
        }
        undecided
    }

    /// There is no witness any more.
    pub fn expect_none(&mut self) {
        self.window = Duration::ZERO;
    }

    /// Takes one. Of one that stops and one that continues the later counts, as in the system.
    pub fn push(&mut self, caught: Caught) {
        // Without a moment to wait for they are passed on in their order.
        let waits = !self.window.is_zero();
        if waits && caught.signal == libc::SIGCONT {
            self.waiting.retain(|waiting| !STOP.contains(&waiting.signal));
        } else if waits && STOP.contains(&caught.signal) {
            self.waiting.retain(|waiting| waiting.signal != libc::SIGCONT);
        }
        self.waiting.push_back(caught);
    }

    /// When one is to be decided.
    pub fn due(&self) -> Option<Instant> {
        self.waiting.iter().map(|caught| self.due_of(caught)).min()
    }

    fn due_of(&self, caught: &Caught) -> Instant {
        // A terminal sends nothing else after it.
        if is_of_terminal(caught) { caught.at } else { caught.at + self.window }
    }

    /// Decides, of what came so far, what the group has got too and what is due: `is_due` is told when
    /// it is, and when it came.
    pub fn decide(
        &mut self,
        mut seen: Vec<Seen>,
        is_due: impl Fn(Instant, Instant) -> bool,
    ) -> Vec<Received> {
        let mut decided = Vec::new();
        for caught in std::mem::take(&mut self.waiting) {
            let at = seen
                .iter()
                .position(|seen| (seen.signal, seen.sender) == (caught.signal, caught.sender));
            if let Some(at) = at
                && is_queue(caught.signal)
            {
                // Of these, each one sent is one got.
                seen.remove(at);
            }
            let is_groups = at.is_some() || is_of_terminal(&caught);
            if is_groups || is_due(self.due_of(&caught), caught.at) {
                decided.push(Received::new(caught, is_groups, !self.window.is_zero()));
            } else {
                self.waiting.push_back(caught);
            }
        }
        decided
    }
}

#[cfg(test)]
mod tests {
    use super::super::received::{OF_TERMINAL, SI_KERNEL};
    use super::*;

    const SENDER: Sender = Sender { code: 0, pid: 7, uid: 0 };
    const OTHER: Sender = Sender { code: 0, pid: 8, uid: 0 };

    struct Case {
        undecided: Undecided,
        start: Instant,
    }

    impl Case {
        fn new() -> Self {
            Case { undecided: Undecided::new(true), start: Instant::now() }
        }

        fn at(&self, ms: u64) -> Instant {
            self.start + Duration::from_millis(ms)
        }

        fn got(&mut self, signal: i32, sender: Sender, ms: u64) {
            let at = self.at(ms);
            self.undecided.push(Caught { signal, sender, value: 0, at, child: 0 });
        }

        /// The signals that are decided, and whether the group has them.
        fn decide(&mut self, seen: &[(i32, Sender)], ms: u64) -> Vec<(i32, bool)> {
            let seen = seen.iter().map(|&(signal, sender)| Seen { signal, sender }).collect();
            let now = self.at(ms);
            let decided = self.undecided.decide(seen, |due, _| due <= now);
            decided.iter().map(|one| (one.caught.signal, one.is_groups)).collect()
        }
    }

    #[test]
    fn a_signal_that_the_witness_has_is_the_groups() {
        let mut case = Case::new();
        case.got(15, SENDER, 0);
        assert_eq!(case.decide(&[(15, SENDER)], 0), [(15, true)]);
    }

    #[test]
    fn one_that_nobody_else_has_is_decided_when_its_moment_is_over() {
        let mut case = Case::new();
        case.got(15, SENDER, 0);
        assert_eq!(case.decide(&[], 99), []);
        assert_eq!(case.undecided.due(), Some(case.at(100)));
        assert_eq!(case.decide(&[], 100), [(15, false)]);
        assert_eq!(case.undecided.due(), None);
    }

    #[test]
    fn one_that_the_same_sender_then_sends_to_the_group_is_one() {
        let mut case = Case::new();
        case.got(15, SENDER, 0);
        case.got(15, SENDER, 99);
        assert_eq!(case.decide(&[(15, SENDER)], 100), [(15, true), (15, true)]);
    }

    #[test]
    fn what_came_before_a_moment_can_be_decided_at_once() {
        let mut case = Case::new();
        case.got(15, SENDER, 0);
        case.got(16, SENDER, 2);
        let until = case.at(1);
        let decided = case.undecided.decide(Vec::new(), |_, at| at <= until);
        assert_eq!(decided.iter().map(Received::signal).collect::<Vec<_>>(), [15]);
    }

    #[test]
    fn one_of_another_sender_is_another() {
        let mut case = Case::new();
        case.got(15, SENDER, 0);
        case.got(15, OTHER, 5);
        assert_eq!(case.decide(&[(15, OTHER)], 100), [(15, false), (15, true)]);
    }

    #[test]
    fn signals_of_a_queue_are_counted() {
        let mut case = Case::new();
        case.got(40, SENDER, 0);
        case.got(40, SENDER, 0);
        case.got(40, SENDER, 0);
        let decided = case.decide(&[(40, SENDER), (40, SENDER)], 100);
        assert_eq!(decided, [(40, true), (40, true), (40, false)]);
    }

    #[test]
    fn of_stop_and_continue_the_later_counts() {
        let mut case = Case::new();
        case.got(libc::SIGTSTP, SENDER, 0);
        case.got(libc::SIGCONT, SENDER, 1);
        assert_eq!(case.decide(&[], 110), [(libc::SIGCONT, false)]);
        case.got(libc::SIGCONT, SENDER, 120);
        case.got(libc::SIGTSTP, SENDER, 121);
        assert_eq!(case.decide(&[], 230), [(libc::SIGTSTP, false)]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_terminal_sends_is_the_groups_at_once_and_what_else_the_system_sends_is_not() {
        let system = Sender { code: SI_KERNEL, pid: 0, uid: 0 };
        let mut case = Case::new();
        for signal in OF_TERMINAL {
            case.got(signal, system, 0);
            assert_eq!(case.decide(&[], 0), [(signal, true)]);
        }
        // A clock of this process, and a hangup, which goes to the leader of the session alone.
        for signal in [libc::SIGALRM, libc::SIGHUP] {
            case.got(signal, system, 0);
            assert_eq!(case.decide(&[], 100), [(signal, false)]);
        }
    }

    #[test]
    fn without_a_witness_nothing_waits() {
        let mut case = Case::new();
        case.undecided = Undecided::new(false);
        case.got(15, SENDER, 0);
        assert_eq!(case.decide(&[], 0), [(15, false)]);
    }
}
