//! Calls take effect in the order in which they are made, whoever waits for them and when.

use futures::future::join_all;
use tandem_host::Request;

use crate::support::{ALL, Files, MANIFEST, on_every_filesystem};

on_every_filesystem!(
    changes_are_made_in_the_order_of_the_calls,
    a_schedule_writes_what_was_set_before_it,
    runs_do_not_disturb_each_others_order,
    a_close_comes_after_the_calls_before_it_and_before_those_after,
);

fn patch(n: usize) -> String {
    format!(r#"{{"k{n}":{n}}}"#)
}

async fn changes_are_made_in_the_order_of_the_calls(files: Files) {
    let bench = files.bench().await;
    let run = bench.open("a").await;
    // A new key goes behind the others.
    let changes: Vec<_> = (0..500).map(|n| run.merge(patch(n))).collect();
    run.flush().await.unwrap();
    for outcome in join_all(changes.into_iter().rev()).await {
        outcome.unwrap();
    }
    let members: Vec<_> = (0..500).map(|n| format!("  \"k{n}\": {n}")).collect();
    assert_eq!(bench.manifest("a"), format!("{{\n{}\n}}\n", members.join(",\n")));
}

async fn a_schedule_writes_what_was_set_before_it(files: Files) {
    let bench = files.bench().await;
    let run = bench.open("a").await;
    // Each document is as long as its number tells.
    let mut schedules = Vec::new();
    for n in 1..=100 {
        drop(run.set(format!(r#"{{"a":"{}"}}"#, "x".repeat(n))));
        let request = if n % 3 == 0 { MANIFEST } else { ALL };
        schedules.push((n, run.schedule(request)));
    }
    run.flush().await.unwrap();
    for (n, schedule) in schedules {
        let written = schedule.await.unwrap().manifest.unwrap();
        assert!(written.bytes >= n as u64 + 14, "{n}: {written:?}");
    }
    assert_eq!(bench.manifest("a").len(), 114);
}

async fn runs_do_not_disturb_each_others_order(files: Files) {
    let bench = files.bench().await;
    let names: Vec<_> = (0..20).map(|n| format!("run-{n}")).collect();
    let runs = join_all(names.iter().map(|name| bench.open(name))).await;
    for n in 0..50 {
        for run in &runs {
            drop(run.merge(patch(n)));
            drop(run.schedule(Request::new().manifest().force()));
        }
    }
    for outcome in join_all(runs.iter().map(|run| run.close())).await {
        outcome.unwrap();
    }
    let members: Vec<_> = (0..50).map(|n| format!("  \"k{n}\": {n}")).collect();
    for name in &names {
        assert_eq!(bench.manifest(name), format!("{{\n{}\n}}\n", members.join(",\n")));
    }
}

async fn a_close_comes_after_the_calls_before_it_and_before_those_after(files: Files) {
    let bench = files.bench().await;
    let run = bench.open("a").await;
    let before = run.set(r#"{"n": 1}"#);
    let close = run.close();
    let after = run.set(r#"{"n": 2}"#);
    after.await.unwrap_err();
    before.await.unwrap();
    close.await.unwrap();
    assert_eq!(bench.manifest("a"), "{\n  \"n\": 1\n}\n");
}
