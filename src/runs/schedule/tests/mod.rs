//! The rules of the throttle, on the state machine alone. Callers are numbers, times milliseconds.

mod back_off;
mod force;
mod outcome;
mod property;
mod throttle;

use super::*;

const INTERVAL_MS: u64 = 5_000;
const BOTH: RunChannels = RunChannels { manifest: true, heartbeat: true };
const MANIFEST: RunChannels = RunChannels { manifest: true, heartbeat: false };
const HEARTBEAT: RunChannels = RunChannels { manifest: false, heartbeat: true };
const NONE: RunChannels = RunChannels::NONE;

/// A schedule and the time.
struct Clocked {
    schedule: Schedule<u32>,
    now_ms: u64,
}

impl Clocked {
    fn new() -> Self {
        Clocked::with([INTERVAL_MS; 2])
    }

    /// With the intervals of manifest and heartbeat.
    fn with(intervals_ms: [u64; 2]) -> Self {
        Clocked { schedule: Schedule::new(intervals_ms), now_ms: 1_000 }
    }

    /// One that has just ended a flush of both channels.
    fn written() -> Self {
        Clocked::written_with([INTERVAL_MS; 2])
    }

    fn written_with(intervals_ms: [u64; 2]) -> Self {
        let mut clocked = Clocked::with(intervals_ms);
        clocked.force(BOTH, 0);
        assert_eq!(clocked.flush(NONE), (BOTH, vec![0]));
        clocked
    }

    /// A throttled request that has to wait.
    fn ask(&mut self, flags: RunChannels, caller: u32) {
        assert_eq!(self.schedule.request(flags, false, caller), None);
    }

    /// A forced request that has to wait.
    fn force(&mut self, flags: RunChannels, caller: u32) {
        assert_eq!(self.schedule.request(flags, true, caller), None);
    }

    fn step(&self) -> Step {
        self.schedule.step(self.now_ms * MS)
    }

    fn start(&mut self) -> RunChannels {
        assert_eq!(self.step(), Step::Flush);
        self.schedule.start(self.now_ms * MS)
    }

    /// Ends the flush in flight, with the shortest back-off, and tells who was answered.
    fn finish(&mut self, failed: RunChannels) -> Vec<u32> {
        self.schedule.finish(self.now_ms * MS, failed, NONE, || 0, |_| ()).answered
    }

    /// As [`Clocked::finish`]; what failed met somebody else's write.
    fn finish_in_conflict(&mut self, failed: RunChannels) -> Vec<u32> {
        self.schedule.finish(self.now_ms * MS, failed, failed, || 0, |_| ()).answered
    }

    /// A whole flush: what it took, and who was answered.
    fn flush(&mut self, failed: RunChannels) -> (RunChannels, Vec<u32>) {
        let taken = self.start();
        (taken, self.finish(failed))
    }

    /// Waits for the next timer and tells how long that was.
    fn wait(&mut self) -> u64 {
        let Step::WaitUntil(at) = self.step() else { panic!("{:?}", self.step()) };
        let at_ms = at.div_ceil(MS);
        let waited = at_ms - self.now_ms;
        self.now_ms = at_ms;
        assert_eq!(self.step(), Step::Flush);
        waited
    }
}
