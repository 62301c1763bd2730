//! The lock of a history between real processes, of which some stand still or die at any call of
//! the disk: what was acknowledged is kept, nothing is left over, and nobody waits for longer than
//! the lease.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use tandem_host::testing::DiskExt;

use tandem_host::Tandem;
use tandem_host::disk::OsDisk;
use tandem_host::testing::DiskOperation::Rename;
use tandem_host::testing::{Hold, Record};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::record_support::{HISTORY, PATIENCE_MS, at, files_in, recorded_in, summary};
use crate::recorder::{LEASE_MS, Order, Recorder, Stop, options};

/// A directory for many cases, and a host in this process that records where others stand still.
struct Stage {
    dir: TempDir,
    runtime: Runtime,
    host: Tandem,
    cases: usize,
}

/// One history with one run in it, its lock, and nothing else.
struct Case {
    name: String,
    dir: PathBuf,
    runs: Vec<&'static str>,
}

impl Stage {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let runtime = Runtime::new().unwrap();
        let host = runtime.block_on(Tandem::builder().dir(dir.path()).build()).unwrap();
        Stage { dir, runtime, host, cases: 0 }
    }

    fn recorder(&self) -> Recorder {
        Recorder::start(self.dir.path())
    }

    /// A new case, in which these runs are going to be recorded.
    fn case(&mut self, runs: &[&'static str]) -> Case {
        self.cases += 1;
        let name = format!("case-{}", self.cases);
        let dir = self.dir.path().join(&name);
        let mut case = Case { name, dir, runs: Vec::new() };
        self.record(&mut case, "seed");
        for run in runs {
            // So that no process has a step more than another.
            fs::create_dir(case.dir.join(".runs/task").join(run)).unwrap();
        }
        case
    }

    /// Records a run in this process, which must succeed.
    fn record(&self, case: &mut Case, run: &'static str) {
        let recording = self.host.record_run(summary(run, &time(run)), options(&case.name));
        if let Err(error) = self.runtime.block_on(recording) {
            panic!("{}: {run} is not acknowledged: {error:?}", case.name);
        }
        case.runs.push(run);
    }
}

/// Runs are in the order of their names.
fn time(run: &str) -> String {
    at(usize::from(run.as_bytes()[0]))
}

impl Case {
    fn order(&self, run: &str, stop: Option<Stop>, is_taker: bool) -> Order {
        let (case, run, timestamp) = (self.name.clone(), run.to_owned(), time(run));
        Order { case, run, timestamp, stop, is_taker, lock_wait_ms: PATIENCE_MS }
    }

    /// Takes the answer of a recorder, which must be that its run is recorded.
    #[track_caller]
    fn acknowledged(&mut self, recorder: &mut Recorder, run: &'static str) -> Vec<String> {
        let answer = recorder.answer();
        assert_eq!(answer.error, None, "{run}: {:#?}", answer.calls);
        self.runs.push(run);
        answer.calls
    }

    /// All that was acknowledged is in the history, and nothing is left over.
    #[track_caller]
    fn check(&mut self, what: &str) {
        self.runs.sort_unstable();
        assert_eq!(recorded_in(&self.dir.join("out/task/runs.json")), self.runs, "{what}");
        let mut expected = vec!["out/task/runs.json".to_owned()];
        expected.extend(self.runs.iter().map(|run| format!(".runs/task/{run}/manifest.json")));
        expected.sort();
        assert_eq!(files_in(&self.dir), expected, "{what}");
    }
}

/// The calls of a process that records a run and is not disturbed.
fn calls_of_a_holder(stage: &mut Stage, recorder: &mut Recorder) -> Vec<String> {
    let mut case = stage.case(&["holder"]);
    recorder.order(&case.order("holder", None, false));
    let calls = case.acknowledged(recorder, "holder");
    case.check("undisturbed");
    let renames = calls.iter().filter(|call| call.ends_with("/out/task/runs.json")).count();
    assert!(renames > 0 && calls.len() > 20, "{calls:#?}");
    calls
}

/// The first call of a kind.
fn first(calls: &[String], begin: &str, end: &str) -> usize {
    let found = calls.iter().position(|call| call.starts_with(begin) && call.ends_with(end));
    1 + found.unwrap_or_else(|| panic!("no {begin} {end} in {calls:#?}"))
}

