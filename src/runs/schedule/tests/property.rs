//! Random requests, failures and times against what must always hold.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Op {
    Change(RunChannel),
    Request {
        flags: RunChannels,
        is_forced: bool,
    },
    Advance(u64),
    /// Starts the flush that is due, if one is.
    Start,
    /// Ends the flush in flight, if there is one.
    Mark {
        flags: RunChannels,
        is_forced: bool,
    },
    Finish {
        failed: RunChannels,
        conflicts: RunChannels,
        random: u64,
    },
}

fn channels() -> impl Strategy<Value = RunChannels> {
    any::<(bool, bool)>().prop_map(|(manifest, heartbeat)| RunChannels { manifest, heartbeat })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        1 => prop::sample::select(&RunChannel::ALL[..]).prop_map(Op::Change),
        3 => (channels(), prop::bool::weighted(0.3))
            .prop_map(|(flags, is_forced)| Op::Request { flags, is_forced }),
        2 => (channels(), prop::bool::weighted(0.3))
            .prop_map(|(flags, is_forced)| Op::Mark { flags, is_forced }),
        2 => (0..7_000u64).prop_map(Op::Advance),
        1 => (0..300u64).prop_map(Op::Advance),
        4 => Just(Op::Start),
        4 => (channels(), channels(), any::<u64>())
            .prop_map(|(failed, conflicts, random)| Op::Finish { failed, conflicts, random }),
    ]
}

const INTERVALS_MS: [u64; 2] = [5_000, 2_000];

/// What a caller asked for: the version of each channel that must be written before it hears `ok`.
struct Asked {
    versions: [u64; 2],
    is_forced: bool,
}

/// The schedule, and what a reader of the rules knows about it.
struct Model {
    run: Clocked,
    /// The last change, the last one written, and the one in flight, of each channel.
    changed: [u64; 2],
    written: [u64; 2],
    in_flight: Option<[u64; 2]>,
    taken: RunChannels,
    callers: BTreeMap<u32, Asked>,
    last_caller: u32,
    written_at: [Option<u64>; 2],
    failures: [u32; 2],
    failed_at: [u64; 2],
    /// A caller that does not wait wants everything that is dirty.
    is_forced: bool,
    /// And what the flush in flight leaves dirty.
    is_next_forced: bool,
    /// A request may have asked for the channel since a flush took it.
    is_asked: [bool; 2],
    /// The channel's last write met somebody else's.
    is_in_conflict: [bool; 2],
}

impl Model {
    fn new() -> Self {
        Model {
            run: Clocked::with(INTERVALS_MS),
            changed: [0; 2],
            written: [0; 2],
            in_flight: None,
            taken: NONE,
            callers: BTreeMap::new(),
            last_caller: 0,
            written_at: [None; 2],
            failures: [0; 2],
            failed_at: [0; 2],
            is_forced: false,
            is_next_forced: false,
            is_asked: [false; 2],
            is_in_conflict: [false; 2],
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Change(channel) => {
                self.run.schedule.set_dirty(channel);
                self.changed[channel as usize] += 1;
            }
            Op::Request { flags, is_forced } => self.request(flags, is_forced),
            Op::Advance(ms) => self.run.now_ms += ms,
            Op::Start if self.run.step() == Step::Flush => self.start(),
            Op::Finish { failed, conflicts, random } if self.in_flight.is_some() => {
                let failed = failed.and(self.taken);
                self.finish(failed, conflicts.and(failed), random);
            }
            Op::Mark { flags, is_forced } => self.mark(flags, is_forced),
            Op::Start | Op::Finish { .. } => {}
        }
        self.check();
    }

    fn mark(&mut self, flags: RunChannels, is_forced: bool) {
        for channel in RunChannel::ALL {
            self.changed[channel as usize] += u64::from(flags.has(channel));
            self.is_asked[channel as usize] |= flags.has(channel) || flags.is_empty();
        }
        self.run.schedule.mark(flags, is_forced);
        if self.in_flight.is_some() {
            self.is_next_forced |= is_forced;
        } else {
            self.is_forced |= is_forced && !self.run.schedule.dirty().is_empty();
        }
    }

    fn request(&mut self, flags: RunChannels, is_forced: bool) {
        for channel in RunChannel::ALL {
            self.is_asked[channel as usize] |= flags.has(channel) || flags.is_empty();
        }
        let mut versions = [0; 2];
        for channel in RunChannel::ALL {
            let at = channel as usize;
            self.changed[at] += u64::from(flags.has(channel));
            if flags.has(channel) || is_forced {
                versions[at] = self.changed[at];
            }
        }
        self.last_caller += 1;
        if self.run.schedule.request(flags, is_forced, self.last_caller).is_some() {
            assert!(self.in_flight.is_none(), "answered although a flush is in flight");
            assert_eq!(self.written, self.changed, "answered although something is dirty");
        } else {
            self.callers.insert(self.last_caller, Asked { versions, is_forced });
        }
    }

