//! The lock's file: what it tells, how long it counts, and what is cleared away beside it.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use tandem_host::ErrorKind;
use tandem_host::testing::DiskOperation::{CreateFile, OpenDir, Rename, Write};
use tandem_host::testing::Moment;

use crate::record_support::{HISTORY, LOCK, LOCK_PATH, at, options, summary, summary_path};
use crate::support::{Files, Lab, names_in, on_every_filesystem, within};

on_every_filesystem!(
    a_lock_that_nobody_touches_expires_whatever_it_holds,
    a_lock_is_waited_for_until_it_is_gone,
    who_acquires_a_lock_stops_those_who_were_about_to_take_it_over,
);

#[tokio::test]
async fn a_lock_is_one_line_that_tells_its_owner() {
    within(async {
        let lab = Lab::new().await;
        let gate = lab.hold.before(|call| call.is(Rename, HISTORY));
        let recording = lab
            .tandem
            .record_run(summary("a", &at(1)), options().lease(Duration::from_millis(1_234_567)));
        gate.reached(1).await;
        let text = lab.text(LOCK_PATH);
        assert!(text.ends_with("}\n") && text.lines().count() == 1, "{text}");
        let record: Value = serde_json::from_str(&text).unwrap();
        let names: Vec<_> = record.as_object().unwrap().keys().collect();
        assert_eq!(names.len(), 5, "{text}");
        assert_eq!((&record["version"], &record["lease_ms"]), (&1.into(), &1_234_567.into()));
        assert_eq!(record["task_id"], "task");
        let token = record["token"].as_str().unwrap();
        assert!(token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
        assert_eq!(record["acquired_at"].as_str().unwrap().len(), at(1).len() + 4, "{text}");
        // The temporary file of the history tells whose it is.
        let temporary = format!(".runs.json.{token}.tandem-tmp");
        assert_eq!(names_in(&lab.path("out/task")), [temporary]);
        gate.release();
        recording.await.unwrap();
        assert!(!lab.path(LOCK_PATH).exists());
    })
    .await;
}

#[tokio::test]
async fn a_holder_that_works_for_longer_than_its_lease_keeps_the_lock() {
    within(async {
        let lab = Lab::new().await;
        let other = Files::Workers.builder(lab.dir.path()).build().await.unwrap();
        let gate = lab.hold.before(|call| call.is(Rename, HISTORY));
        let lease_ms = 1_000;
        let first = lab
            .tandem
            .record_run(summary("a", &at(1)), options().lease(Duration::from_millis(lease_ms)));
        gate.reached(1).await;
        // It would take an expired lock over long before it gives up.
        let patience = options()
            .lease(Duration::from_millis(lease_ms))
            .lock_wait(Duration::from_millis(3 * lease_ms));
        let error = other.record_run(summary("b", &at(2)), patience).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "{error:?}");
        let touches =
            lab.record.events().into_iter().filter(|event| {
                event.call.is(Write, LOCK) && event.moment == Moment::Ended(Ok(()))
            });
        assert!(touches.count() > 3);
        gate.release();
        first.await.unwrap();
        assert_eq!(lab.count(Rename, HISTORY), 1, "it was never lost");
        assert_eq!(lab.recorded(), ["a"]);
        assert_eq!(names_in(&lab.path(".runs")), ["task"], "nobody tried to take it over");
    })
    .await;
}

/// Puts the lock of another one, who was granted an hour, in the place of whatever is there.
fn steal_lock(lab: &Lab) -> String {
    let record = "{\"version\":1,\"token\":\"0\",\"lease_ms\":3600000}\n".to_owned();
    lab.place(".runs/stolen", &record);
    fs::rename(lab.path(".runs/stolen"), lab.path(LOCK_PATH)).unwrap();
    record
}

#[tokio::test]
async fn a_lock_that_was_lost_while_it_was_acquired_is_not_used() {
    within(async {
        let lab = Lab::new().await;
        let gate = lab.hold.before(|call| call.is(OpenDir, ".takeover"));
        let recording = lab
            .tandem
            .record_run(summary("a", &at(1)), options().lock_wait(Duration::from_millis(0)));
        gate.reached(1).await;
        let record = steal_lock(&lab);
        gate.release();
        let error = recording.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "{error:?}");
        assert_eq!(lab.count(CreateFile, HISTORY), 0);
        assert_eq!(lab.text(LOCK_PATH), record);
    })
    .await;
}

#[tokio::test]
async fn a_lock_that_is_another_ones_by_now_is_not_removed() {
    within(async {
        let lab = Lab::new().await;
        let gate = lab.hold.before(|call| call.is(Rename, HISTORY));
        let recording = lab.tandem.record_run(summary("a", &at(1)), options());
        gate.reached(1).await;
        let record = steal_lock(&lab);
        gate.release();
        // The other one has not come to remove the temporary file, so the rename is before it.
        assert_eq!(recording.await.unwrap().runs, 1);
        assert_eq!(lab.text(LOCK_PATH), record);
    })
    .await;
}

async fn a_lock_that_nobody_touches_expires_whatever_it_holds(files: Files) {
    let large = "x".repeat(100_000);
    for content in [
        "",
        "\n",
        "null",
        "corrupt",
        "\u{feff}{}",
        "{\"version\":2}",
        "{\"version\":1,\"token\":\"0\",\"lease_ms\":50}",
        "{\"version\":1,\"token\":\"0\",\"lease_ms\":-1}",
        "{\"version\":1,\"token\":\"0\",\"lease_ms\":0}",
        // No lease that this package grants.
        "{\"version\":1,\"token\":\"0\",\"lease_ms\":99999999999999999999}",
        "{\"version\":1,\"token\":\"0\",\"lease_ms\":3600001}",
        &large,
    ] {
        let bench = files.bench().await;
        bench.place(LOCK_PATH, content);
        let recording = bench
            .tandem
            .record_run(summary("a", &at(1)), options().lease(Duration::from_millis(50)));
        assert_eq!(recording.await.expect(content).runs, 1);
        let expected = [summary_path("a"), "out/task/runs.json".to_owned()];
        assert_eq!(bench.files(), expected, "{content}");
    }
}

async fn a_lock_is_waited_for_until_it_is_gone(files: Files) {
    let bench = files.bench().await;
    bench.place(LOCK_PATH, "{\"version\":1,\"token\":\"0\",\"lease_ms\":3600000}");
    let recording = bench.tandem.record_run(summary("a", &at(1)), options());
    // Its summary does not wait.
    while !bench.path(&summary_path("a")).exists() {
        tokio::task::yield_now().await;
    }
    assert!(!bench.path("out/task/runs.json").exists());
    fs::remove_file(bench.path(LOCK_PATH)).unwrap();
    assert_eq!(recording.await.unwrap().runs, 1);
}

async fn who_acquires_a_lock_stops_those_who_were_about_to_take_it_over(files: Files) {
    let bench = files.bench().await;
    let token = "0123456789abcdef0123456789abcdef";
    let taker = |task: &str| format!(".runs/.takeover/.{task}.lock.{token}.tandem-tmp");
    let other = ".runs/.takeover/note".to_owned();
    for path in [taker("task"), taker("task2"), other.clone()] {
        bench.place(&path, "about to");
    }
    bench.record("a", &at(1)).await;
    let expected = [taker("task2"), other, summary_path("a"), "out/task/runs.json".to_owned()];
    assert_eq!(bench.files(), expected);
}
