//! Processes that stand still or die at every point of the protocol.

use super::*;

/// Short, because each look of a waiter is a place to stop at.
const LEASE_MS: u64 = 50;

/// What one process does: it records one run.
struct Actor {
    process: Rc<Process>,
    call: Call,
}

impl Actor {
    /// Starts to record run `n` and stops before or after call number `stop_at / 2`.
    fn start(disk: &Rc<Memory>, n: u32, stop_at: u64) -> Self {
        let process = Process::new(disk, stop_at);
        let histories = Histories::new(process.clone(), Documents::new(u64::MAX));
        let options = RecordSettings { lease_ms: LEASE_MS, lock_wait_ms: 100_000, ..options() };
        let call = disk.start(async move { histories.record_run(&summary(n), options).await });
        disk.settle();
        Actor { process, call }
    }

    fn go_on(&self) {
        self.process.go_on();
    }

    fn is_recorded(&self) -> bool {
        match self.call.take() {
            Some(outcome) => outcome.map(|_| true).expect("recorded"),
            None => false,
        }
    }
}

/// A history of one run, and the number of places to stop at while another is recorded.
fn disk() -> Rc<Memory> {
    let place = Place::new();
    place.record(&summary(0)).expect("recorded");
    place.disk
}

/// How many places there are to stop at in one recording, with a lock that has to be taken over or
/// without.
fn steps(is_take_over: bool) -> u64 {
    let disk = disk();
    if is_take_over {
        disk.put(LOCK_FILE, b"abandoned", 0);
    }
    let actor = Actor::start(&disk, 1, u64::MAX);
    disk.advance_ms(3 * LEASE_MS);
    assert!(actor.is_recorded());
    actor.process.steps()
}

fn sorted_runs(disk: &Memory) -> Vec<String> {
    let mut runs = runs(disk);
    runs.sort();
    runs
}

fn check_clean(disk: &Memory, what: &str) {
    let paths = disk.paths();
    let is_stray = |path: &String| path.contains("tandem-tmp") || path.ends_with(".lock");
    assert!(!paths.iter().any(is_stray), "{what}: {paths:?}");
}

#[test]
fn a_holder_that_stands_still_anywhere_overwrites_nothing() {
    for stop_at in 1..=steps(false) {
        let disk = disk();
        let slow = Actor::start(&disk, 1, stop_at);
        assert!(slow.process.is_stopped());
        let fast = Actor::start(&disk, 2, u64::MAX);
        disk.advance_ms(3 * LEASE_MS);
        assert!(fast.is_recorded(), "stopped at {stop_at}: the lease is over");
        slow.go_on();
        disk.advance_ms(3 * LEASE_MS);
        assert!(slow.is_recorded(), "stopped at {stop_at}");
        assert_eq!(sorted_runs(&disk), ["r0", "r1", "r2"], "stopped at {stop_at}");
        check_clean(&disk, &format!("stopped at {stop_at}"));
    }
}

#[test]
fn a_holder_that_dies_anywhere_delays_others_by_no_more_than_its_lease() {
    die_anywhere(false);
}

#[test]
fn a_taker_that_dies_anywhere_delays_others_by_no_more_than_its_lease() {
    die_anywhere(true);
}

fn die_anywhere(is_take_over: bool) {
    for stop_at in 1..=steps(is_take_over) {
        let disk = disk();
        if is_take_over {
            disk.put(LOCK_FILE, b"abandoned", 0);
        }
        let dead = Actor::start(&disk, 1, stop_at);
        disk.advance_ms(if is_take_over { 2 * LEASE_MS } else { 0 });
        let next = Actor::start(&disk, 2, u64::MAX);
        disk.advance_ms(LEASE_MS + 1);
        assert!(next.is_recorded(), "died at {stop_at}");
        assert!(!dead.is_recorded());
        let runs = sorted_runs(&disk);
        assert!(runs == ["r0", "r2"] || runs == ["r0", "r1", "r2"], "died at {stop_at}: {runs:?}");
        check_clean_but_for(&disk, ".runs/task/r1/", stop_at);
    }
}

