//! `--store etcd://...`: runs in a real cluster.

use tandem_tests::clusters;

use crate::runs::{Watched, rows_of};
use crate::store::{TASK, Waiting, with_store};
use crate::support::{assert_one_line, run, text};

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
fn runs_in_etcd_are_shown_followed_and_removed() {
    let url = clusters!().shared().url("shown");
    let exec = |name: &str, command: &str| {
        let args = ["exec", "--task", TASK, "--run", name, "--", command];
        run(&mut with_store(&url, &args)).status.code()
    };
    let states = || {
        let rows = rows_of(&mut with_store(&url, &["status", "--json"]));
        let of = |row: &serde_json::Value| format!("{} {}", row["run"], row["state"]);
        let mut states: Vec<_> = rows.iter().map(of).collect();
        states.sort();
        states.join(", ").replace('"', "")
    };
    assert_eq!((exec("r1", "true"), exec("r2", "false")), (Some(0), Some(1)));
    let mut watched = Watched::start(&mut with_store(&url, &["status", "--watch", "--json-lines"]));
    watched.until("r2", "failed");
    let waiting = Waiting::start(&url, &["--task", TASK, "--run", "r3"], "exit 0");
    watched.until("r3", "live");
    assert_eq!(states(), "r1 done, r2 failed, r3 live");

    // A run that is open stays, and one more of those that have ended.
    let prune = ["prune", "--task", TASK, "--keep-last", "1", "--yes", "--json"];
    let told = run(&mut with_store(&url, &prune));
    assert_eq!((told.status.code(), text(&told.stderr)), (Some(0), String::new()));
    watched.until("r1", "gone");
    assert_eq!(states(), "r2 failed, r3 live");
    assert_eq!(waiting.go_on().status.code(), Some(0));
    watched.until("r3", "done");
}

#[cfg(feature = "serve")]
#[test]
fn the_page_shows_runs_in_etcd() {
    use serde_json::json;

    use crate::serving::Served;

    let url = clusters!().shared().url("served");
    let served = Served::of(&mut with_store(&url, &["serve", "--listen", "127.0.0.1:0"]));
    let mut events = served.events();
    assert!(events.all().0.is_empty());
    let waiting = Waiting::start(&url, &["--task", TASK, "--run", "r1"], "echo out; exit 4");
    events.until("r1", "live");
    assert_eq!(waiting.go_on().status.code(), Some(4));
    events.until("r1", "failed");
    let manifest = served.get(&format!("/api/run?task={TASK}&run=r1")).json();
    assert!(manifest["manifest"].as_str().unwrap().contains("out\\n"), "{manifest}");
    let past = served.get(&format!("/api/task?task={TASK}")).json();
    assert_eq!((&past["total"], &past["entries"][0]["run"]), (&json!(1), &json!("r1")));
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
