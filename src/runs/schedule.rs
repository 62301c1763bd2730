//! The throttle and flush rules, as a state machine without I/O: requests and the outcomes of
//! flushes go in, the next step and the answered callers come out. Times are nanoseconds of one
//! monotonic clock.

use super::channel::RunChannel;

const MS: u64 = 1_000_000;
/// The first back-off of a channel after a failure.
const BACK_OFF_MIN_NS: u64 = 250 * MS;
/// The longest back-off before jitter.
const BACK_OFF_MAX_NS: u64 = 30_000 * MS;
/// The jitter, in percent, to both sides.
const JITTER_PERCENT: u64 = 20;
/// A channel goes along with the other when no more than one of so many parts of its interval is
/// left.
const GOES_ALONG_PART: u64 = 10;

/// A set of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunChannels {
    /// The manifest is in the set.
    pub manifest: bool,
    /// The heartbeat is in the set.
    pub heartbeat: bool,
}

impl RunChannels {
    /// No channel.
    pub const NONE: RunChannels = RunChannels { manifest: false, heartbeat: false };

    /// The channels for which `is_in` holds.
    pub fn filter(is_in: impl Fn(RunChannel) -> bool) -> Self {
        RunChannels {
            manifest: is_in(RunChannel::Manifest),
            heartbeat: is_in(RunChannel::Heartbeat),
        }
    }

    /// Whether `channel` is in the set.
    pub fn has(self, channel: RunChannel) -> bool {
        match channel {
            RunChannel::Manifest => self.manifest,
            RunChannel::Heartbeat => self.heartbeat,
        }
    }

    /// Whether no channel is in the set.
    pub fn is_empty(self) -> bool {
        self == RunChannels::NONE
    }

    fn minus(self, other: RunChannels) -> RunChannels {
        RunChannels::filter(|c| self.has(c) && !other.has(c))
    }

    fn and(self, other: RunChannels) -> RunChannels {
        RunChannels::filter(|c| self.has(c) && other.has(c))
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
struct ChannelState {
    /// The throttle.
    interval_ns: u64,
    /// Something is to be written.
    dirty: bool,
    /// A request or a retry asks for it; `set` alone does not.
    wanted: bool,
    /// The end of the last successful write, from which the interval counts.
    written_at: Option<u64>,
    /// Failures in a row.
    failures: u32,
    /// The end of the back-off.
    back_off_until: Option<u64>,
    /// Its last write met somebody else's: nothing but a request is a reason to write it again.
    is_in_conflict: bool,
    /// A request asked for it since a flush took it; a retry is none.
    is_asked: bool,
    /// Requests of callers that do not wait, since a flush took the channel.
    marks: usize,
}

impl ChannelState {
    fn ask(&mut self) {
        self.wanted = true;
        self.is_asked = true;
    }

    /// When a throttled flush may start for this channel.
    fn due(&self) -> u64 {
        self.end_of_interval().max(self.back_off_until.unwrap_or(0))
    }

    /// Whether a throttled flush that starts at the time `now` takes this channel, if it is dirty: one
    /// that is nearly due goes along, so that one directory sync serves both.
    fn goes_along(&self, now: u64) -> bool {
        let early_by = self.interval_ns / GOES_ALONG_PART;
        let due = self.end_of_interval().saturating_sub(early_by);
        due.max(self.back_off_until.unwrap_or(0)) <= now && (self.wanted || !self.is_in_conflict)
    }

    fn end_of_interval(&self) -> u64 {
        self.written_at.map_or(0, |at| at.saturating_add(self.interval_ns))
    }
}

/// What a waiting request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// The next flush, whatever it takes.
    NextFlush,
    /// Flushes that take each of these channels.
    Channels(RunChannels),
}

#[derive(Debug)]
struct Flight<C> {
    taken: RunChannels,
    /// A request asked for it; else it is an automatic retry.
    is_asked: bool,
    covers: Vec<(C, Waits)>,
    /// Requests of callers that do not wait.
    marks: usize,
    /// Forced requests made during the flight.
    forced: Vec<C>,
    /// One of them was by a caller that does not wait.
    is_forced: bool,
}

/// What [`Schedule::finish`] tells.
#[derive(Debug, PartialEq, Eq)]
pub struct Finished<C> {
    /// The callers that get this flush's outcome.
    pub answered: Vec<C>,
    /// How many requests the flush was the last one for.
    pub covered: usize,
    /// Whether a request asked for it before it started.
    pub is_asked: bool,
}

/// The state of one run's throttle. `C` stands for a caller that waits.
#[derive(Debug)]
pub struct Schedule<C> {
    /// Manifest, heartbeat.
    channels: [ChannelState; 2],
    /// The next flush does not wait and takes everything.
    force: bool,
    waiting: Vec<(C, Waits)>,
    flight: Option<Flight<C>>,
    /// What fails from now on is given up.
    is_abandoned: bool,
}

impl<C> Schedule<C> {
    /// A throttle that has written nothing yet, with the intervals of manifest and heartbeat.
    pub fn new(intervals_ms: [u64; 2]) -> Self {
        Schedule {
            channels: intervals_ms.map(|interval_ms| ChannelState {
                interval_ns: interval_ms.saturating_mul(MS),
                ..ChannelState::default()
            }),
            force: false,
            waiting: Vec::new(),
            flight: None,
            is_abandoned: false,
        }
    }

