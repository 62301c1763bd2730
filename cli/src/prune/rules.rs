//! Which runs go.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::end_state::EndState;
use super::found_run::FoundRun;

/// Those that go unless others are named: nobody waits for them.
const DEFAULT: [EndState; 6] = [
    EndState::Done,
    EndState::Failed,
    EndState::Cancelled,
    EndState::Stale,
    EndState::Empty,
    EndState::Recorded,
];

/// What lets a run go: all of it, and something.
pub struct Rules {
    /// None if no rule was given.
    states: Option<BTreeSet<EndState>>,
    keep_last: u32,
    older_than: Duration,
}

impl Rules {
    pub fn new(states: &[EndState], keep_last: Option<u32>, older_than: Option<Duration>) -> Self {
        let is_none = states.is_empty() && keep_last.is_none() && older_than.is_none();
        let states = if states.is_empty() { &DEFAULT[..] } else { states };
        Rules {
            states: (!is_none).then(|| states.iter().copied().collect()),
            keep_last: keep_last.unwrap_or(0),
            older_than: older_than.unwrap_or_default(),
        }
    }

    /// The runs of a task that go, the newest first.
    pub fn going(&self, runs: Vec<FoundRun>, now: SystemTime) -> Vec<FoundRun> {
        let Some(states) = &self.states else { return Vec::new() };
        let mut runs: Vec<_> = runs.into_iter().filter(|run| states.contains(&run.state)).collect();
        runs.sort_by(|a, b| (Reverse(a.ended), &b.run).cmp(&(Reverse(b.ended), &a.run)));
        let age = |run: &FoundRun| now.duration_since(run.ended).unwrap_or_default();
        let later = runs.into_iter().skip(self.keep_last as usize);
        later.filter(|run| age(run) >= self.older_than).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn going(rules: &Rules, runs: &[(&str, EndState, u64)]) -> Vec<String> {
        let found = |&(run, state, ended): &(&str, EndState, u64)| FoundRun {
            run: run.to_owned(),
            state,
            ended: at(ended),
            alive_for: Duration::ZERO,
        };
        let going = rules.going(runs.iter().map(found).collect(), at(100));
        going.into_iter().map(|run| run.run).collect()
    }

    const RUNS: [(&str, EndState, u64); 5] = [
        ("a", EndState::Done, 10),
        ("b", EndState::Failed, 50),
        ("c", EndState::Done, 90),
        ("d", EndState::Queued, 5),
        ("e", EndState::Done, 90),
    ];

    #[test]
    fn without_a_rule_no_run_goes() {
        assert_eq!(going(&Rules::new(&[], None, None), &RUNS), Vec::<String>::new());
    }

    #[test]
    fn a_run_goes_if_every_rule_lets_it_go() {
        let old = Some(Duration::from_secs(50));
        assert_eq!(going(&Rules::new(&[], None, old), &RUNS), ["b", "a"]);
        assert_eq!(going(&Rules::new(&[], Some(2), None), &RUNS), ["b", "a"]);
        assert_eq!(going(&Rules::new(&[], Some(3), old), &RUNS), ["a"]);
        assert_eq!(going(&Rules::new(&[EndState::Done], Some(2), None), &RUNS), ["a"]);
        assert_eq!(going(&Rules::new(&[EndState::Done], None, old), &RUNS), ["a"]);
    }

    #[test]
    fn of_equals_the_later_id_is_kept() {
        assert_eq!(going(&Rules::new(&[], Some(1), None), &RUNS), ["c", "b", "a"]);
    }

    #[test]
    fn what_may_still_start_or_cannot_be_told_goes_only_by_name() {
        let all = Some(Duration::ZERO);
        assert!(!going(&Rules::new(&[], None, all), &RUNS).contains(&"d".to_owned()));
        assert_eq!(going(&Rules::new(&[EndState::Queued], None, None), &RUNS), ["d"]);
    }
}
