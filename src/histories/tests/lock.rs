//! The lock between components.

use super::*;

fn abandoned(lease_ms: u64) -> String {
    format!("{{\"version\":1,\"token\":\"x\",\"task_id\":\"task\",\"lease_ms\":{lease_ms}}}\n")
}

fn locked() -> Failure {
    failure(Channel::History, Operation::Lock, LOCK_FILE, Code::LOCKED)
}

fn is_locked(call: &Call) -> bool {
    matches!(call.take(), Some(Err(Error::Locked { failure, .. })) if failure == locked())
}

fn waiting(lock_wait_ms: u64) -> RecordSettings {
    RecordSettings { lock_wait_ms, ..options() }
}

#[test]
fn the_record_names_its_holder_and_lease() {
    let place = Place::new();
    place.disk.hold("list out/task");
    let call = place.start(&summary(1), RecordSettings { lease_ms: 4321, ..options() });
    place.disk.settle();
    let text = place.disk.file(LOCK_FILE).expect("a lock");
    assert_eq!(text.lines().count(), 1);
    let record: Value = serde_json::from_str(&text).expect("one line of JSON");
    assert_eq!(record["version"], 1);
    assert_eq!(record["task_id"], "task");
    assert_eq!(record["lease_ms"], 4321);
    assert_eq!(record["token"].as_str().map(str::len), Some(32));
    assert_eq!(record["acquired_at"], "2026-01-06T00:27:16.820Z");
    place.disk.release("list out/task");
    call.take().expect("an outcome").expect("recorded");
    assert_eq!(place.disk.file(LOCK_FILE), None);
}

#[test]
fn a_lock_that_is_not_had_in_time_is_locked_and_the_summary_is_written() {
    for (lock_wait_ms, until_ms) in [(0, 0), (1, 2), (5_000, 5_010)] {
        let place = Place::new();
        place.disk.put(LOCK_FILE, abandoned(60_000).as_bytes(), 0);
        let call = place.start(&summary(1), waiting(lock_wait_ms));
        place.disk.advance_ms(until_ms);
        assert!(is_locked(&call));
        assert_eq!(place.disk.paths(), [LOCK_FILE, SUMMARY_FILE]);
    }
}

