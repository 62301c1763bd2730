//! `status` and `serve` over a store.

use std::fs::{self, File};
use std::process::Stdio;

use serde_json::{Value, json};
use tandem_tests::servers;

use crate::runs::Watched;
use crate::store::{TASK, Waiting, exec, migrated, with_store};
use crate::support::{assert_one_line, run, text, wait_for};

/// The runs that `status` shows, each with its task and state, in order.
fn shown(url: &str, flags: &[&str]) -> Vec<(String, String)> {
    let output = run(&mut with_store(url, &[&["status", "--json"], flags].concat()));
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let word = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let mut shown: Vec<_> =
        rows.iter().map(|row| (word(row, "task"), word(row, "state"))).collect();
    shown.sort();
    shown
}

fn of(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(task, state)| ((*task).to_owned(), (*state).to_owned())).collect()
}

#[test]
fn the_runs_of_a_store_are_shown_as_those_of_a_directory() {
    let server = servers!().shared();
    let url = migrated(server, "shown");
    let none = run(&mut with_store(&url, &["status"]));
    assert_eq!(text(&none.stdout), "there are no runs in the store\n");
    assert_eq!(exec(&url, TASK, &["true"]).status.code(), Some(0));
    assert_eq!(exec(&url, "other", &["false"]).status.code(), Some(1));
    // A summary and a history are no runs, nor is what is not Tandem's.
    server.sql("insert into shown.documents values ('.runs/x/cli/r/notes', '', '', 1, 'x', now(), pg_current_xact_id())");
    assert_eq!(shown(&url, &[]), of(&[(TASK, "done"), ("other", "failed")]));
    assert_eq!(shown(&url, &["--task", TASK]), of(&[(TASK, "done")]));
    assert_eq!(shown(&url, &["--state", "failed,stale"]), of(&[("other", "failed")]));
    assert_eq!(shown(&url, &["--run", "none"]), []);
    let live = Waiting::start(&url, &["--task", "live"], "exit 0");
    assert_eq!(shown(&url, &["--state", "live"]), of(&[("live", "live")]));
    assert_eq!(live.go_on().status.code(), Some(0));
    // Where it is kept makes no difference to who reads the lines.
    let lines = run(&mut with_store(&url, &["status", "--json-lines", "--task", "other"]));
    let row: Value = serde_json::from_slice(&lines.stdout).unwrap();
    assert_eq!((&row["exit_code"], &row["state"]), (&json!(1), &json!("failed")));
}

#[test]
fn a_store_that_cannot_be_read_is_told_in_one_line() {
    let server = servers!().shared();
    let unmade = server.url("unmade_status");
    for (url, told) in [
        (unmade.as_str(), "tandem migrate --store URL"),
        ("postgres://me:secret@127.0.0.1:1/db", "no server can be reached at 127.0.0.1:1"),
    ] {
        for command in [["status", "--json"].as_slice(), &["status", "--watch"], &["serve"]] {
            if !cfg!(feature = "serve") && command == ["serve"] {
                continue;
            }
            let stderr = assert_one_line(&run(&mut with_store(url, command)), 1);
            assert!(stderr.contains(told) && !stderr.contains("secret"), "{stderr}");
        }
    }
}

#[test]
fn a_store_that_is_away_is_told_and_its_runs_stay_as_they_were() {
    let installed = servers!();
    let mut server = installed.start(&[]);
    let url = migrated(&server, "tandem");
    let waiting = Waiting::start(&url, &["--task", TASK, "--run", "r1"], "exit 0");
    let told = tempfile::NamedTempFile::new().unwrap();
    let mut command = with_store(&url, &["status", "--watch", "--json-lines"]);
    let stderr = Stdio::from(File::create(told.path()).unwrap());
    let mut watched = Watched::start_telling(&mut command, stderr);
    watched.until("r1", "live");
    server.kill();
    let is_away =
        || fs::read_to_string(told.path()).unwrap().contains("; what is shown is of before");
    wait_for("it tells that the store is away", is_away);
    server.start();
    assert_eq!(waiting.go_on().status.code(), Some(0));
    loop {
        let row = watched.next();
        assert_ne!(row["state"], "stale");
        if row["state"] == "done" {
            break;
        }
    }
    let told = fs::read_to_string(told.path()).unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[cfg(feature = "serve")]
#[test]
fn the_page_shows_the_runs_of_a_store() {
    use crate::serving::Served;

    let server = servers!().shared();
    let url = migrated(server, "served");
    assert_eq!(exec(&url, TASK, &["echo", "out"]).status.code(), Some(0));
    let served = Served::of(&mut with_store(&url, &["serve", "--listen", "127.0.0.1:0"]));
    let mut events = served.events();
    let (runs, _) = events.all();
    assert_eq!(runs.len(), 1);
    assert_eq!((&runs[0]["task"], &runs[0]["state"]), (&json!(TASK), &json!("done")));
    let name = runs[0]["run"].as_str().unwrap();
    let manifest = served.get(&format!("/api/run?task={TASK}&run={name}")).json();
    assert!(manifest["manifest"].as_str().unwrap().contains("out\\n"), "{manifest}");
    assert_eq!(served.get(&format!("/api/run?task={TASK}&run=none")).status, 404);
    let past = served.get(&format!("/api/task?task={TASK}")).json();
    assert_eq!((&past["total"], &past["entries"][0]["run"]), (&json!(1), &json!(name)));
    let waiting = Waiting::start(&url, &["--task", TASK, "--run", "second"], "exit 4");
    events.until("second", "live");
    assert_eq!(waiting.go_on().status.code(), Some(4));
    events.until("second", "failed");
    // Removed by another host.
    server.sql(
        "update served.documents set body = null, version = version + 1, \
         changed_in = pg_current_xact_id() where head like '.runs/nightly/cli/second/%'",
    );
    events.until("second", "gone");
}
