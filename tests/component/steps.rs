//! What a flush asks of a filesystem: no call that it can do without.

use tandem_host::Durability::{self, Durable, Visible};

use crate::support::{ALL, Lab, options, within};

/// The calls of one flush of an open run's pair that was flushed before.
async fn steps(durability: Durability) -> Vec<String> {
    let lab = Lab::new().await;
    let options = options("run").manifest_durability(durability).heartbeat_durability(durability);
    let run = lab.tandem.open_run(options).await.unwrap();
    run.set("{}").await.unwrap();
    run.schedule(ALL).await.unwrap();
    lab.record.take();
    run.set(r#"{"a": 1}"#).await.unwrap();
    run.schedule(ALL).await.unwrap();
    let calls = lab.record.started();
    let mut steps: Vec<String> =
        calls.iter().map(|call| format!("{:?} {}", call.operation, call.target())).collect();
    steps.sort();
    steps
}

#[tokio::test]
async fn a_visible_pair_takes_seven_calls_and_no_sync() {
    let expected = [
        "CreateFile heartbeat",
        "CreateFile manifest.json",
        "OpenDir run",
        "Rename heartbeat",
        "Rename manifest.json",
        "Write heartbeat",
        "Write manifest.json",
    ];
    assert_eq!(within(steps(Visible)).await, expected);
}

#[tokio::test]
async fn a_durable_pair_takes_ten_calls_and_three_of_them_are_syncs() {
    let expected = [
        "CreateFile heartbeat",
        "CreateFile manifest.json",
        "OpenDir run",
        "Rename heartbeat",
        "Rename manifest.json",
        "SyncData heartbeat",
        "SyncData manifest.json",
        "SyncDir run",
        "Write heartbeat",
        "Write manifest.json",
    ];
    assert_eq!(within(steps(Durable)).await, expected);
}
