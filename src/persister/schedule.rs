//! The throttle and flush rules, as a state machine without I/O: requests and the outcomes of
//! flushes go in, the next step and the answered callers come out. Times are nanoseconds of one
//! monotonic clock.

use super::live::Live;

const MS: u64 = 1_000_000;
/// The first back-off of a channel after a failure.
const BACK_OFF_MIN_NS: u64 = 250 * MS;
/// The longest back-off before jitter.
const BACK_OFF_MAX_NS: u64 = 30_000 * MS;
/// The jitter, in percent, to both sides.
const JITTER_PERCENT: u64 = 20;

/// A set of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Channels {
    /// The manifest is in the set.
    pub manifest: bool,
    /// The heartbeat is in the set.
    pub heartbeat: bool,
}

impl Channels {
    /// No channel.
    pub const NONE: Channels = Channels { manifest: false, heartbeat: false };

    /// The channels for which `is_in` holds.
    pub fn filter(is_in: impl Fn(Live) -> bool) -> Self {
        Channels { manifest: is_in(Live::Manifest), heartbeat: is_in(Live::Heartbeat) }
    }

    /// Whether `channel` is in the set.
    pub fn has(self, channel: Live) -> bool {
        match channel {
            Live::Manifest => self.manifest,
            Live::Heartbeat => self.heartbeat,
        }
    }

    /// Whether no channel is in the set.
    pub fn is_empty(self) -> bool {
        self == Channels::NONE
    }

    fn minus(self, other: Channels) -> Channels {
        Channels::filter(|c| self.has(c) && !other.has(c))
    }

    fn and(self, other: Channels) -> Channels {
        Channels::filter(|c| self.has(c) && other.has(c))
    }
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing until the next request or the end of the flush in flight.
    Idle,
    /// Nothing until this time.
    WaitUntil(u64),
    /// Start a flush.
    Flush,
}

/// One channel's flags and clocks.
#[derive(Debug, Default)]
struct Lane {
    /// Something is to be written.
    dirty: bool,
    /// A request or a retry asks for it; `set` alone does not.
    wanted: bool,
    /// From here the interval counts; none until the first success.
    interval_from: Option<u64>,
    /// Failures in a row.
    failures: u32,
    /// The end of the back-off.
    back_off_until: Option<u64>,
}

impl Lane {
    /// When a throttled flush may take this channel.
    fn due(&self, interval_ns: u64) -> u64 {
        let throttle = self.interval_from.map_or(0, |from| from.saturating_add(interval_ns));
        throttle.max(self.back_off_until.unwrap_or(0))
    }
}

/// What a waiting request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// The next flush, whatever it takes.
    NextFlush,
    /// Flushes that take each of these channels.
    Channels(Channels),
}

#[derive(Debug)]
struct Flight<C> {
    taken: Channels,
    /// No dirty channel was left out.
    is_whole: bool,
    /// A request asked for it; else it is an automatic retry.
    is_asked: bool,
    covers: Vec<(C, Waits)>,
    /// Forced requests made during the flight.
    forced: Vec<C>,
}

/// What [`Schedule::finish`] tells.
#[derive(Debug, PartialEq, Eq)]
pub struct Finished<C> {
    /// The callers that get this flush's outcome.
    pub answered: Vec<C>,
    /// How many requests the flush covered.
    pub covered: usize,
    /// Whether one of them was made before it started.
    pub is_asked: bool,
}

/// The state of one run's throttle. `C` stands for a caller that waits.
#[derive(Debug)]
pub struct Schedule<C> {
    interval_ns: u64,
    lanes: [Lane; 2],
    /// The next flush does not wait and takes everything.
    force: bool,
    waiting: Vec<(C, Waits)>,
    flight: Option<Flight<C>>,
    /// What fails from now on is given up.
    is_abandoned: bool,
}

impl<C> Schedule<C> {
    /// A throttle that has written nothing yet.
    pub fn new(interval_ms: u64) -> Self {
        Schedule {
            interval_ns: interval_ms.saturating_mul(MS),
            lanes: Default::default(),
            force: false,
            waiting: Vec::new(),
            flight: None,
            is_abandoned: false,
        }
    }

