//! `tandem serve`: all runs, then what changes, for all who view them.

use std::fs::{self, Permissions};
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::runs::{LONG_AGO, Root, now};
use crate::serving::{Served, serve};
use crate::support::{wait_for, without_privileges};

/// More than one piece, and as many as the page has to stand.
const MANY: usize = 10_000;

fn states(runs: &[Value]) -> Vec<(&str, &str)> {
    let mut states: Vec<_> = runs
        .iter()
        .map(|run| (run["run"].as_str().unwrap(), run["state"].as_str().unwrap()))
        .collect();
    states.sort_unstable();
    states
}

#[test]
fn all_is_told_then_each_change() {
    for args in [&[][..], &["--poll"]] {
        let root = Root::new();
        root.manifest(
            "run",
            &json!({"status": "succeeded", "started_at": "2026-01-06T00:00:00.000Z",
                    "completed_at": "2026-01-06T00:01:00.000Z", "status_detail": "\u{1b}[2J é",
                    "commands": [{"exit_code": 0}]}),
        );
        let served = Served::start_with(root.path(), args);
        let mut events = served.events();
        let (runs, store) = events.all();
        let run = json!({"task": "task", "run": "run", "state": "done", "exit_code": 0,
                         "started_at": "2026-01-06T00:00:00.000Z",
                         "completed_at": "2026-01-06T00:01:00.000Z", "detail": "\\u{1b}[2J é"});
        assert_eq!(runs, [run]);
        assert_eq!(store.kind, "store");
        assert_eq!((&store.data["away"], &store.data["note"]), (&Value::Null, &Value::Null));
        let place = root.path().file_name().unwrap().to_str().unwrap();
        assert_eq!(store.data["place"], place, "nothing of what is above it is told");

        let dir = root.manifest("second", &json!({"status": "queued"}));
        events.until("second", "queued");
        root.manifest("second", &json!({"status": "failed"}));
        events.until("second", "failed");
        fs::write(dir.join("manifest.json"), "{").unwrap();
        events.until("second", "unreadable");
        fs::remove_dir_all(dir).unwrap();
        events.until("second", "gone");
    }
}

#[test]
fn a_run_that_goes_silent_turns_stale_without_a_change() {
    let root = Root::new();
    let in_progress = json!({"status": "in_progress", "heartbeat_stale_after_seconds": 2});
    root.manifest(
        "run",
        &json!({"status": "in_progress", "heartbeat_at": LONG_AGO,
                                 "heartbeat_stale_after_seconds": 1e9}),
    );
    let dir = root.manifest("silent", &in_progress);
    fs::write(dir.join(".heartbeat"), now()).unwrap();
    let served = Served::start(root.path());
    let mut events = served.events();
    events.all();
    events.until("silent", "stale");
}

#[test]
fn who_comes_back_is_told_what_changed_meanwhile() {
    let root = Root::new();
    for run in ["a", "b", "c"] {
        root.manifest(run, &json!({"status": "queued"}));
    }
    let served = Served::start(root.path());
    let mut first = served.events();
    let mark = first.all().1.mark.unwrap();
    root.manifest("b", &json!({"status": "failed"}));
    fs::remove_dir_all(root.run_dir("c")).unwrap();
    first.until("c", "gone");
    drop(first);
    let (runs, _) = served.events_with(&format!("Last-Event-ID: {mark}\r\n")).some();
    assert_eq!(states(&runs), [("b", "failed")]);
    // The page names it in the address when it connects by itself.
    let stream = served.get_events(&format!("/api/events?after={mark}"));
    assert_eq!(states(&stream), [("b", "failed")]);
    // What is no mark of this server says nothing.
    for mark in ["", "x", "0.1", &format!("{mark}9999"), &mark.replace('.', ".-")] {
        let (runs, _) = served.events_with(&format!("Last-Event-ID: {mark}\r\n")).all();
        assert_eq!(states(&runs), [("a", "queued"), ("b", "failed")]);
    }
    let other = Served::start(root.path());
    let (runs, _) = other.events_with(&format!("Last-Event-ID: {mark}\r\n")).all();
    assert_eq!(runs.len(), 2);
}

impl Served {
    /// Whether it has the system tell of changes.
    #[cfg(target_os = "linux")]
    fn is_told_of_changes(&self) -> bool {
        let fds = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let names = fds.filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
        names.into_iter().any(|name| name.to_string_lossy().contains("inotify"))
    }

    /// The runs of a stream that goes on after a mark.
    fn get_events(&self, path: &str) -> Vec<Value> {
        self.events_at(path, "").some().0
    }
}

#[cfg(target_os = "linux")]
#[test]
fn all_who_view_share_one_look_and_nobody_looks_for_nobody() {
    use crate::opened::Opened;

    let root = Root::new();
    let dirs: Vec<_> =
        (0..20).map(|at| root.manifest(&format!("r{at}"), &json!({"status": "queued"}))).collect();
    let manifests: Vec<_> = dirs.iter().map(|dir| dir.join("manifest.json")).collect();
    let served = Served::start(root.path());
    let mut opened = Opened::watch(&manifests);
    served.get("/");
    assert_eq!(opened.count(), 0, "nobody views");
    let mut viewers: Vec<_> = (0..5).map(|_| served.events()).collect();
    for viewer in &mut viewers {
        assert_eq!(viewer.all().0.len(), 20);
    }
    assert_eq!(opened.count(), 20, "each was read once");
    // A change is one, whoever is told.
    root.manifest("r0", &json!({"status": "failed"}));
    for viewer in &mut viewers {
        viewer.until("r0", "failed");
    }
    let others = opened.count();
    assert_eq!(others, 0, "no other was read again");
    assert!(served.is_told_of_changes());
    drop(viewers);
    wait_for("the end of looks", || !served.is_told_of_changes());
    // Whoever comes then sees what is there by then.
    root.manifest("r1", &json!({"status": "cancelled"}));
    let (runs, _) = served.events().all();
    assert!(states(&runs).contains(&("r1", "cancelled")));
    assert!(states(&runs).contains(&("r0", "failed")));
}

