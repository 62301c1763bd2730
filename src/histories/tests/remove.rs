//! Runs that are removed: what goes, what stays, and what is left by a process that is killed.

use super::*;
use crate::histories::settings::RemoveSettings;
use crate::registry::{Registration, Registry};

const HOUR_MS: u64 = 3_600_000;

fn settings() -> RemoveSettings {
    RemoveSettings::with_defaults("task")
}

/// Puts a run there that was written `age_ms` ago, with what its user left in it.
fn put_run(disk: &Memory, run: &str, age_ms: u64) {
    let directory = format!(".runs/task/cli/{run}");
    disk.put(&format!("{directory}/manifest.json"), b"{}", age_ms);
    disk.put(&format!("{directory}/.heartbeat"), b"", age_ms);
    disk.put(&format!("{directory}/artifacts/a/b/log"), b"", age_ms);
    disk.put(&format!("{directory}/artifacts/log"), b"", age_ms);
    disk.put_dir(&format!("{directory}/empty"));
    disk.put_link(&format!("{directory}/artifacts/link"));
}

/// A disk with `count` runs that are over and recorded, `r0` and so on.
fn place(count: u32) -> Place {
    let place = Place::new();
    for n in 0..count {
        put_run(&place.disk, &format!("r{n}"), HOUR_MS);
        place.record(&summary(n)).expect("recorded");
    }
    place.disk.take_calls();
    place
}

fn ids(runs: &[&str]) -> Vec<String> {
    runs.iter().map(|run| (*run).to_owned()).collect()
}

impl Place {
    fn start_removal(
        &self,
        runs: &[&str],
        settings: RemoveSettings,
    ) -> Rc<Cell<Option<Result<Removed, Error>>>> {
        let (histories, runs) = (self.histories.clone(), ids(runs));
        let registry = Registry::default();
        self.disk.start(async move { histories.remove_runs(&registry, runs, settings).await })
    }

    fn remove_with(&self, runs: &[&str], settings: RemoveSettings) -> Result<Removed, Error> {
        let call = self.start_removal(runs, settings);
        self.disk.settle();
        call.take().expect("the call waits for something that does not come")
    }

    fn remove(&self, runs: &[&str]) -> Removed {
        self.remove_with(runs, settings()).expect("removed")
    }

    /// Everything on the disk that has a run's name in its path.
    fn of_run(&self, run: &str) -> Vec<String> {
        of_run(&self.disk, run)
    }
}

fn of_run(disk: &Memory, run: &str) -> Vec<String> {
    let paths = disk.paths().into_iter().chain(disk.directories());
    paths.filter(|path| path.split('/').any(|step| step.contains(run))).collect()
}

fn left(removed: &Removed) -> Vec<(&str, LeftReason)> {
    removed.left.iter().map(|left| (left.run_id.as_str(), left.reason)).collect()
}

#[test]
fn a_run_goes_with_all_that_is_in_it_and_the_others_stay() {
    let place = place(3);
    let before = place.of_run("r2");
    let removed = place.remove(&["r1", "r0", "r9", "r0"]);
    assert_eq!((removed.runs, removed.absent), (ids(&["r1", "r0"]), ids(&["r9"])));
    assert_eq!((removed.left.len(), removed.remaining.len(), removed.entries), (0, 0, 0));
    assert_eq!((place.of_run("r0"), place.of_run("r1")), (vec![], vec![]));
    assert_eq!(place.of_run("r2"), before);
    assert!(!place.disk.paths().iter().any(|path| path.contains("tandem-tmp")));
    assert_eq!(place.disk.file(LOCK_FILE), None);
}

#[test]
fn a_task_without_runs_is_not_made() {
    let place = Place::new();
    assert_eq!(place.remove(&["r1"]).absent, ids(&["r1"]));
    assert_eq!(place.disk.directories(), Vec::<String>::new());
}

