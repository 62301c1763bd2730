//! `prune` over a store.

use serde_json::{Value, json};
use tandem_tests::servers;

use crate::store::{TASK, Waiting, exec, migrated, with_store};
use crate::support::{assert_one_line, run, text};

/// What `prune` tells.
fn pruned(url: &str, flags: &[&str]) -> Value {
    let output = run(&mut with_store(url, &[&["prune", "--json"], flags].concat()));
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn runs(told: &Value) -> Vec<(&str, bool)> {
    let runs = told["runs"].as_array().unwrap().iter();
    let mut runs: Vec<_> =
        runs.map(|run| (run["run"].as_str().unwrap(), run["removed"] == json!(true))).collect();
    runs.sort_unstable();
    runs
}

fn total(url: &str) -> Value {
    let history = run(&mut with_store(url, &["history", "--task", TASK, "--json"]));
    serde_json::from_slice::<Value>(&history.stdout).unwrap()["total"].clone()
}

#[test]
fn runs_of_a_store_are_removed_by_the_same_rules_as_those_of_a_directory() {
    let server = servers!().shared();
    let url = migrated(server, "pruned");
    for name in ["r1", "r2", "r3"] {
        let args = ["exec", "--task", TASK, "--run", name, "--", "true"];
        assert_eq!(run(&mut with_store(&url, &args)).status.code(), Some(0));
    }
    assert_eq!(exec(&url, "other", &["true"]).status.code(), Some(0));
    let live = Waiting::start(&url, &["--task", TASK, "--run", "live"], "exit 0");
    // What is no run is nobody's to remove.
    server.sql(
        "insert into pruned.documents values \
         ('.runs/nightly/cli/theirs/manifest.json', '', '', 1, '[]', now(), pg_current_xact_id())",
    );
    let all = "select count(*) from pruned.documents where body is not null";
    let before = server.sql(all);

    // Only shown.
    let told = pruned(&url, &["--task", TASK, "--keep-last", "1"]);
    assert_eq!(runs(&told), [("r1", false), ("r2", false)]);
    assert_eq!(server.sql(all), before);

    let told = pruned(&url, &["--task", TASK, "--keep-last", "1", "--yes"]);
    assert_eq!(runs(&told), [("r1", true), ("r2", true)]);
    assert_eq!(total(&url), 3);
    let left =
        "select count(*) from pruned.documents where body is not null and head like '%/r1/%'";
    assert_eq!(server.sql(left).trim(), "0");

    let flags = ["--state", "done,recorded,unreadable", "--history", "--yes"];
    let output = run(&mut with_store(&url, &[&["prune", "--json"], &flags[..]].concat()));
    let note = text(&output.stderr);
    assert!(note.contains("stay that may be no runs: .runs/nightly/cli/theirs"), "{note}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let removed: Vec<_> = runs(&told).into_iter().filter(|(_, is_removed)| *is_removed).collect();
    assert_eq!(removed.len(), 4, "{told}");
    assert_eq!(total(&url), 0);
    let theirs = server.sql(&format!("{all} and head like '%/theirs/%'"));
    assert_eq!(theirs.trim(), "1");

    // One that lives was left, and goes on.
    assert_eq!(live.go_on().status.code(), Some(0));
    assert_eq!(total(&url), 1);
}

#[test]
fn who_may_only_read_a_store_sees_all_of_it_and_removes_nothing() {
    let server = servers!().shared();
    let url = migrated(server, "read_only");
    assert_eq!(exec(&url, TASK, &["true"]).status.code(), Some(0));
    server.sql(
        "create role reader login password 'p'; grant usage on schema read_only to reader; \
         grant select on all tables in schema read_only to reader",
    );
    let reader = url.replacen("admin@", "reader:p@", 1);
    assert_ne!(reader, url);
    let status = run(&mut with_store(&reader, &["status"]));
    assert!(text(&status.stdout).contains("done"), "{}", text(&status.stderr));
    let history = run(&mut with_store(&reader, &["history", "--task", TASK]));
    assert_eq!(text(&history.stdout).lines().count(), 2, "{}", text(&history.stderr));
    let told = pruned(&reader, &["--state", "done"]);
    assert_eq!(runs(&told).len(), 1);
    for (command, code) in
        [(["prune", "--state", "done", "--yes"].as_slice(), 1), (&["exec", "--", "true"], 125)]
    {
        let stderr = assert_one_line(&run(&mut with_store(&reader, command)), code);
        assert!(stderr.contains("lacks the privilege insert on read_only.documents"), "{stderr}");
    }
    assert_eq!(runs(&pruned(&url, &["--state", "done"])).len(), 1);
}