    fn start(&mut self) {
        assert!(self.in_flight.is_none(), "two flushes in flight");
        let now = self.run.now_ms;
        let dirty = self.run.schedule.dirty();
        self.taken = self.run.start();
        assert!(!self.taken.is_empty(), "a flush of nothing");
        if self.is_forced() {
            assert_eq!(self.taken, dirty, "a forced flush left something out");
        } else {
            let mut is_one_due = false;
            for channel in RunChannel::ALL.into_iter().filter(|&c| self.taken.has(c)) {
                let at = channel as usize;
                let due = self.written_at[at].map_or(0, |end| end + INTERVALS_MS[at]);
                is_one_due |= now >= due;
                assert!(now + INTERVALS_MS[at] / 10 >= due, "earlier than a tenth before");
                let is_barred = self.is_in_conflict[at] && !self.is_asked[at];
                assert!(!is_barred, "written again after a conflict, though nobody asked");
                if self.failures[at] > 0 {
                    let shortest = back_off(self.failures[at], 0) / MS;
                    assert!(now >= self.failed_at[at] + shortest, "earlier than the back-off");
                }
            }
            assert!(is_one_due, "no channel's interval was over");
        }
        self.is_forced = false;
        let mut versions = self.written;
        for channel in RunChannel::ALL.into_iter().filter(|&c| self.taken.has(c)) {
            versions[channel as usize] = self.changed[channel as usize];
            self.is_asked[channel as usize] = false;
        }
        self.in_flight = Some(versions);
    }

    fn finish(&mut self, failed: RunChannels, conflicts: RunChannels, random: u64) {
        let now = self.run.now_ms;
        let versions = self.in_flight.take().expect("a flush in flight");
        let is_next_forced = std::mem::take(&mut self.is_next_forced);
        for channel in RunChannel::ALL.into_iter().filter(|&c| self.taken.has(c)) {
            let at = channel as usize;
            self.is_in_conflict[at] = conflicts.has(channel);
            if failed.has(channel) {
                self.failures[at] += 1;
                self.failed_at[at] = now;
            } else {
                self.failures[at] = 0;
                self.written[at] = versions[at];
                self.written_at[at] = Some(now);
            }
        }
        for caller in
            self.run.schedule.finish(now * MS, failed, conflicts, || random, |_| ()).answered
        {
            let asked = self.callers.remove(&caller).expect("each caller is answered once");
            if failed.is_empty() {
                let is_written = asked.versions.iter().zip(&self.written).all(|(a, w)| a <= w);
                assert!(is_written, "ok, but not all that {caller} asked for is written");
            }
        }
        self.is_forced |= is_next_forced && !self.run.schedule.dirty().is_empty();
    }

    fn is_forced(&self) -> bool {
        self.is_forced || self.callers.values().any(|asked| asked.is_forced)
    }

    fn check(&self) {
        let safe = self.in_flight.unwrap_or(self.written);
        let dirty = RunChannels::filter(|c| self.changed[c as usize] > safe[c as usize]);
        assert_eq!(self.run.schedule.dirty(), dirty, "a dirty flag was lost or made up");
        assert_eq!(self.run.schedule.is_in_flight(), self.in_flight.is_some());
        match self.run.step() {
            Step::Idle => {
                let is_waiting = self.in_flight.is_some() || self.callers.is_empty();
                assert!(is_waiting, "somebody waits for nothing");
            }
            Step::WaitUntil(at) => {
                assert!(at > self.run.now_ms * MS, "a timer in the past");
                assert!(!self.is_forced(), "a forced request waits for a timer");
            }
            Step::Flush => assert!(self.in_flight.is_none(), "two flushes in flight"),
        }
    }

    /// From now on every write succeeds.
    fn heal(&mut self) {
        for _ in 0..10 {
            if self.in_flight.is_some() {
                self.finish(NONE, NONE, 0);
            }
            match self.run.step() {
                Step::Idle => break,
                Step::WaitUntil(_) => drop(self.run.wait()),
                Step::Flush => self.start(),
            }
            self.check();
        }
        assert!(self.in_flight.is_none() && self.run.step() == Step::Idle, "no rest");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_caller_is_forgotten_and_no_dirty_flag_is_lost(
        ops in prop::collection::vec(op(), 1..60),
    ) {
        let mut model = Model::new();
        for op in ops {
            model.apply(op);
        }
        model.heal();
        prop_assert!(model.callers.is_empty(), "forgotten: {:?}", model.callers.keys());
        model.request(NONE, true);
        model.heal();
        prop_assert_eq!(model.written, model.changed);
    }
}