#[test]
fn entries_of_the_history_stay_unless_asked() {
    let place = place(3);
    assert_eq!(place.remove(&["r0"]).entries, 0);
    assert_eq!(place.runs(), ["r0", "r1", "r2"]);
    let settings = RemoveSettings { from_history: true, ..settings() };
    let removed = place.remove_with(&["r0", "r1", "r9"], settings).expect("removed");
    assert_eq!((removed.runs, removed.absent), (ids(&["r0", "r1"]), ids(&["r9"])));
    assert_eq!((removed.entries, place.runs()), (2, ids(&["r2"])));
    // The history is there first: whoever is killed in between is found by its directories.
    let calls = place.disk.take_calls();
    let at = |what: &str| calls.iter().position(|call| call.starts_with(what)).expect(what);
    assert!(at("rename out/task/") < at("move-dir .runs/task/cli/r1"));
}

#[test]
fn a_run_that_shows_a_sign_of_life_stays_in_the_history_too() {
    let place = place(2);
    place.disk.advance_ms(1);
    put_run(&place.disk, "r0", 0);
    place.disk.advance_ms(29_999);
    let settings = || RemoveSettings { from_history: true, ..settings() };
    let removed = place.remove_with(&["r0", "r1"], settings()).expect("removed");
    assert_eq!(left(&removed), [("r0", LeftReason::Alive)]);
    assert_eq!((removed.runs, place.runs()), (ids(&["r1"]), ids(&["r0"])));
    place.disk.advance_ms(1);
    assert_eq!(place.remove_with(&["r0"], settings()).expect("removed").runs, ids(&["r0"]));
}

#[test]
fn a_run_that_was_recorded_since_its_last_sign_of_life_is_over() {
    let place = Place::new();
    put_run(&place.disk, "r1", 0);
    assert_eq!(left(&place.remove(&["r1"])), [("r1", LeftReason::Alive)]);
    place.record(&summary(1)).expect("recorded");
    assert_eq!(place.remove(&["r1"]).runs, ids(&["r1"]));
}

#[test]
fn a_time_that_is_ahead_is_no_sign_of_life() {
    let place = Place::new();
    for (run, ahead_ms) in [("near", 5_000), ("far", 5_001)] {
        place.disk.advance_ms(ahead_ms);
        put_run(&place.disk, run, 0);
        place.disk.advance_ms(0);
        let now_ms = place.disk.now_ms();
        place.disk.go_back_ms(ahead_ms);
        assert_eq!(place.disk.now_ms(), now_ms - ahead_ms);
        let is_left = !place.remove(&[run]).left.is_empty();
        assert_eq!(is_left, run == "near", "{run}");
    }
}

#[test]
fn a_run_that_is_just_opened_has_no_file_yet_and_stays() {
    let place = Place::new();
    place.disk.put_new_dir(".runs/task/cli/r1");
    assert_eq!(left(&place.remove(&["r1"])), [("r1", LeftReason::Alive)]);
    place.disk.advance_ms(30_000);
    assert_eq!(place.remove(&["r1"]).runs, ids(&["r1"]));
}

#[test]
fn a_run_that_comes_to_life_before_its_rename_is_put_back() {
    let place = place(1);
    let before = place.of_run("r0");
    place.disk.hold("move-dir .runs/task/cli/r0 ");
    let call = place.start_removal(&["r0"], settings());
    place.disk.settle();
    place.disk.advance_ms(10);
    place.disk.put(".runs/task/cli/r0/.heartbeat", b"", 0);
    place.disk.release("move-dir .runs/task/cli/r0 ");
    let removed = call.take().expect("ended").expect("removed");
    assert_eq!((left(&removed), removed.runs.len()), (vec![("r0", LeftReason::Alive)], 0));
    assert_eq!(place.of_run("r0"), before);
}