    /// A change was made: the channel is dirty, but nobody asks for a write.
    pub fn mark(&mut self, channel: Live) {
        self.lane_mut(channel).dirty = true;
    }

    /// The channels that have something to write which no flush in flight has taken.
    pub fn dirty(&self) -> Channels {
        Channels::filter(|c| self.lane(c).dirty)
    }

    /// Whether the channel's last write failed.
    pub fn is_failing(&self, channel: Live) -> bool {
        self.lane(channel).failures > 0
    }

    /// How many callers wait for a flush that has not started.
    #[cfg(test)]
    pub fn waiting_len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a flush is in flight.
    pub fn is_in_flight(&self) -> bool {
        self.flight.is_some()
    }

    /// Takes a request: `flags` are ORed into the dirty ones. The caller comes back if there is
    /// nothing to wait for.
    pub fn request(&mut self, flags: Channels, force: bool, caller: C) -> Option<C> {
        for channel in Live::ALL {
            if flags.has(channel) {
                self.mark(channel);
            }
        }
        if force { self.request_forced(caller) } else { self.request_throttled(flags, caller) }
    }

    /// Takes a request of a caller that waits for nothing but what [`Schedule::step`] asks for now.
    /// Without flags it asks for what earlier ones asked for; if they asked for nothing, for what is
    /// dirty. Tells whether anything is unwritten.
    pub fn ask(&mut self, flags: Channels, force: bool) -> bool {
        for channel in Live::ALL {
            if flags.has(channel) {
                self.mark(channel);
            }
        }
        let dirty = self.dirty();
        self.force |= force && !dirty.is_empty();
        let is_asked = Live::ALL.iter().any(|&c| self.is_wanted(c));
        let wanted = if flags.is_empty() && !is_asked { dirty } else { flags };
        for channel in Live::ALL {
            self.lane_mut(channel).wanted |= wanted.has(channel);
        }
        !dirty.is_empty()
    }

    fn request_forced(&mut self, caller: C) -> Option<C> {
        if let Some(flight) = &mut self.flight {
            flight.forced.push(caller);
            return None;
        }
        if self.dirty().is_empty() {
            return Some(caller);
        }
        self.force = true;
        self.waiting.push((caller, Waits::NextFlush));
        None
    }

    fn request_throttled(&mut self, flags: Channels, caller: C) -> Option<C> {
        let mut waits = Waits::Channels(flags);
        if flags.is_empty() {
            if let Some(flight) = &mut self.flight {
                flight.covers.push((caller, Waits::NextFlush));
                return None;
            }
            let dirty = self.dirty();
            if dirty.is_empty() {
                return Some(caller);
            }
            let a_flush_waits = self.force || Live::ALL.iter().any(|&c| self.is_wanted(c));
            waits = if a_flush_waits { Waits::NextFlush } else { Waits::Channels(dirty) };
        }
        if let Waits::Channels(channels) = waits {
            for channel in Live::ALL {
                self.lane_mut(channel).wanted |= channels.has(channel);
            }
        }
        self.waiting.push((caller, waits));
        None
    }

    /// What to do at the time `now`.
    pub fn step(&self, now: u64) -> Step {
        if self.flight.is_some() {
            return Step::Idle;
        }
        if self.force {
            return Step::Flush;
        }
        let wanted = Live::ALL.into_iter().filter(|&c| self.is_wanted(c));
        match wanted.map(|c| self.lane(c).due(self.interval_ns)).min() {
            None => Step::Idle,
            Some(due) if due <= now => Step::Flush,
            Some(due) => Step::WaitUntil(due),
        }
    }