/// The summary of a run whose process died may leave its temporary file, which is swept when the
/// run is recorded again.
fn check_clean_but_for(disk: &Memory, directory: &str, stop_at: u64) {
    let paths = disk.paths();
    let is_stray = |path: &String| {
        (path.contains("tandem-tmp") || path.ends_with(".lock")) && !path.starts_with(directory)
    };
    assert!(!paths.iter().any(is_stray), "died at {stop_at}: {paths:?}");
}

#[test]
fn a_taker_that_stands_still_anywhere_overwrites_nothing() {
    for stop_at in 1..=steps(true) {
        let disk = disk();
        disk.put(LOCK_FILE, b"abandoned", 0);
        let slow = Actor::start(&disk, 1, stop_at);
        disk.advance_ms(2 * LEASE_MS);
        assert!(slow.process.is_stopped(), "{stop_at}");
        let fast = Actor::start(&disk, 2, u64::MAX);
        disk.advance_ms(3 * LEASE_MS);
        assert!(fast.is_recorded(), "stopped at {stop_at}");
        slow.go_on();
        disk.advance_ms(3 * LEASE_MS);
        assert!(slow.is_recorded(), "stopped at {stop_at}");
        assert_eq!(sorted_runs(&disk), ["r0", "r1", "r2"], "stopped at {stop_at}");
        check_clean(&disk, &format!("stopped at {stop_at}"));
    }
}

/// Two processes that stand still, the second one at any point, the first one at every third,
/// before and after calls in turn; a third that records meanwhile, and both orders in which the two
/// go on.
fn two_stand_still(is_take_over: bool) {
    let steps = steps(is_take_over);
    for first_at in (1..=steps).step_by(3) {
        for second_at in 1..=steps {
            for is_first_first in [true, false] {
                let disk = disk();
                if is_take_over {
                    disk.put(LOCK_FILE, b"abandoned", 0);
                }
                let first = Actor::start(&disk, 1, first_at);
                disk.advance_ms(LEASE_MS);
                let second = Actor::start(&disk, 2, second_at);
                disk.advance_ms(2 * LEASE_MS);
                let third = Actor::start(&disk, 3, u64::MAX);
                disk.advance_ms(3 * LEASE_MS);
                let what = format!("stopped at {first_at} and {second_at}, {is_first_first}");
                assert!(third.is_recorded(), "{what}");
                let [one, two] = if is_first_first { [&first, &second] } else { [&second, &first] };
                one.go_on();
                disk.advance_ms(3 * LEASE_MS);
                two.go_on();
                disk.advance_ms(6 * LEASE_MS);
                assert!(first.is_recorded() && second.is_recorded(), "{what}");
                assert_eq!(sorted_runs(&disk), ["r0", "r1", "r2", "r3"], "{what}");
                check_clean(&disk, &what);
            }
        }
    }
}

#[test]
fn two_holders_that_stand_still_anywhere_overwrite_nothing() {
    two_stand_still(false);
}

#[test]
fn two_takers_that_stand_still_anywhere_overwrite_nothing() {
    two_stand_still(true);
}

#[test]
fn a_slow_taker_cannot_replace_the_new_lock_of_a_faster_one() {
    for stop_at in 1..=steps(true) {
        let disk = disk();
        disk.put(LOCK_FILE, b"abandoned", 0);
        let slow = Actor::start(&disk, 1, stop_at);
        disk.advance_ms(2 * LEASE_MS);
        if disk.file(LOCK_FILE).as_deref() != Some("abandoned") {
            // It has the lock: from here on it is a slow holder.
            assert!(stop_at > 30);
            break;
        }
        // The faster one works under its lock for as long as it is held here.
        disk.hold("create-file out/task/.runs.json.");
        let fast = Actor::start(&disk, 2, u64::MAX);
        disk.advance_ms(3 * LEASE_MS);
        let lock = disk.file(LOCK_FILE).expect("a lock");
        slow.go_on();
        disk.advance_ms(LEASE_MS);
        assert_eq!(disk.file(LOCK_FILE), Some(lock), "stopped at {stop_at}");
        disk.release("create-file out/task/.runs.json.");
        disk.advance_ms(3 * LEASE_MS);
        assert!(fast.is_recorded() && slow.is_recorded(), "stopped at {stop_at}");
        assert_eq!(sorted_runs(&disk), ["r0", "r1", "r2"], "stopped at {stop_at}");
        check_clean(&disk, &format!("stopped at {stop_at}"));
    }
}