    /// A change was made: the channel is dirty, but nobody asks for a write.
    pub fn set_dirty(&mut self, channel: RunChannel) {
        self.state_mut(channel).dirty = true;
    }

    /// The channels that have something to write which no flush in flight has taken.
    pub fn dirty(&self) -> RunChannels {
        RunChannels::filter(|c| self.state(c).dirty)
    }

    /// Whether the channel's last write failed.
    pub fn is_failing(&self, channel: RunChannel) -> bool {
        self.state(channel).failures > 0
    }

    /// How many callers wait for a flush that has not started.
    #[cfg(test)]
    pub fn waiting_len(&self) -> usize {
        self.waiting.len() + self.flight.as_ref().map_or(0, |flight| flight.forced.len())
    }

    /// Whether a flush is in flight.
    pub fn is_in_flight(&self) -> bool {
        self.flight.is_some()
    }

    /// Takes a request: `flags` are ORed into the dirty ones. The caller comes back if there is
    /// nothing to wait for.
    pub fn request(&mut self, flags: RunChannels, force: bool, caller: C) -> Option<C> {
        for channel in RunChannel::ALL {
            if flags.has(channel) {
                self.set_dirty(channel);
            }
        }
        if force { self.request_forced(caller) } else { self.request_throttled(flags, caller) }
    }