#[test]
fn an_empty_run_whose_directory_changes_before_its_rename_is_put_back() {
    let place = Place::new();
    place.disk.put_new_dir(".runs/task/cli/r1");
    place.disk.advance_ms(30_000);
    let before = place.of_run("r1");
    place.disk.hold("move-dir .runs/task/cli/r1 ");
    let call = place.start_removal(&["r1"], settings());
    place.disk.settle();
    place.disk.advance_ms(10);
    place.disk.put_new_dir(".runs/task/cli/r1");
    place.disk.release("move-dir .runs/task/cli/r1 ");
    let removed = call.take().expect("ended").expect("removed");
    assert_eq!((left(&removed), removed.runs.len()), (vec![("r1", LeftReason::Alive)], 0));
    assert_eq!(place.of_run("r1"), before);
}

#[test]
fn an_open_run_stays_and_one_that_is_being_removed_cannot_be_opened() {
    let place = place(2);
    let registry = Registry::default();
    let of = |run: &str| Registration::new(&registry, format!(".runs/task/cli/{run}"));
    let _open = of("r0").expect("free");
    place.disk.hold("move-dir .runs/task/cli/r1 ");
    let (histories, shared) = (place.histories.clone(), registry.clone());
    let call = place
        .disk
        .start(async move { histories.remove_runs(&shared, ids(&["r0", "r1"]), settings()).await });
    place.disk.settle();
    assert!(matches!(of("r1"), Err(Error::AlreadyOpen { .. })));
    place.disk.release("move-dir .runs/task/cli/r1 ");
    let removed = call.take().expect("ended").expect("removed");
    assert_eq!(left(&removed), [("r0", LeftReason::Open)]);
    assert!(of("r1").is_ok());
}

#[test]
fn what_is_no_directory_is_left_where_it_is() {
    let place = place(1);
    place.disk.put_link(".runs/task/cli/link");
    place.disk.put(".runs/task/file", b"", HOUR_MS);
    let removed = place.remove(&["link", "file"]);
    let expected = [("link", LeftReason::NoDirectory), ("file", LeftReason::NoDirectory)];
    assert_eq!(left(&removed), expected);
    assert!(place.disk.is_link(".runs/task/cli/link"));
    assert_eq!(place.disk.file(".runs/task/file").as_deref(), Some(""));
}

#[test]
fn bad_ids_are_refused_before_anything_is_touched() {
    let place = place(1);
    for id in ["", "..", "cli", "a/b"] {
        let error = place.remove_with(&["r0", id], settings()).expect_err("refused");
        assert!(matches!(error, Error::InvalidId(_)), "{error:?}");
    }
    assert_eq!(place.disk.take_calls(), Vec::<String>::new());
}

#[test]
fn a_lock_that_another_keeps_is_waited_for_and_nothing_is_removed_without_it() {
    let place = place(1);
    place.disk.put(LOCK_FILE, b"", 0);
    let before = place.of_run("r0");
    let short = RemoveSettings { lock_wait_ms: 9_999, ..settings() };
    let call = place.start_removal(&["r0"], short);
    place.disk.advance_ms(9_999);
    let error = call.take().expect("given up").expect_err("locked");
    assert_eq!(place.of_run("r0"), before);
    let message = "no run is removed: cannot lock .runs/task.lock: another holder keeps it, under \
                   a lease of 10000 ms";
    assert_eq!(error.to_string(), message);
    // What was seen of the lock counts.
    let call = place.start_removal(&["r0"], settings());
    place.disk.advance_ms(1_000);
    assert_eq!(call.take().expect("taken over").expect("removed").runs, ids(&["r0"]));
}

/// Starts a removal of `r0` and `r1` that stands still at `step` while another takes its lock.
fn lose_lock_at(
    place: &Place,
    step: &str,
    lock_wait_ms: u64,
) -> Rc<Cell<Option<Result<Removed, Error>>>> {
    let lost = RemoveSettings { from_history: true, lease_ms: 1_000, lock_wait_ms, ..settings() };
    place.disk.hold(step);
    let call = place.start_removal(&["r0", "r1"], lost);
    place.disk.settle();
    place.disk.put(LOCK_FILE, b"another's", 0);
    place.disk.take_calls();
    place.disk.release(step);
    call
}

