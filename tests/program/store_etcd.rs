//! `--store etcd://...`: runs in a real cluster.

use std::process::Command;

use tandem_tests::clusters;

use crate::support::{assert_one_line, run, tandem, text};

const TASK: &str = "nightly";

/// The program with a store.
fn with_store(url: &str, args: &[&str]) -> Command {
    let mut command = tandem(&args[..1]);
    command.args(["--store", url]).args(&args[1..]);
    command
}

#[test]
fn runs_are_kept_in_etcd_and_found_in_the_history() {
    let url = clusters!().shared().url("program");
    // Nothing is to be made, and nobody has to know that.
    let output = run(&mut with_store(&url, &["migrate"]));
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    for (command, code) in [("true", 0), ("exit 7", 7)] {
        let args = ["exec", "--task", TASK, "--", "sh", "-c", command];
        let output = run(&mut with_store(&url, &args));
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    }
    let history = run(&mut with_store(&url, &["history", "--task", TASK, "--json"]));
    let history: serde_json::Value = serde_json::from_slice(&history.stdout).unwrap();
    assert_eq!(history["total"], 2);
}

#[test]
fn what_is_no_cluster_is_told_in_one_line_and_starts_no_command() {
    for (url, told) in [
        ("etcd://me:secret@127.0.0.1:1", "no server can be reached at 127.0.0.1:1"),
        ("etcd://me:secret@h?color=red", "color"),
    ] {
        let args = ["exec", "--task", TASK, "--", "echo", "started"];
        let output = run(&mut with_store(url, &args));
        let stderr = assert_one_line(&output, 125);
        assert!(stderr.contains(told) && !stderr.contains("secret"), "{url}: {stderr}");
        assert_eq!(text(&output.stdout), "");
    }
}
