//! Runs of one task that are recorded at the same time.

use super::*;

fn ids(count: u32) -> Vec<String> {
    (0..count).map(|n| format!("r{n}")).collect()
}

#[test]
fn completions_of_one_component_share_a_write_and_are_all_kept() {
    for count in [8, 16, 32, 256] {
        let place = Place::new();
        let calls: Vec<_> = (0..count).rev().map(|n| place.start(&summary(n), options())).collect();
        place.disk.settle();
        for call in calls {
            call.take().expect("an outcome").expect("recorded");
        }
        assert_eq!(place.runs(), ids(count));
        let is_write = |call: &String| call.starts_with("rename out/task/.runs.json");
        assert!(place.disk.take_calls().iter().filter(|call| is_write(call)).count() <= 2);
    }
}

#[test]
fn completions_of_several_components_are_all_kept() {
    let first = Place::new();
    let places = [first.other(), first.other(), first.other(), first];
    let calls: Vec<_> =
        (0..100).map(|n| places[n as usize % 4].start(&summary(n), options())).collect();
    places[0].disk.advance_ms(25_000);
    for call in calls {
        call.take().expect("an outcome").expect("recorded");
    }
    assert_eq!(places[0].runs(), ids(100));
}

#[test]
fn those_that_came_during_a_write_share_the_next_one() {
    let place = Place::new();
    place.disk.hold("rename out/task/.runs.json");
    let first = place.start(&summary(0), options());
    place.disk.settle();
    let later: Vec<_> = (1..9).map(|n| place.start(&summary(n), options())).collect();
    place.disk.settle();
    place.disk.take_calls();
    place.disk.release("rename out/task/.runs.json");
    first.take().expect("an outcome").expect("recorded");
    for call in later {
        assert_eq!(call.take().expect("an outcome").expect("recorded").runs, 9);
    }
    let is_write = |call: &String| call.starts_with("rename out/task/.runs.json");
    assert_eq!(place.disk.take_calls().iter().filter(|call| is_write(call)).count(), 1);
}

#[test]
fn each_keeps_its_own_options_in_a_shared_write() {
    let place = Place::new();
    place.disk.hold("create-file .runs/task.lock");
    let old = place.start(&summary(1), options());
    let new = place.start(&summary(2), RecordSettings { keep_last: Some(1), ..options() });
    let late = place.start(&summary(0), RecordSettings { keep_last: Some(1), ..options() });
    place.disk.settle();
    place.disk.release("create-file .runs/task.lock");
    for call in [old, new, late] {
        assert_eq!(call.take().expect("an outcome").expect("recorded").runs, 1);
    }
    assert_eq!(place.runs(), ["r0"], "as if each were recorded after the one before");
}

#[test]
fn tasks_do_not_wait_for_one_another() {
    let place = Place::new();
    place.disk.hold("out/task/");
    let held = place.start(&summary(1), options());
    let other = summary(1).replace("\"task\"", "\"other\"");
    let recorded = place.record_with(&other, options());
    recorded.expect("recorded");
    place.disk.release("out/task/");
    held.take().expect("an outcome").expect("recorded");
}

#[test]
fn large_histories_are_in_memory_one_after_the_other() {
    let place = Place::new();
    let big = format!(
        r#"{{"taskId":"TASK","lastRunAt":"","runs":[{{"filler":"{}"}}]}}"#,
        "x".repeat(40 << 20)
    );
    for task in ["a", "b", "c"] {
        place.disk.put(&format!("out/{task}/runs.json"), big.replace("TASK", task).as_bytes(), 0);
    }
    place.disk.hold("read out/");
    let calls = ["a", "b", "c"]
        .map(|task| place.start(&summary(1).replace("\"task\"", &format!("{task:?}")), options()));
    place.disk.settle();
    let reads = |disk: &Memory| {
        disk.take_calls().iter().filter(|call| call.starts_with("read out/")).count()
    };
    assert_eq!(reads(&place.disk), 1);
    place.disk.release("read out/");
    for call in calls {
        call.take().expect("an outcome").expect("recorded");
    }
    assert_eq!(reads(&place.disk), 2);
}

#[test]
fn a_run_that_is_too_large_keeps_no_other_one_out() {
    let place = Place::new();
    let with = |max_bytes: u64| {
        let mut options = options();
        options.max_history_bytes = max_bytes;
        options
    };
    let large = summary(2).replacen('{', &format!("{{\"x\":\"{}\",", "x".repeat(3_000)), 1);
    place.disk.hold("create-file .runs/task.lock");
    let calls = [
        place.start(&summary(1), with(2_000)),
        place.start(&large, with(2_000)),
        place.start(&summary(3), with(2_000)),
        place.start(&summary(4), with(100)),
    ];
    place.disk.settle();
    place.disk.release("create-file .runs/task.lock");
    let are_recorded = calls.map(|call| call.take().expect("an outcome").is_ok());
    assert_eq!(are_recorded, [true, false, true, false]);
    assert_eq!(place.runs(), ["r1", "r3"]);
    place.record_with(&large, with(10_000)).expect("it fits");
    let of = |operation| failure(Channel::History, operation, HISTORY_FILE, Code::FILE_TOO_LARGE);
    let read = Err(Error::History(of(Operation::Read)));
    assert_eq!(place.record_with(&summary(9), with(3_000)), read);
    let size = place.disk.file(HISTORY_FILE).expect("a history").len() as u64;
    let written = Err(Error::History(of(Operation::Write)));
    assert_eq!(place.record_with(&summary(9), with(size + 10)), written);
    let one = RecordSettings { keep_last: Some(1), ..with(size + 10) };
    assert_eq!(place.record_with(&summary(9), one).expect("recorded").runs, 1);
}