    /// Takes a request of a caller that does not wait for its flush. Without flags it asks for what
    /// earlier ones asked for; if they asked for nothing, for what is dirty.
    pub fn mark(&mut self, flags: RunChannels, force: bool) {
        for channel in RunChannel::ALL {
            if flags.has(channel) {
                self.set_dirty(channel);
            }
        }
        let dirty = self.dirty();
        match &mut self.flight {
            // What it leaves dirty counts too.
            Some(flight) => flight.is_forced |= force,
            None => self.force |= force && !dirty.is_empty(),
        }
        let is_asked = RunChannel::ALL.iter().any(|&c| self.is_wanted(c));
        let wanted = if flags.is_empty() && !is_asked { dirty } else { flags };
        // It is counted once: with the first of its channels.
        let named = if flags.is_empty() { dirty } else { flags };
        for channel in RunChannel::ALL {
            if wanted.has(channel) {
                self.state_mut(channel).ask();
            }
        }
        if let Some(channel) = RunChannel::ALL.into_iter().find(|&c| named.has(c)) {
            self.state_mut(channel).marks += 1;
        }
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

    fn request_throttled(&mut self, flags: RunChannels, caller: C) -> Option<C> {
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
            let a_flush_waits = self.force || RunChannel::ALL.iter().any(|&c| self.is_wanted(c));
            waits = if a_flush_waits { Waits::NextFlush } else { Waits::Channels(dirty) };
        }
        if let Waits::Channels(channels) = waits {
            for channel in RunChannel::ALL {
                if channels.has(channel) {
                    self.state_mut(channel).ask();
                }
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
        let wanted = RunChannel::ALL.into_iter().filter(|&c| self.is_wanted(c));
        match wanted.map(|c| self.state(c).due()).min() {
            None => Step::Idle,
            Some(due) if due <= now => Step::Flush,
            Some(due) => Step::WaitUntil(due),
        }
    }

    /// Starts the flush that [`Schedule::step`] asked for: takes the flags and clears them.
    pub fn start(&mut self, now: u64) -> RunChannels {
        let force = std::mem::take(&mut self.force);
        let dirty = self.dirty();
        let taken =
            RunChannels::filter(|c| dirty.has(c) && (force || self.state(c).goes_along(now)));
        let (mut is_asked, mut marks) = (false, 0);
        for channel in RunChannel::ALL {
            if taken.has(channel) {
                let state = self.state_mut(channel);
                state.dirty = false;
                state.wanted = false;
                is_asked |= std::mem::take(&mut state.is_asked);
                marks += std::mem::take(&mut state.marks);
            }
        }
        let (covers, waiting): (Vec<_>, _) =
            self.waiting.drain(..).partition(|(_, waits)| match waits {
                Waits::NextFlush => true,
                Waits::Channels(channels) => !channels.and(taken).is_empty(),
            });
        self.waiting = waiting;
        is_asked |= !covers.is_empty();
        let forced = Vec::new();
        self.flight = Some(Flight { taken, is_asked, covers, marks, forced, is_forced: false });
        taken
    }

    /// Ends the flush in flight at the time `now`. What `failed` is retried after a back-off, but for
    /// `conflicts`, which a request must ask for. `random` spreads the back-off; `note` is told the
    /// callers that were covered in part and wait on.
    pub fn finish(
        &mut self,
        now: u64,
        failed: RunChannels,
        conflicts: RunChannels,
        random: impl Fn() -> u64,
        note: impl Fn(&mut C),
    ) -> Finished<C> {
        let Some(flight) = self.flight.take() else {
            return Finished { answered: Vec::new(), covered: 0, is_asked: false };
        };
        let is_ok = failed.is_empty();
        let is_abandoned = self.is_abandoned;
        for channel in RunChannel::ALL {
            let is_taken = flight.taken.has(channel);
            let state = self.state_mut(channel);
            if is_taken && failed.has(channel) {
                state.dirty = !is_abandoned;
                state.is_in_conflict = conflicts.has(channel);
                // A request that came during the flush asks for it in any case.
                state.wanted |= !is_abandoned && !state.is_in_conflict;
                state.failures = state.failures.saturating_add(1);
                state.back_off_until = Some(now.saturating_add(back_off(state.failures, random())));
            } else if is_taken {
                state.failures = 0;
                state.is_in_conflict = false;
                state.back_off_until = None;
                state.written_at = Some(now);
            }
        }

        let mut answered = Vec::new();
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
            answered.extend(flight.forced);
        } else if flight.is_forced || !flight.forced.is_empty() {
            self.force = true;
            self.waiting.extend(flight.forced.into_iter().map(|t| (t, Waits::NextFlush)));
        }
        let covered = answered.len() + flight.marks;
        Finished { answered, covered, is_asked: flight.is_asked }
    }

    /// Gives up what is not in flight, and the callers that waited for it.
    pub fn abandon(&mut self) {
        for state in &mut self.channels {
            state.dirty = false;
            state.wanted = false;
        }
        self.force = false;
        self.is_abandoned = true;
        self.waiting.clear();
        if let Some(flight) = &mut self.flight {
            flight.forced.clear();
        }
    }

    fn is_wanted(&self, channel: RunChannel) -> bool {
        let state = self.state(channel);
        state.dirty && state.wanted
    }

    fn state(&self, channel: RunChannel) -> &ChannelState {
        &self.channels[channel as usize]
    }

    fn state_mut(&mut self, channel: RunChannel) -> &mut ChannelState {
        &mut self.channels[channel as usize]
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
