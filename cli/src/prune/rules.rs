//! Which runs go.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::found::FoundRun;
use crate::status::row::State;

/// The states of runs that are not live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// Ended well
    Done,
    /// Ended badly
    Failed,
    /// Ended on demand
    Cancelled,
    /// In progress, but its keeper is gone
    Stale,
    /// It has a directory and no manifest
    Empty,
    /// Of what it kept, only its summary is there; with --history, also only an entry
    Recorded,
    /// Not started yet
    Queued,
    /// Its manifest has another status
    Unknown,
    /// Its manifest cannot be read
    Unreadable,
}

/// Those that go unless others are named: nobody waits for them.
const DEFAULT: [Ended; 6] =
    [Ended::Done, Ended::Failed, Ended::Cancelled, Ended::Stale, Ended::Empty, Ended::Recorded];

impl Ended {
    /// That of a run, unless it is live.
    pub fn of(state: State) -> Option<Self> {
        match state {
            State::Live => None,
            State::Stale => Some(Ended::Stale),
            State::Queued => Some(Ended::Queued),
            State::Done => Some(Ended::Done),
            State::Failed => Some(Ended::Failed),
            State::Cancelled => Some(Ended::Cancelled),
            State::Unknown => Some(Ended::Unknown),
            State::Empty => Some(Ended::Empty),
            State::Unreadable => Some(Ended::Unreadable),
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Ended::Done => "done",
            Ended::Failed => "failed",
            Ended::Cancelled => "cancelled",
            Ended::Stale => "stale",
            Ended::Empty => "empty",
            Ended::Recorded => "recorded",
            Ended::Queued => "queued",
            Ended::Unknown => "unknown",
            Ended::Unreadable => "unreadable",
        }
    }
}

/// What lets a run go: all of it, and something.
pub struct Rules {
    /// None if no rule was given.
    states: Option<BTreeSet<Ended>>,
    keep_last: u32,
    older_than: Duration,
}

impl Rules {
    pub fn new(states: &[Ended], keep_last: Option<u32>, older_than: Option<Duration>) -> Self {
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

    fn going(rules: &Rules, runs: &[(&str, Ended, u64)]) -> Vec<String> {
        let found = |&(run, state, ended): &(&str, Ended, u64)| FoundRun {
            run: run.to_owned(),
            state,
            ended: at(ended),
            alive_for: Duration::ZERO,
        };
        let going = rules.going(runs.iter().map(found).collect(), at(100));
        going.into_iter().map(|run| run.run).collect()
    }

    const RUNS: [(&str, Ended, u64); 5] = [
        ("a", Ended::Done, 10),
        ("b", Ended::Failed, 50),
        ("c", Ended::Done, 90),
        ("d", Ended::Queued, 5),
        ("e", Ended::Done, 90),
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
        assert_eq!(going(&Rules::new(&[Ended::Done], Some(2), None), &RUNS), ["a"]);
        assert_eq!(going(&Rules::new(&[Ended::Done], None, old), &RUNS), ["a"]);
    }

    #[test]
    fn of_equals_the_later_id_is_kept() {
        assert_eq!(going(&Rules::new(&[], Some(1), None), &RUNS), ["c", "b", "a"]);
    }

    #[test]
    fn what_may_still_start_or_cannot_be_told_goes_only_by_name() {
        let all = Some(Duration::ZERO);
        assert!(!going(&Rules::new(&[], None, all), &RUNS).contains(&"d".to_owned()));
        assert_eq!(going(&Rules::new(&[Ended::Queued], None, None), &RUNS), ["d"]);
    }
}
