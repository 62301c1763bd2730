//! Which runs `tandem status` shows, in which order, and how many.

#[cfg(target_os = "linux")]
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::runs::{LONG_AGO, Root, now};
use crate::support::{assert_one_line, before_start, run, text};

/// Five runs of three tasks.
fn some_runs() -> Root {
    let root = Root::new();
    let at = |day| format!("2026-01-0{day}T00:00:00.000Z");
    let in_progress = |day, heartbeat: &str| json!({"status": "in_progress", "started_at": at(day), "heartbeat_at": heartbeat});
    root.manifest_of("b", "live", &in_progress(1, &now()));
    root.manifest_of("a", "stale", &in_progress(2, LONG_AGO));
    root.manifest_of("c", "done", &json!({"status": "succeeded", "started_at": at(3)}));
    root.manifest_of("b", "failed", &json!({"status": "failed", "started_at": at(4)}));
    fs::create_dir_all(root.cli("c").join("empty")).unwrap();
    root
}

#[test]
fn runs_are_selected_by_task_state_and_name() {
    let root = some_runs();
    for (args, runs) in [
        (&["--task", "b"][..], &["failed", "live"][..]),
        (&["--task", "b", "--task", "a", "--task", "b"], &["failed", "stale", "live"]),
        (&["--state", "live"], &["live"]),
        (&["--state", "live,failed"], &["failed", "live"]),
        (&["--state", "live", "--state", "stale"], &["stale", "live"]),
        (&["--task", "b", "--state", "failed"], &["failed"]),
        (&["--state", "empty"], &["empty"]),
        (&["--run", "live", "--run", "done"], &["done", "live"]),
        (&["--run", "live", "--task", "a"], &[]),
        (&["--task", "missing"], &[]),
        // No name of a task or run.
        (&["--task", "../.runs/b", "--task", ".", "--task", ""], &[]),
        (&["--task", "b", "--run", "../../a/cli/stale", "--run", ".."], &[]),
    ] {
        assert_eq!(root.runs_with(args), runs, "{args:?}");
    }
    let shown = text(&run(&mut root.status(&["--task", "missing"])).stdout);
    assert_eq!(shown, format!("there are no such runs below {}\n", root.path().display()));
}

#[test]
fn a_state_that_is_none_is_told_with_the_valid_ones() {
    let root = Root::new();
    let stderr = assert_one_line(&run(&mut root.status(&["--state", "alive"])), 2);
    for state in
        ["live", "stale", "queued", "done", "failed", "cancelled", "unknown", "empty", "unreadable"]
    {
        assert!(stderr.contains(state), "{stderr}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_selection_by_task_reads_no_other_directory() {
    let root = some_runs();
    let others = [root.cli("a"), root.cli("a").join("stale")];
    let mut opened = crate::opened::Opened::watch(&others);
    root.rows();
    assert_eq!(opened.since(), BTreeSet::from(others));
    assert_eq!(root.runs_with(&["--task", "b"]).len(), 2);
    assert!(opened.since().is_empty());
}

#[test]
fn runs_are_sorted_as_asked_and_the_rest_is_counted() {
    let root = some_runs();
    // The start of a run without a manifest is that of its directory, now.
    for (by, runs) in [
        ("started", ["empty", "failed", "done", "stale", "live"]),
        ("task", ["stale", "failed", "live", "empty", "done"]),
        ("state", ["live", "stale", "done", "failed", "empty"]),
        ("heartbeat", ["live", "stale", "empty", "failed", "done"]),
    ] {
        assert_eq!(root.runs_with(&["--sort", by]), runs);
        let reversed: Vec<&str> = runs.into_iter().rev().collect();
        assert_eq!(root.runs_with(&["--sort", by, "--reverse"]), reversed);
        assert_eq!(root.runs_with(&["--sort", by, "--limit", "2"]), runs[..2]);
    }
    let table = text(&run(&mut root.status(&["--limit", "2"])).stdout);
    let first_words: Vec<_> = table.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(first_words, ["TASK", "c", "b", "and"], "{table}");
    assert!(table.ends_with("\nand 3 more\n"), "{table}");
    assert_eq!(root.runs_with(&["--limit", "0"]), [""; 0]);
    assert!(!text(&run(&mut root.status(&["--limit", "5"])).stdout).contains("more"));
    let stderr = assert_one_line(&run(&mut root.status(&["--sort", "age"])), 2);
    assert!(stderr.contains("heartbeat"), "{stderr}");
}

#[test]
fn a_task_that_cannot_be_listed_is_shown_whatever_the_state() {
    let root = some_runs();
    symlink("/", root.path().join(".runs/link")).unwrap();
    let rows = root.rows_with(&["--state", "live"]);
    let shown: Vec<_> = rows.iter().map(|row| (&row["task"], &row["run"], &row["state"])).collect();
    let [link, live] = [("link", "", "unreadable"), ("b", "live", "live")]
        .map(|(task, run, state)| (json!(task), json!(run), json!(state)));
    for (task, run, state) in [&link, &live] {
        assert!(shown.contains(&(task, run, state)), "{shown:?}");
    }
    assert_eq!(shown.len(), 2);
    assert_eq!(root.runs_with(&["--state", "live", "--task", "b"]), ["live"]);
}

#[test]
fn with_json_lines_each_run_has_a_line() {
    let root = some_runs();
    let shown = text(&run(&mut root.status(&["--json-lines"])).stdout);
    let mut lines: Vec<Value> =
        shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut rows = root.rows();
    for rows in [&mut lines, &mut rows] {
        for row in &mut *rows {
            row.as_object_mut().unwrap().remove("heartbeat_age_ms");
        }
        rows.sort_by_key(Value::to_string);
    }
    assert_eq!(lines, rows);
    assert_eq!(text(&run(&mut root.status(&["--json-lines", "--task", "x"])).stdout), "");
    for conflict in [&["--json"][..], &["--limit", "1"], &["--sort", "task"], &["--reverse"]] {
        assert_one_line(&run(root.status(conflict).arg("--json-lines")), 2);
    }
}

#[test]
fn many_tasks_are_listed_with_few_descriptors() {
    let root = Root::new();
    for task in 0..60 {
        for run in 0..3 {
            let task = format!("task-{task}");
            root.manifest_of(&task, &format!("{run}"), &json!({"status": "succeeded"}));
        }
    }
    for args in [&["--json-lines"][..], &["--state", "done"]] {
        let mut command = root.status(args);
        before_start(&mut command, || {
            let limit = rustix::process::Rlimit { current: Some(24), maximum: Some(24) };
            let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, limit);
        });
        let shown = text(&run(&mut command).stdout);
        assert_eq!(shown.matches("done").count(), 180, "{shown}");
    }
}