fn moved(disk: &Memory) -> Vec<String> {
    let calls = disk.take_calls().into_iter();
    let moved = calls.filter_map(|call| Some(call.strip_prefix("move-dir ")?.to_owned()));
    moved.filter_map(|call| Some(call.split_once(' ')?.0.to_owned())).collect()
}

#[test]
fn a_lock_that_was_lost_before_a_rename_takes_nothing_more_and_tries_again() {
    let steps = [
        // While runs are looked at; after the history's rename; in that of the first run.
        ("stat .runs/task/cli/r1/manifest.json", vec![], 2),
        ("sync-dir out/task", vec![], 0),
        ("move-dir .runs/task/cli/r0 ", vec![".runs/task/r0"], 0),
    ];
    for (step, taken, entries) in steps {
        let place = place(2);
        let call = lose_lock_at(&place, step, 10_000);
        assert!(call.take().is_none(), "{step}");
        assert_eq!(moved(&place.disk), taken, "{step}");
        assert_eq!(place.runs().len(), entries, "{step}");
        assert_eq!(place.disk.file(LOCK_FILE).as_deref(), Some("another's"), "{step}");
        place.disk.advance_ms(1_300);
        let removed = call.take().expect("an outcome").expect("removed");
        assert_eq!((removed.runs, removed.entries), (ids(&["r0", "r1"]), 2), "{step}");
        assert_eq!((place.of_run("r0"), place.of_run("r1")), (vec![], vec![]), "{step}");
    }
}

#[test]
fn a_lock_that_is_lost_for_good_is_locked_only_if_nothing_is_taken() {
    let outcome = |step| {
        let place = place(2);
        let call = lose_lock_at(&place, step, 100);
        place.disk.advance_ms(100);
        let outcome = call.take().expect("given up");
        place.disk.advance_ms(1_000);
        let next = place.remove(&["r0", "r1"]);
        assert_eq!((place.of_run("r0"), place.of_run("r1")), (vec![], vec![]), "{next:?}");
        outcome.expect_err("the lock is lost")
    };
    let nothing = outcome("stat .runs/task/cli/r1/manifest.json");
    assert!(matches!(nothing, Error::NotRemoved { .. }), "{nothing:?}");
    for step in ["sync-dir out/task", "move-dir .runs/task/cli/r0 "] {
        let some = outcome(step);
        assert!(matches!(&some, Error::Storage { first, .. } if first.code == Code::LOCKED));
    }
}

#[test]
fn what_another_holder_renames_is_not_emptied_without_the_lock() {
    let place = place(1);
    let name = format!(".runs/task/.r9.{}.tandem-tmp", "0".repeat(32));
    place.disk.put(&format!("{name}/manifest.json"), b"{}", 0);
    place.disk.hold("create-file .runs/task/.probe");
    let settings = RemoveSettings { lease_ms: 1_000, ..settings() };
    let call = place.start_removal(&["r9"], settings);
    place.disk.settle();
    place.disk.put(LOCK_FILE, b"another's", 0);
    place.disk.release("create-file .runs/task/.probe");
    assert!(call.take().is_none() && place.disk.directories().contains(&name));
    place.disk.advance_ms(1_300);
    assert_eq!(call.take().expect("an outcome").expect("removed").swept, 1);
}

#[test]
fn renames_are_durable_before_anything_is_removed() {
    let place = place(1);
    place.remove(&["r0"]);
    let calls = place.disk.take_calls();
    let is_of = |call: &&String, what: &str| call.starts_with(what);
    let last_move = calls.iter().position(|call| call.starts_with("move-dir .runs/task/r0 "));
    let synced: Vec<_> = calls.iter().filter(|call| is_of(call, "sync-dir")).collect();
    assert_eq!(synced, ["sync-dir .runs/task", "sync-dir .runs/task/cli"]);
    let at = |what: &str| calls.iter().position(|call| call.starts_with(what));
    let first_removal = at("remove .runs/task/.r0.").expect("a file is removed");
    let last_sync = calls.iter().rposition(|call| call.starts_with("sync-dir"));
    assert!(last_move < last_sync && last_sync < Some(first_removal), "{calls:#?}");
    // The others wait for the lock no longer than for the renames.
    assert!(at("remove .runs/task.lock") < Some(first_removal));
}

