//! The rules of the throttle, on the state machine alone. Callers are numbers, times milliseconds.

mod back_off;
mod force;
mod outcome;
mod property;
mod throttle;

use super::*;

const INTERVAL_MS: u64 = 5_000;
const BOTH: Channels = Channels { manifest: true, heartbeat: true };
const MANIFEST: Channels = Channels { manifest: true, heartbeat: false };
const HEARTBEAT: Channels = Channels { manifest: false, heartbeat: true };
const NONE: Channels = Channels::NONE;

/// A schedule and the time.
struct Clocked {
    schedule: Schedule<u32>,
    now_ms: u64,
}

impl Clocked {
    fn new() -> Self {
        Clocked { schedule: Schedule::new(INTERVAL_MS), now_ms: 1_000 }
    }

    /// One that has just ended a flush of both channels.
    fn written() -> Self {
        let mut clocked = Clocked::new();
        clocked.force(BOTH, 0);
        assert_eq!(clocked.flush(NONE), (BOTH, vec![0]));
        clocked
    }

    /// A throttled request that has to wait.
    fn ask(&mut self, flags: Channels, caller: u32) {
        assert_eq!(self.schedule.request(flags, false, caller), None);
    }

    /// A forced request that has to wait.
    fn force(&mut self, flags: Channels, caller: u32) {
        assert_eq!(self.schedule.request(flags, true, caller), None);
    }

    fn step(&self) -> Step {
        self.schedule.step(self.now_ms * MS)
    }

    fn start(&mut self) -> Channels {
        assert_eq!(self.step(), Step::Flush);
        self.schedule.start(self.now_ms * MS)
    }

    /// Ends the flush in flight, with the shortest back-off, and tells who was answered.
    fn finish(&mut self, failed: Channels) -> Vec<u32> {
        self.schedule.finish(self.now_ms * MS, failed, || 0, |_| ()).answered
    }

    /// A whole flush: what it took, and who was answered.
    fn flush(&mut self, failed: Channels) -> (Channels, Vec<u32>) {
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