#[test]
fn a_store_that_is_away_loses_no_run() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("root");
    let dir = path.join(".runs/task/cli/run");
    fs::create_dir_all(&dir).unwrap();
    let manifest = json!({"status": "in_progress", "heartbeat_at": now(),
                          "heartbeat_stale_after_seconds": 3600});
    fs::write(dir.join("manifest.json"), manifest.to_string()).unwrap();
    let served = Served::start(&path);
    let mut events = served.events();
    let (runs, _) = events.all();
    assert_eq!(states(&runs), [("run", "live")]);
    fs::rename(&path, base.path().join("away")).unwrap();
    let store = events.next();
    assert_eq!(store.kind, "store", "{store:?}");
    let why = store.data["away"].as_str().unwrap();
    assert!(why.starts_with("the root does not exist: "), "{why}");
    let (runs, store) = served.events().all();
    assert_eq!(states(&runs), [("run", "live")]);
    assert!(!store.data["away"].is_null());
    fs::create_dir_all(base.path().join("away/.runs/task/cli/new")).unwrap();
    fs::rename(base.path().join("away"), &path).unwrap();
    // It is back, with what came to be meanwhile.
    let (runs, store) = events.some();
    assert_eq!(states(&runs), [("new", "empty")]);
    assert!(store.data["away"].is_null());
}

#[test]
fn what_cannot_be_read_hides_nothing_else() {
    let root = Root::new();
    root.manifest("run", &json!({"status": "succeeded"}));
    fs::write(root.run_dir("broken").join("manifest.json"), "{\"status\"").unwrap();
    let closed = root.manifest_of("closed", "run", &json!({"status": "succeeded"}));
    let secret = root.manifest("secret", &json!({"status": "succeeded"})).join("manifest.json");
    fs::set_permissions(&secret, Permissions::from_mode(0o0)).unwrap();
    let cli = closed.parent().unwrap();
    fs::set_permissions(cli, Permissions::from_mode(0o0)).unwrap();
    let served = Served::of(&mut without_privileges(&serve(root.path(), "127.0.0.1:0")));
    let mut events = served.events();
    let (runs, _) = events.all();
    assert_eq!(
        states(&runs),
        [("", "unreadable"), ("broken", "unreadable"), ("run", "done"), ("secret", "unreadable")]
    );
    let told = served.get("/api/run?task=task&run=secret").json();
    assert_eq!(told["problem"], "cannot open manifest.json: open: Permission denied (os error 13)");
    // The directory of all of them is another matter, and it is taken up again.
    let all = root.path().join(".runs");
    fs::set_permissions(&all, Permissions::from_mode(0o0)).unwrap();
    let away = std::iter::from_fn(|| Some(events.next())).find(|it| !it.data["away"].is_null());
    assert_eq!(away.unwrap().kind, "store");
    fs::set_permissions(&all, Permissions::from_mode(0o755)).unwrap();
    std::iter::from_fn(|| Some(events.next())).find(|it| it.data["away"].is_null()).unwrap();
    fs::set_permissions(cli, Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn ten_thousand_runs_come_in_pieces_and_a_change_is_one_line() {
    let root = Root::new();
    for at in 0..MANY {
        let dir = root.cli(&format!("task-{}", at % 100)).join(format!("r{at}"));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("manifest.json"), r#"{"status":"succeeded"}"#).unwrap();
    }
    let served = Served::start(root.path());
    // Who does not read holds up nobody, and has no more in memory than the others.
    let mut deaf = TcpStream::connect(&served.address).unwrap();
    deaf.write_all(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut events = served.events();
    assert_eq!(events.next().kind, "all");
    let mut names = std::collections::BTreeSet::new();
    let mark = loop {
        let event = events.next();
        if event.kind == "store" {
            break event;
        }
        assert!(event.bytes < 128 * 1024, "{}", event.bytes);
        let runs = event.data["runs"].as_array().unwrap();
        names.extend(runs.iter().map(|run| run["run"].as_str().unwrap().to_owned()));
    };
    assert!(mark.data["away"].is_null());
    assert_eq!(names.len(), MANY);
    root.manifest_of("task-7", "r7", &json!({"status": "failed"}));
    let change = events.until("r7", "failed");
    assert_eq!(change.data["runs"].as_array().unwrap().len(), 1);
    assert!(change.bytes < 300, "{}", change.bytes);
}

#[test]
fn one_viewer_too_many_is_told_and_the_place_of_one_who_left_is_free() {
    let root = Root::new();
    root.manifest("run", &json!({"status": "queued"}));
    let served = Served::start(root.path());
    let mut viewers: Vec<_> = (0..64).map(|_| served.events()).collect();
    assert!(viewers.iter().all(|viewer| viewer.status == 200));
    let reply = served.get("/api/events");
    assert_eq!(reply.refusal(503), "too many pages are open, close one");
    assert_eq!(served.get("/").status, 200, "what is no stream is answered");
    drop(viewers.pop());
    wait_for("a free place", || served.events().status == 200);
    for viewer in &mut viewers {
        viewer.all();
    }
}