#[test]
fn locked_tells_since_when_and_under_which_lease() {
    let of = |record: &str| {
        let place = Place::new();
        place.disk.put(LOCK_FILE, record.as_bytes(), 0);
        let error = place.record_with(&summary(1), waiting(0)).expect_err("locked");
        let Error::Locked { holder: Some(holder), .. } = &error else { panic!("{error:?}") };
        (holder.acquired_at.clone(), holder.lease_ms, error.to_string())
    };
    let since = "2026-01-06T00:27:16.820Z";
    let record = abandoned(60_000).replace('}', &format!(r#","acquired_at":"{since}"}}"#));
    let start =
        "summary is written, history is not: cannot lock .runs/task.lock: another holder keeps it";
    let message = format!("{start}, since {since}, under a lease of 60000 ms");
    assert_eq!(of(&record), (Some(since.to_owned()), 60_000, message));
    let message = format!("{start}, under a lease of 10000 ms");
    assert_eq!(of("anything else"), (None, 10_000, message.clone()), "the waiter's own lease");
    assert_eq!(of(r#"{"acquired_at":"today"}"#), (None, 10_000, message));
}

#[test]
fn each_waits_for_as_long_as_it_asked() {
    let place = Place::new();
    place.disk.put(LOCK_FILE, abandoned(60_000).as_bytes(), 0);
    let calls = [0, 1_000, 20_000].map(|ms| place.start(&summary(1), waiting(ms)));
    let answered = || {
        calls
            .iter()
            .map(|call| {
                let outcome = call.take();
                let is_answered = outcome.is_some();
                call.set(outcome);
                is_answered
            })
            .collect::<Vec<_>>()
    };
    place.disk.settle();
    assert_eq!(answered(), [true, false, false]);
    place.disk.advance_ms(1_300);
    assert_eq!(answered(), [true, true, false]);
    place.disk.advance_ms(20_000);
    assert_eq!(answered(), [true, true, true]);
}

#[test]
fn a_lock_whose_lease_is_over_is_taken_over_and_not_before() {
    let place = Place::new();
    // Its own time is long ago: only what the waiter has seen counts.
    place.disk.put(LOCK_FILE, abandoned(3_000).as_bytes(), 1_000_000);
    let call = place.start(&summary(1), waiting(30_000));
    place.disk.advance_ms(2_990);
    assert!(call.take().is_none());
    place.disk.advance_ms(20);
    call.take().expect("an outcome").expect("recorded");
    assert_eq!(place.disk.paths(), [SUMMARY_FILE, HISTORY_FILE]);
}

#[test]
fn a_lock_that_tells_no_lease_is_granted_the_waiters_own() {
    let records = [
        "",
        "\u{0}\u{1}",
        "null",
        "{}",
        "{\"lease_ms\":\"5\"}",
        "{\"lease_ms\":99999999999}",
        "{\"lease_ms\":1}",
    ];
    for record in records {
        let place = Place::new();
        place.disk.put(LOCK_FILE, record.as_bytes(), 0);
        let options = RecordSettings { lease_ms: 500, ..options() };
        let call = place.start(&summary(1), options);
        place.disk.advance_ms(490);
        assert!(call.take().is_none(), "{record}");
        place.disk.advance_ms(20);
        call.take().expect("an outcome").expect("recorded");
    }
}

#[test]
fn a_holder_that_works_touches_its_lock_and_keeps_it() {
    let place = Place::new();
    place.disk.hold("write out/task");
    let long = place.start(&summary(1), RecordSettings { lease_ms: 900, ..options() });
    place.disk.settle();
    let other = place.other().start(&summary(2), waiting(20_000));
    place.disk.take_calls();
    place.disk.advance_ms(9_050);
    assert!(other.take().is_none());
    let calls = place.disk.take_calls();
    let touches = calls.iter().filter(|call| call.starts_with("write .runs/task.lock")).count();
    assert_eq!(touches, 30, "every third of the lease");
    place.disk.release("write out/task");
    long.take().expect("an outcome").expect("recorded");
    place.disk.advance_ms(1_000);
    other.take().expect("an outcome").expect("recorded");
    assert_eq!(place.runs(), ["r1", "r2"]);
}

#[test]
fn waiting_doubles_from_10_to_250_ms_with_jitter() {
    let place = Place::new();
    place.disk.put(LOCK_FILE, abandoned(60_000).as_bytes(), 0);
    let _call = place.start(&summary(1), waiting(10_000));
    let mut tries = Vec::new();
    for ms in 0..5_000 {
        let calls = place.disk.take_calls();
        if calls.iter().any(|call| call.starts_with("create-file .runs/task.lock")) {
            tries.push(ms);
        }
        place.disk.advance_ms(1);
    }
    let pauses: Vec<u64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (pause, base) in pauses.iter().zip([10, 20, 40, 80, 160, 250, 250, 250, 250]) {
        assert!((base / 2..=base * 3 / 2 + 1).contains(pause), "{pauses:?}");
    }
    let late: std::collections::BTreeSet<_> = pauses[6..].iter().collect();
    assert!(late.len() > 3, "no jitter: {pauses:?}");
}

#[test]
fn every_error_but_exists_comes_at_once() {
    for (step, code) in [
        ("open-dir .runs", "io"),
        ("create-file .runs/task.lock", "read-only"),
        ("create-file .runs/task.lock", "busy"),
    ] {
        let place = Place::new();
        place.disk.put_dir(".runs/task/r1");
        place.disk.put_dir(".runs/task");
        place.disk.put_dir(".runs");
        place.disk.fail(&format!("{step}$"), Code(code), false);
        // The summary then opens none of the directories above its own.
        let visible = RecordSettings { summary_durability: Durability::Visible, ..options() };
        let outcome = place.record_with(&summary(1), visible);
        let Err(Error::History(told)) = outcome else { panic!("{outcome:?}") };
        assert_eq!((told.channel, told.code), (Some(Channel::History), Code(code)));
    }
    let place = Place::new();
    place.disk.put_dir(".runs");
    place.disk.put_dir(LOCK_FILE);
    let told = failure(Channel::History, Operation::Lock, LOCK_FILE, Code::IS_DIRECTORY);
    assert_eq!(place.record(&summary(1)), Err(Error::History(told)));
}

#[test]
fn a_wall_clock_that_jumps_changes_no_lease() {
    let place = Place::new();
    place.disk.put(LOCK_FILE, abandoned(3_000).as_bytes(), 0);
    let call = place.start(&summary(1), waiting(30_000));
    place.disk.advance_ms(1_000);
    place.disk.wall_ms.set(0);
    place.disk.advance_ms(1_000);
    place.disk.wall_ms.set(u64::MAX / 2);
    assert!(call.take().is_none());
    place.disk.advance_ms(1_010);
    call.take().expect("an outcome").expect("recorded");
}

#[test]
fn a_lock_that_is_another_s_by_now_is_not_removed() {
    let place = Place::new();
    place.disk.hold("sync-dir out/task");
    let call = place.start(&summary(1), options());
    place.disk.settle();
    place.disk.put(LOCK_FILE, b"another's", 0);
    place.disk.release("sync-dir out/task");
    call.take().expect("an outcome").expect("recorded");
    assert_eq!(place.disk.file(LOCK_FILE).as_deref(), Some("another's"));
}

#[test]
fn a_lock_that_was_lost_before_the_rename_writes_nothing_and_tries_again() {
    let place = Place::new();
    place.disk.hold("sync-data out/task");
    let call = place.start(&summary(1), options());
    place.disk.settle();
    place.disk.put(LOCK_FILE, abandoned(1_000).as_bytes(), 0);
    place.disk.release("sync-data out/task");
    assert_eq!(place.disk.file(HISTORY_FILE), None);
    assert!(call.take().is_none());
    place.disk.advance_ms(1_300);
    call.take().expect("an outcome").expect("recorded");
    assert_eq!(place.disk.paths(), [SUMMARY_FILE, HISTORY_FILE]);
}

#[test]
fn a_lock_that_changed_hands_within_one_tick_of_the_disk_is_a_new_one() {
    let place = Place::new();
    place.disk.put(LOCK_FILE, abandoned(3_000).as_bytes(), 0);
    let call = place.start(&summary(1), waiting(30_000));
    place.disk.advance_ms(2_000);
    place.disk.put(LOCK_FILE, abandoned(3_000).replace('x', "y").as_bytes(), 2_000);
    place.disk.advance_ms(2_000);
    assert!(call.take().is_none(), "it is 2 s old for this waiter");
    place.disk.advance_ms(1_300);
    call.take().expect("an outcome").expect("recorded");
}

#[test]
fn a_taker_that_finds_the_lock_changed_takes_its_file_away() {
    let place = Place::new();
    place.disk.put(LOCK_FILE, abandoned(1_000).as_bytes(), 0);
    place.disk.hold("write .runs/.takeover");
    let call = place.start(&summary(1), waiting(30_000));
    place.disk.advance_ms(1_500);
    let other = abandoned(1_000).replace('x', "y");
    place.disk.put(LOCK_FILE, other.as_bytes(), 0);
    place.disk.release("write .runs/.takeover");
    assert_eq!(place.disk.file(LOCK_FILE), Some(other));
    assert!(!place.disk.paths().iter().any(|path| path.contains(".takeover")));
    place.disk.advance_ms(1_500);
    call.take().expect("an outcome").expect("recorded");
}

#[test]
fn short_waits_add_up_to_the_lease_of_a_dead_holder() {
    let place = Place::new();
    place.disk.put(LOCK_FILE, abandoned(3_000).as_bytes(), 0);
    for _ in 0..2 {
        let call = place.start(&summary(1), waiting(1_200));
        place.disk.advance_ms(1_250);
        assert!(is_locked(&call));
    }
    let call = place.start(&summary(1), waiting(1_200));
    place.disk.advance_ms(1_200);
    call.take().expect("an outcome").expect("recorded");
}

/// Settings for another history of the same task, which has the same lock.
fn beside(lock_wait_ms: u64) -> RecordSettings {
    let mut options = waiting(lock_wait_ms);
    options.layout.root = "beside".into();
    options
}

#[test]
fn of_two_observations_of_one_lock_the_earlier_one_is_remembered() {
    let place = Place::new();
    place.disk.put(LOCK_FILE, abandoned(3_000).as_bytes(), 0);
    let first = place.start(&summary(1), waiting(1_200));
    place.disk.advance_ms(600);
    let second = place.start(&summary(2), beside(1_200));
    place.disk.advance_ms(1_250);
    for call in [first, second] {
        assert!(is_locked(&call));
    }
    let call = place.start(&summary(3), waiting(1_200));
    place.disk.advance_ms(1_200);
    call.take().expect("an outcome").expect("recorded");
}

#[test]
fn of_a_lock_that_changed_hands_the_later_observation_is_remembered() {
    let place = Place::new();
    place.disk.put(LOCK_FILE, abandoned(3_000).as_bytes(), 0);
    let first = place.start(&summary(1), waiting(1_200));
    place.disk.advance_ms(600);
    let second = place.start(&summary(2), beside(1_200));
    place.disk.advance_ms(650);
    let next = abandoned(3_000).replace("\"token\":\"", "\"token\":\"f");
    place.disk.put(LOCK_FILE, next.as_bytes(), 0);
    place.disk.advance_ms(600);
    for call in [first, second] {
        assert!(is_locked(&call));
    }
    let call = place.start(&summary(3), waiting(2_800));
    place.disk.advance_ms(2_800);
    call.take().expect("an outcome").expect("recorded");
}

#[test]
fn a_lock_that_is_lost_again_and_again_is_locked_in_the_end() {
    let place = Place::new();
    place.disk.fail("rename out/task/.runs.json", Code::NO_ENTRY, true);
    for lock_wait_ms in [0, 1_000] {
        let call = place.start(&summary(1), waiting(lock_wait_ms));
        place.disk.advance_ms(lock_wait_ms + 20);
        assert!(is_locked(&call));
    }
    let tries = place.disk.take_calls();
    let tries = tries.iter().filter(|call| call.starts_with("rename out/task/.runs.json")).count();
    assert!(tries < 15, "it pauses between {tries} tries");
    assert_eq!(place.disk.paths(), [SUMMARY_FILE]);
}

#[test]
fn a_lock_that_cannot_be_read_again_is_given_back() {
    let place = Place::new();
    place.disk.fail("read .runs/task.lock", IO, false);
    let told = failure(Channel::History, Operation::Lock, LOCK_FILE, IO);
    assert_eq!(place.record(&summary(1)), Err(Error::History(told)));
    assert_eq!(place.disk.file(LOCK_FILE), None);
    place.record(&summary(1)).expect("recorded");
}

#[test]
fn a_directory_with_the_name_of_a_temporary_file_stops_nobody() {
    let place = Place::new();
    place.record(&summary(1)).expect("recorded");
    let name = format!("out/task/.runs.json.{}.tandem-tmp", "0123456789abcdef".repeat(2));
    place.disk.put(&name, b"", 0);
    place.disk.fail(&format!("remove {name}"), Code::IS_DIRECTORY, true);
    place.record(&summary(2)).expect("recorded");
}