fn stop_a_holder_at_each_call(is_after: bool) {
    let mut stage = Stage::new();
    let mut holder = stage.recorder();
    let calls = calls_of_a_holder(&mut stage, &mut holder);
    for (number, call) in calls.iter().enumerate() {
        let mut case = stage.case(&["holder", "other"]);
        let stop = Stop { at: number + 1, is_after };
        holder.order(&case.order("holder", Some(stop), false));
        holder.wait_for_stop();
        stage.record(&mut case, "other");
        holder.go_on();
        case.acknowledged(&mut holder, "holder");
        case.check(&format!("{stop:?}: {call}"));
    }
}

#[test]
fn a_process_that_stands_still_before_any_call_loses_nothing_and_overwrites_nothing() {
    stop_a_holder_at_each_call(false);
}

#[test]
fn a_process_that_stands_still_after_any_call_loses_nothing_and_overwrites_nothing() {
    stop_a_holder_at_each_call(true);
}

#[test]
fn a_process_that_dies_at_any_call_stops_others_for_its_lease_only() {
    let mut stage = Stage::new();
    let mut next = stage.recorder();
    let calls = calls_of_a_holder(&mut stage, &mut next);
    let rename = first(&calls, "Rename ", "/out/task/runs.json");
    for (number, call) in calls.iter().enumerate() {
        // It starts while this one is at work.
        let mut holder = std::mem::replace(&mut next, stage.recorder());
        let mut case = stage.case(&["holder", "other"]);
        let at = number + 1;
        // What was done before a call is what was done after the one before it.
        let is_after = at == calls.len();
        holder.order(&case.order("holder", Some(Stop { at, is_after }), false));
        holder.wait_for_stop();
        drop(holder);
        stage.record(&mut case, "other");
        let is_recorded = at > rename;
        let summary = case.dir.join(".runs/task/holder/manifest.json");
        if is_recorded {
            case.runs.push("holder");
        } else {
            fs::remove_file(summary).unwrap();
        }
        case.check(&format!("killed at {at}: {call}"));
    }
}

/// A lock whose holder is gone.
fn abandon_lock(case: &Case) {
    let token = "0f".repeat(16);
    let record = format!("{{\"version\":1,\"token\":\"{token}\",\"lease_ms\":{LEASE_MS}}}\n");
    fs::write(case.dir.join(".runs/task.lock"), record).unwrap();
}

#[test]
fn a_process_that_dies_while_it_takes_a_lock_over_stops_others_for_its_lease_only() {
    let mut stage = Stage::new();
    let mut next = stage.recorder();
    let mut case = stage.case(&["taker"]);
    abandon_lock(&case);
    next.order(&case.order("taker", None, true));
    let calls = case.acknowledged(&mut next, "taker");
    case.check("undisturbed");
    first(&calls, "Rename ", "/.runs/task.lock");
    let rename = first(&calls, "Rename ", "/out/task/runs.json");
    // From there on it is a holder like any other.
    for (number, call) in calls.iter().enumerate().take(rename) {
        let mut taker = std::mem::replace(&mut next, stage.recorder());
        let mut case = stage.case(&["taker", "other"]);
        abandon_lock(&case);
        let stop = Stop { at: number + 1, is_after: false };
        taker.order(&case.order("taker", Some(stop), true));
        taker.wait_for_stop();
        drop(taker);
        stage.record(&mut case, "other");
        fs::remove_file(case.dir.join(".runs/task/taker/manifest.json")).unwrap();
        case.check(&format!("killed: {stop:?}: {call}"));
    }
}

