//! Random requests, failures and times against what must always hold.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Op {
    Mark(Live),
    Request {
        flags: Channels,
        is_forced: bool,
    },
    Advance(u64),
    /// Starts the flush that is due, if one is.
    Start,
    /// Ends the flush in flight, if there is one.
    Finish {
        failed: Channels,
        random: u64,
    },
}

fn channels() -> impl Strategy<Value = Channels> {
    any::<(bool, bool)>().prop_map(|(manifest, heartbeat)| Channels { manifest, heartbeat })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        1 => prop::sample::select(&Live::ALL[..]).prop_map(Op::Mark),
        3 => (channels(), prop::bool::weighted(0.3))
            .prop_map(|(flags, is_forced)| Op::Request { flags, is_forced }),
        2 => (0..7_000u64).prop_map(Op::Advance),
        1 => (0..300u64).prop_map(Op::Advance),
        4 => Just(Op::Start),
        4 => (channels(), any::<u64>())
            .prop_map(|(failed, random)| Op::Finish { failed, random }),
    ]
}

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
    taken: Channels,
    is_whole: bool,
    callers: BTreeMap<u32, Asked>,
    last_caller: u32,
    full_success: Option<u64>,
    failures: [u32; 2],
    failed_at: [u64; 2],
}

impl Model {
    fn new() -> Self {
        Model {
            run: Clocked::new(),
            changed: [0; 2],
            written: [0; 2],
            in_flight: None,
            taken: NONE,
            is_whole: false,
            callers: BTreeMap::new(),
            last_caller: 0,
            full_success: None,
            failures: [0; 2],
            failed_at: [0; 2],
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Mark(channel) => {
                self.run.schedule.mark(channel);
                self.changed[channel as usize] += 1;
            }
            Op::Request { flags, is_forced } => self.request(flags, is_forced),
            Op::Advance(ms) => self.run.now_ms += ms,
            Op::Start if self.run.step() == Step::Flush => self.start(),
            Op::Finish { failed, random } if self.in_flight.is_some() => {
                self.finish(failed.and(self.taken), random);
            }
            Op::Start | Op::Finish { .. } => {}
        }
        self.check();
    }

    fn request(&mut self, flags: Channels, is_forced: bool) {
        let mut versions = [0; 2];
        for channel in Live::ALL {
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
        self.is_whole = self.taken == dirty;
        if self.is_forced() {
            assert!(self.is_whole, "a forced flush left something out");
        } else {
            let earliest = self.full_success.map_or(0, |end| end + INTERVAL_MS);
            assert!(now >= earliest, "earlier than the interval after the last full success");
            for channel in Live::ALL.into_iter().filter(|&c| self.taken.has(c)) {
                let at = channel as usize;
                if self.failures[at] > 0 {
                    let shortest = back_off(self.failures[at], 0) / MS;
                    assert!(now >= self.failed_at[at] + shortest, "earlier than the back-off");
                }
            }
        }
        let mut versions = self.written;
        for channel in Live::ALL.into_iter().filter(|&c| self.taken.has(c)) {
            versions[channel as usize] = self.changed[channel as usize];
        }
        self.in_flight = Some(versions);
    }

    fn finish(&mut self, failed: Channels, random: u64) {
        let now = self.run.now_ms;
        let versions = self.in_flight.take().expect("a flush in flight");
        for channel in Live::ALL.into_iter().filter(|&c| self.taken.has(c)) {
            let at = channel as usize;
            if failed.has(channel) {
                self.failures[at] += 1;
                self.failed_at[at] = now;
            } else {
                self.failures[at] = 0;
                self.written[at] = versions[at];
            }
        }
        if failed.is_empty() && self.is_whole {
            self.full_success = Some(now);
        }
        for caller in self.run.schedule.finish(now * MS, failed, || random, |_| ()).answered {
            let asked = self.callers.remove(&caller).expect("each caller is answered once");
            if failed.is_empty() {
                let is_written = asked.versions.iter().zip(&self.written).all(|(a, w)| a <= w);
                assert!(is_written, "ok, but not all that {caller} asked for is written");
            }
        }
    }

    fn is_forced(&self) -> bool {
        self.callers.values().any(|asked| asked.is_forced)
    }

    fn check(&self) {
        let safe = self.in_flight.unwrap_or(self.written);
        let dirty = Channels::filter(|c| self.changed[c as usize] > safe[c as usize]);
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
                self.finish(NONE, 0);
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