#[test]
fn a_sync_that_fails_keeps_what_was_renamed_for_the_next_call() {
    let place = place(1);
    place.disk.fail("sync-dir .runs/task/cli", IO, false);
    let error = place.remove_with(&["r0"], settings()).expect_err("not durable");
    assert!(matches!(&error, Error::Storage { first, .. } if first.code == IO), "{error:?}");
    assert!(place.of_run("r0").iter().any(|path| path.ends_with("artifacts/a/b/log")));
    let removed = place.remove(&[]);
    assert_eq!((removed.swept, place.of_run("r0")), (2, vec![]));
}

#[test]
fn entries_that_a_failed_call_took_out_are_durably_gone_after_the_next_one() {
    let place = place(2);
    let settings = || RemoveSettings { from_history: true, ..settings() };
    place.disk.fail("sync-dir out/task", IO, false);
    place.remove_with(&["r0"], settings()).expect_err("not durable");
    assert_eq!(place.runs(), ["r1"]);
    place.disk.take_calls();
    assert_eq!(place.remove_with(&["r0"], settings()).expect("removed").entries, 0);
    assert!(place.disk.take_calls().contains(&"sync-dir out/task".to_owned()));
}

#[test]
fn what_is_renamed_and_cannot_be_looked_at_is_durable_and_told() {
    let place = Place::new();
    place.record(&summary(0)).expect("recorded");
    place.disk.take_calls();
    place.disk.fail("stat .runs/task/.r0.", IO, true);
    let removed = place.remove(&["r0"]);
    assert_eq!((removed.runs, removed.remaining.len()), (ids(&["r0"]), 1));
    assert!(place.disk.take_calls().contains(&"sync-dir .runs/task".to_owned()));
    place.disk.heal();
    assert_eq!((place.remove(&[]).swept, place.of_run("r0")), (1, vec![]));
}

#[test]
fn a_rename_that_fails_after_its_effect_is_undone() {
    let place = place(1);
    let before = place.of_run("r0");
    for directory in ["cli/r0", "r0"] {
        place.disk.fail(&format!("moved-dir .runs/task/{directory} "), IO, false);
        let removed = place.remove(&["r0"]);
        assert_eq!(left(&removed), [("r0", LeftReason::Failed)]);
        assert_eq!(place.of_run("r0"), before, "{directory}");
    }
}

#[test]
fn what_was_put_back_stays_there_after_a_power_loss() {
    let place = place(1);
    place.disk.fail("moved-dir .runs/task/cli/r0 ", IO, false);
    place.remove(&["r0"]);
    let calls = place.disk.take_calls();
    let back = calls.iter().position(|call| call.starts_with("move-dir .runs/task/.r0."));
    for directory in [".runs/task", ".runs/task/cli"] {
        let sync = format!("sync-dir {directory}");
        let synced = calls.iter().position(|call| *call == sync);
        assert!(back.is_some() && back < synced, "{directory}: {calls:#?}");
    }
}

#[test]
fn what_cannot_be_put_back_is_told_and_not_emptied() {
    let place = place(1);
    place.disk.hold("move-dir .runs/task/cli/r0 ");
    let call = place.start_removal(&["r0"], settings());
    place.disk.settle();
    place.disk.advance_ms(10);
    place.disk.put(".runs/task/cli/r0/.heartbeat", b"", 0);
    place.disk.fail("move-dir .runs/task/.r0.", IO, true);
    place.disk.release("move-dir .runs/task/cli/r0 ");
    let removed = call.take().expect("ended").expect("removed");
    assert_eq!(left(&removed), [("r0", LeftReason::Failed)]);
    let failure = removed.left[0].failure.as_ref().expect("what failed");
    assert_eq!((failure.operation, &*failure.code), (Operation::Remove, "io"));
    let is_kept = |path: &String| path.contains("/.r0.") && path.ends_with("/manifest.json");
    assert!(place.disk.paths().iter().any(is_kept));
}