    /// Starts the flush that [`Schedule::step`] asked for: takes the flags and clears them.
    pub fn start(&mut self, now: u64) -> Channels {
        let interval_ns = self.interval_ns;
        let force = std::mem::take(&mut self.force);
        let dirty = self.dirty();
        let taken =
            Channels::filter(|c| dirty.has(c) && (force || self.lane(c).due(interval_ns) <= now));
        for channel in Live::ALL {
            if taken.has(channel) {
                let lane = self.lane_mut(channel);
                lane.dirty = false;
                lane.wanted = false;
            }
        }
        let (covers, waiting): (Vec<_>, _) =
            self.waiting.drain(..).partition(|(_, waits)| match waits {
                Waits::NextFlush => true,
                Waits::Channels(channels) => !channels.and(taken).is_empty(),
            });
        self.waiting = waiting;
        let is_whole = taken == dirty;
        let is_asked = !covers.is_empty();
        self.flight = Some(Flight { taken, is_whole, is_asked, covers, forced: Vec::new() });
        taken
    }

    /// Ends the flush in flight at the time `now`. `random` spreads the back-off; `note` is told the
    /// callers that were covered in part and wait on.
    pub fn finish(
        &mut self,
        now: u64,
        failed: Channels,
        random: impl Fn() -> u64,
        note: impl Fn(&mut C),
    ) -> Finished<C> {
        let Some(flight) = self.flight.take() else {
            return Finished { answered: Vec::new(), covered: 0, is_asked: false };
        };
        let is_ok = failed.is_empty();
        let is_abandoned = self.is_abandoned;
        for channel in Live::ALL {
            let is_taken = flight.taken.has(channel);
            let lane = self.lane_mut(channel);
            if is_taken && failed.has(channel) {
                lane.dirty = !is_abandoned;
                lane.wanted = !is_abandoned;
                lane.failures = lane.failures.saturating_add(1);
                lane.back_off_until = Some(now.saturating_add(back_off(lane.failures, random())));
            } else if is_taken {
                lane.failures = 0;
                lane.back_off_until = None;
                lane.interval_from = Some(now);
            } else if is_ok && flight.is_whole {
                lane.interval_from = Some(now);
            }
        }

        let mut answered = Vec::new();
        let mut covered = flight.covers.len();
        for (mut caller, waits) in flight.covers {
            match waits {
                // It succeeded for a part of what the request named: the rest is still to come.
                Waits::Channels(channels) if is_ok && !channels.minus(flight.taken).is_empty() => {
                    // Of a run that was dropped nothing is to come: the caller goes unanswered.
                    if !is_abandoned {
                        note(&mut caller);
                        self.waiting.push((caller, Waits::Channels(channels.minus(flight.taken))));
                    }
                }
                _ => answered.push(caller),
            }
        }
        if self.dirty().is_empty() {
            covered += flight.forced.len();
            answered.extend(flight.forced);
        } else if !flight.forced.is_empty() {
            self.force = true;
            self.waiting.extend(flight.forced.into_iter().map(|t| (t, Waits::NextFlush)));
        }
        Finished { answered, covered, is_asked: flight.is_asked }
    }

    /// Gives up what is not in flight, and the callers that waited for it.
    pub fn abandon(&mut self) {
        for lane in &mut self.lanes {
            lane.dirty = false;
            lane.wanted = false;
        }
        self.force = false;
        self.is_abandoned = true;
        self.waiting.clear();
        if let Some(flight) = &mut self.flight {
            flight.forced.clear();
        }
    }

    fn is_wanted(&self, channel: Live) -> bool {
        let lane = self.lane(channel);
        lane.dirty && lane.wanted
    }

    fn lane(&self, channel: Live) -> &Lane {
        &self.lanes[channel as usize]
    }

    fn lane_mut(&mut self, channel: Live) -> &mut Lane {
        &mut self.lanes[channel as usize]
    }
}

/// The back-off after `failures` failures in a row: doubled each time, with jitter.
fn back_off(failures: u32, random: u64) -> u64 {
    let doubled = BACK_OFF_MIN_NS << failures.saturating_sub(1).min(20);
    let base = doubled.min(BACK_OFF_MAX_NS);
    let span = base * JITTER_PERCENT / 100;
    base - span + random % (2 * span + 1)
}

#[cfg(test)]
mod tests;