#[test]
fn a_slow_taker_does_not_take_over_a_lock_that_has_changed_hands() {
    let mut stage = Stage::new();
    let mut taker = stage.recorder();
    let (hold, record) = (Hold::new(), Record::new());
    let disk = OsDisk::open(stage.dir.path()).unwrap().layered(hold.clone());
    let disk = disk.layered(record.clone());
    let other = stage.runtime.block_on(Tandem::builder().disk(disk).build()).unwrap();
    let mut case = stage.case(&["taker"]);
    abandon_lock(&case);
    taker.order(&case.order("taker", None, true));
    let calls = case.acknowledged(&mut taker, "taker");
    let take_over = first(&calls, "Rename ", "/.runs/task.lock");
    for (number, call) in calls.iter().enumerate().take(take_over) {
        let mut case = stage.case(&["taker", "other"]);
        abandon_lock(&case);
        let what = format!("stopped at {}: {call}", number + 1);
        let stop = Stop { at: number + 1, is_after: false };
        // More than the lease, and over by the time it goes on.
        let lock_wait_ms = 2 * LEASE_MS;
        taker.order(&Order { lock_wait_ms, ..case.order("taker", Some(stop), true) });
        taker.wait_for_stop();
        let name = case.name.clone();
        let gate = hold.before(move |call| {
            call.is(Rename, HISTORY) && call.path.starts_with(&format!("{name}/"))
        });
        let options = options(&case.name).lease(Duration::from_millis(PATIENCE_MS));
        let recording = other.record_run(summary("other", &time("other")), options);
        stage.runtime.block_on(gate.reached(1));
        taker.go_on();
        let error = taker.answer().error.expect(&what);
        assert!(error.starts_with("Locked"), "{what}: {error}");
        record.take();
        gate.release();
        stage.runtime.block_on(recording).unwrap();
        assert_eq!(record.count(|call| call.is(Rename, HISTORY)), 0, "{what}: it was lost");
        case.runs.push("other");
        fs::remove_file(case.dir.join(".runs/task/taker/manifest.json")).unwrap();
        case.check(&what);
    }
}

/// Who goes on first when all stood still.
#[derive(Clone, Copy, Debug)]
enum First {
    Holder,
    Taker,
}

/// A holder stands still, a second process takes its lock over and stands still at each of its
/// calls, and a third one goes on.
fn stop_a_taker_at_each_call(holder_stands_at: impl Fn(&[String]) -> usize, goes_first: First) {
    let mut stage = Stage::new();
    let (mut holder, mut taker) = (stage.recorder(), stage.recorder());
    let calls = calls_of_a_holder(&mut stage, &mut holder);
    let at = holder_stands_at(&calls);
    let holder_stop = Stop { at, is_after: false };

    let mut case = stage.case(&["holder", "taker"]);
    holder.order(&case.order("holder", Some(holder_stop), false));
    holder.wait_for_stop();
    taker.order(&case.order("taker", None, true));
    let calls = case.acknowledged(&mut taker, "taker");
    holder.go_on();
    case.acknowledged(&mut holder, "holder");
    case.check("a taker that is not disturbed");
    first(&calls, "Rename ", "/.runs/task.lock");
    first(&calls, "Rename ", "/out/task/runs.json");

    for (number, call) in calls.iter().enumerate() {
        let mut case = stage.case(&["holder", "taker", "other"]);
        holder.order(&case.order("holder", Some(holder_stop), false));
        holder.wait_for_stop();
        let stop = Stop { at: number + 1, is_after: false };
        taker.order(&case.order("taker", Some(stop), true));
        taker.wait_for_stop();
        stage.record(&mut case, "other");
        match goes_first {
            First::Holder => {
                holder.go_on();
                case.acknowledged(&mut holder, "holder");
                taker.go_on();
                case.acknowledged(&mut taker, "taker");
            }
            First::Taker => {
                taker.go_on();
                case.acknowledged(&mut taker, "taker");
                holder.go_on();
                case.acknowledged(&mut holder, "holder");
            }
        }
        case.check(&format!("{stop:?}: {call}"));
    }
}

/// Just acquired: the lock is there, and nothing else yet.
fn at_the_list(calls: &[String]) -> usize {
    first(calls, "ReadDir ", "/out/task")
}

/// Between the check of the lock and the rename.
fn at_the_rename(calls: &[String]) -> usize {
    first(calls, "Rename ", "/out/task/runs.json")
}

#[test]
fn a_slow_second_taker_and_a_holder_with_nothing_done_lose_nothing_the_holder_first() {
    stop_a_taker_at_each_call(at_the_list, First::Holder);
}

#[test]
fn a_slow_second_taker_and_a_holder_with_nothing_done_lose_nothing_the_taker_first() {
    stop_a_taker_at_each_call(at_the_list, First::Taker);
}

#[test]
fn a_slow_second_taker_and_a_holder_about_to_rename_lose_nothing_the_holder_first() {
    stop_a_taker_at_each_call(at_the_rename, First::Holder);
}

#[test]
fn a_slow_second_taker_and_a_holder_about_to_rename_lose_nothing_the_taker_first() {
    stop_a_taker_at_each_call(at_the_rename, First::Taker);
}