#[test]
fn however_deep_a_tree_is_no_directory_is_opened_below_the_first() {
    let place = Place::new();
    let deep = vec!["d"; 500].join("/");
    place.disk.put(&format!(".runs/task/cli/r1/{deep}/file"), b"", HOUR_MS);
    place.remove(&["r1"]);
    assert_eq!(of_run(&place.disk, "r1"), Vec::<String>::new());
    let calls = place.disk.take_calls();
    let mut opened = calls.iter().filter_map(|call| call.strip_prefix("open-subdir "));
    assert!(opened.all(|path| path.matches('/').count() == 2), "{calls:#?}");
}

#[test]
fn what_cannot_be_removed_is_told_and_tried_again() {
    let place = place(1);
    place.disk.fail("/log", IO, true);
    let removed = place.remove(&["r0"]);
    let [remaining] = &removed.remaining[..] else { panic!("{removed:?}") };
    assert_eq!((removed.runs.as_slice(), &*remaining.code), (&ids(&["r0"])[..], "io"));
    // Each file is in a directory of its own now, which counts when it is removed.
    let next = place.remove(&[]);
    assert_eq!((next.remaining.len(), next.swept), (2, 0));
    place.disk.heal();
    let next = place.remove(&[]);
    assert_eq!((next.remaining.len(), next.swept), (0, 2));
    assert_eq!(place.of_run("r0"), Vec::<String>::new());
}

#[test]
fn what_a_killed_record_left_is_found() {
    let place = place(1);
    let temp = "0".repeat(32);
    let stray = |path: &str, age_ms| {
        place.disk.put(&format!("{path}.{temp}.tandem-tmp"), b"{", age_ms);
    };
    stray(".runs/task/killed/.manifest.json", HOUR_MS + 1);
    stray(".runs/task/busy/.manifest.json", HOUR_MS);
    stray(".runs/task/r0/.manifest.json", HOUR_MS + 1);
    stray(".runs/task/cli/r0/.heartbeat", HOUR_MS + 1);
    stray(".runs/task/.probe", HOUR_MS + 1);
    stray("out/task/.runs.json", 0);
    stray("out/task/.other", HOUR_MS + 1);
    place.disk.put(".runs/task/mine/notes", b"", 2 * HOUR_MS);
    assert_eq!(place.remove(&[]).swept, 0);
    let removed = place.remove_with(&[], RemoveSettings { sweep: true, ..settings() });
    // One that its holder could still rename goes whatever its age, and does not count.
    assert_eq!(removed.expect("swept").swept, 6);
    let strays: Vec<_> =
        place.disk.paths().into_iter().filter(|path| path.contains("tandem-tmp")).collect();
    assert_eq!(strays, [format!(".runs/task/busy/.manifest.json.{temp}.tandem-tmp")]);
    assert_eq!(place.of_run("killed"), Vec::<String>::new());
    assert!(place.disk.file(".runs/task/mine/notes").is_some());
    assert!(place.disk.file(".runs/task/r0/manifest.json").is_some());
}

#[test]
fn a_removal_that_is_killed_anywhere_harms_no_other_run_and_the_next_one_ends_it() {
    const LEASE_MS: u64 = 50;
    let settings = || RemoveSettings {
        from_history: true,
        lease_ms: LEASE_MS,
        lock_wait_ms: 100_000,
        ..settings()
    };
    let start = |disk: &Rc<Memory>, stop_at| {
        let process = Process::new_everywhere(disk, stop_at);
        let histories = Histories::new(process.clone(), Documents::new(u64::MAX));
        let registry = Registry::default();
        let runs = ids(&["r0", "r1", "live"]);
        let call =
            disk.start(async move { histories.remove_runs(&registry, runs, settings()).await });
        disk.settle();
        (process, call)
    };
    let disk = || {
        let disk = place(3).disk;
        put_run(&disk, "live", 0);
        disk
    };
    let whole = disk();
    let (process, call) = start(&whole, u64::MAX);
    assert_eq!(call.take().expect("ended").expect("removed").runs, ids(&["r0", "r1"]));
    let steps = process.steps();
    assert!(steps > 150, "{steps}");
    for stop_at in 1..=steps {
        let disk = disk();
        let before: Vec<_> = ["r2", "live"].map(|run| of_run(&disk, run)).into();
        let files = |run: &str| disk.file(&format!(".runs/task/cli/{run}/artifacts/a/b/log"));
        let (_dead, call) = start(&disk, stop_at);
        assert!(call.take().is_none(), "killed at {stop_at}");
        for run in ["r0", "r1"] {
            // In its place it is whole.
            let is_there = disk.directories().contains(&format!(".runs/task/cli/{run}"));
            assert_eq!(files(run).is_some(), is_there, "killed at {stop_at}: {run}");
        }
        let (_next, call) = start(&disk, u64::MAX);
        disk.advance_ms(3 * LEASE_MS);
        let removed = call.take().expect("ended").expect("removed");
        assert_eq!(left(&removed), [("live", LeftReason::Alive)], "killed at {stop_at}");
        let after: Vec<_> = ["r2", "live"].map(|run| of_run(&disk, run)).into();
        assert_eq!(after, before, "killed at {stop_at}");
        assert_eq!(runs(&disk), ["r2"], "killed at {stop_at}");
        let strays = [of_run(&disk, "r0"), of_run(&disk, "r1"), of_run(&disk, "task.lock")];
        // A file that tells the disk's time is swept when it is old.
        let is_probe = |path: &String| path.contains("/.probe.");
        let strays: Vec<_> = strays.concat().into_iter().filter(|path| !is_probe(path)).collect();
        assert_eq!(strays, Vec::<String>::new(), "killed at {stop_at}");
    }
}

#[test]
fn a_call_that_fails_anywhere_harms_no_other_run_and_the_next_one_ends_it() {
    let settings = || RemoveSettings { from_history: true, ..settings() };
    let whole = place(2);
    whole.remove_with(&["r0"], settings()).expect("removed");
    let calls = whole.disk.take_calls();
    assert!(calls.len() > 60, "{}", calls.len());
    for call in calls {
        let place = place(2);
        let before = place.of_run("r1");
        place.disk.fail(&format!("{call}$"), IO, false);
        let first = place.remove_with(&["r0"], settings());
        place.disk.heal();
        // A lock that could not be released expires.
        let next = place.start_removal(&["r0"], settings());
        place.disk.advance_ms(20_000);
        next.take().expect("ended").expect("removed");
        assert_eq!(place.of_run("r0"), Vec::<String>::new(), "{call}: {first:?}");
        assert_eq!((place.of_run("r1"), place.runs()), (before, ids(&["r1"])), "{call}");
    }
}

#[test]
fn a_run_that_is_recorded_meanwhile_is_in_the_history() {
    let place = place(2);
    place.disk.hold("move-dir .runs/task/cli/r0 ");
    let removal = place.start_removal(&["r0"], RemoveSettings { from_history: true, ..settings() });
    place.disk.settle();
    let record = place.other().start(&summary(7), options());
    place.disk.advance_ms(100);
    assert!(record.take().is_none(), "the lock is held");
    place.disk.release("move-dir .runs/task/cli/r0 ");
    place.disk.advance_ms(1_000);
    removal.take().expect("ended").expect("removed");
    record.take().expect("ended").expect("recorded");
    assert_eq!(place.runs(), ["r1", "r7"]);
}
