//! One bad file, directory, name or time hides no other run from `tandem status`.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::runs::{LONG_AGO, Root, rows_of};
use crate::support::{assert_one_line, run, text, without_privileges};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Puts a good run before and after all others, and one into another task.
fn among_good_ones() -> Root {
    let root = Root::new();
    let good = json!({"status": "succeeded"});
    root.manifest("!good", &good);
    root.manifest("~good", &good);
    root.manifest_of("~task", "good", &good);
    root
}

/// Checks that the good ones are shown, in every form, and answers what is shown of `task`.
fn shown(root: &Root) -> HashMap<String, Value> {
    let is_good = |row: &&Value| row["run"].as_str().unwrap().ends_with("good");
    let rows = root.rows();
    assert_eq!(rows.iter().filter(is_good).filter(|row| row["state"] == "done").count(), 3);
    for args in [&[][..], &["--json-lines"], &["--sort", "heartbeat"]] {
        let output = run(&mut root.status(args));
        assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(0), ""));
        let table = text(&output.stdout);
        assert_eq!(table.matches("good").count(), 3, "{table}");
        let head = usize::from(args != ["--json-lines"]);
        assert_eq!(table.lines().count(), rows.len() + head, "{table}");
    }
    let of_task = rows.into_iter().filter(|row| row["task"] == "task");
    of_task.map(|row| (row["run"].as_str().unwrap().to_owned(), row)).collect()
}

fn set_modified(path: &Path, at: SystemTime) {
    File::open(path).unwrap().set_modified(at).unwrap();
}

#[test]
fn a_manifest_that_is_no_file_hides_no_run() {
    let root = among_good_ones();
    let place = |run| root.run_dir(run).join("manifest.json");
    fs::create_dir(place("directory")).unwrap();
    assert!(Command::new("mkfifo").arg(place("pipe")).status().unwrap().success());
    // A socket's path has about a hundred bytes at most.
    let socket = tempfile::tempdir_in("/tmp").unwrap();
    let _listener = UnixListener::bind(socket.path().join("s")).unwrap();
    fs::rename(socket.path().join("s"), place("socket")).unwrap();
    symlink("/dev/zero", place("link-to-device")).unwrap();
    symlink("/etc/passwd", place("link-out")).unwrap();
    symlink("manifest.json", place("link-to-itself")).unwrap();
    symlink("../!good/manifest.json", place("link-to-other")).unwrap();
    File::create(place("huge")).unwrap().set_len(100 << 20).unwrap();
    symlink("nowhere", root.cli("task").join("dangling")).unwrap();
    symlink("loop", root.cli("task").join("loop")).unwrap();
    symlink("/", root.cli("task").join("run-links-out")).unwrap();
    fs::write(root.cli("task").join("file"), "").unwrap();

    let shown = shown(&root);
    for (run, why) in [
        ("directory", "manifest.json is a directory"),
        ("pipe", "manifest.json is a pipe"),
        ("socket", "manifest.json is a socket"),
        ("link-to-device", "manifest.json is a symbolic link"),
        ("link-out", "manifest.json is a symbolic link"),
        ("link-to-itself", "manifest.json is a symbolic link"),
        ("link-to-other", "manifest.json is a symbolic link"),
        ("huge", "manifest.json is above the limit of 16777216 bytes"),
        ("loop", "cannot open loop: "),
        ("run-links-out", "cannot open run-links-out: "),
    ] {
        assert_eq!(shown[run]["state"], "unreadable", "{run}");
        let detail = shown[run]["detail"].as_str().unwrap();
        assert!(detail.starts_with(why), "{detail}");
    }
    // Neither is a run.
    assert!(!shown.contains_key("dangling") && !shown.contains_key("file"));
}

/// Only root can make one.
#[test]
fn a_manifest_that_is_a_device_hides_no_run() {
    let root = among_good_ones();
    let device = root.run_dir("device").join("manifest.json");
    if rustix::process::geteuid().is_root() {
        let made = Command::new("mknod").arg(&device).args(["c", "1", "5"]).status().unwrap();
        assert!(made.success());
        assert_eq!(shown(&root)["device"]["detail"], "manifest.json is a device");
    }
}

#[test]
fn what_is_in_a_manifest_hides_no_run() {
    let root = among_good_ones();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_member = format!(r#"{{"status":"failed","commands":{deep},"summary":{deep}}}"#);
    let deep_object = r#"{"a":"#.repeat(100_000) + "1" + &"}".repeat(100_000);
    let numbers = r#"{"status":"in_progress","heartbeat_stale_after_seconds":1e999,
        "commands":[{"exit_code":1e999},{"exit_code":-1e999}],"summary":-1e999}"#;
    let many = format!(
        r#"{{"status":"failed",{}"commands":[{}0]}}"#,
        r#""":0,"#.repeat(500_000),
        "0,".repeat(500_000)
    );
    let other_types = r#"{"status":["succeeded"],"started_at":{},"heartbeat_at":7,
        "heartbeat_stale_after_seconds":"soon","commands":{"exit_code":1},"status_detail":[]}"#;
    let marked = "\u{feff}{\"status\":\"failed\"}";
    for (run, content, state) in [
        ("empty", &b""[..], "unreadable"),
        ("zeros", &[0; 4096], "unreadable"),
        ("nul-inside", b"{\"status\":\"fail\0ed\"}", "unreadable"),
        ("not-utf8", b"{\"status\":\"failed\",\"x\":\"\xff\"}", "unreadable"),
        ("surrogate", br#"{"status":"failed","summary":"\ud800","x\ud800":1}"#, "unreadable"),
        ("torn", b"{\"status\":\"fail", "unreadable"),
        ("two", b"{\"status\":\"failed\"}{}", "unreadable"),
        ("deep", deep.as_bytes(), "unreadable"),
        ("deep-object", deep_object.as_bytes(), "unknown"),
        ("deep-member", deep_member.as_bytes(), "failed"),
        ("numbers", numbers.as_bytes(), "live"),
        ("many", many.as_bytes(), "failed"),
        ("other-types", other_types.as_bytes(), "unknown"),
        ("byte-order-mark", marked.as_bytes(), "failed"),
    ] {
        fs::write(root.run_dir(run).join("manifest.json"), content).unwrap();
        assert_eq!(root.row(run)["state"], state, "{run}");
    }
    shown(&root);
}

#[test]
fn a_long_text_is_shown_by_its_beginning() {
    let root = among_good_ones();
    let long = "é".repeat(1 << 20);
    root.manifest("long", &json!({"status": "failed", "status_detail": long}));
    root.manifest("other", &json!({"status": long, "started_at": long}));
    let shown = shown(&root);
    assert_eq!(shown["long"]["detail"], format!("{}...", "é".repeat(1_000)));
    assert!(shown["other"].to_string().len() < 1_000);
}

#[test]
fn no_time_in_a_manifest_or_heartbeat_hides_a_run() {
    let root = among_good_ones();
    for (at, text) in [
        "0000-01-01T00:00:00.000Z",
        "0000-00-00T00:00:00.000Z",
        "9999-12-31T23:59:59.999Z",
        "-1",
        "-0001-01-01T00:00:00.000Z",
        "292277026596-12-04T15:30:07.999Z",
        "1969-12-31T23:59:59.999Z",
        "1901-12-13T20:45:52.000Z",
        "2026-13-45T99:99:99.999Z",
        "2026-01-01T00:00:60.000Z",
        "2026-01-01T00:00:00.99999999999999999999Z",
        "\u{661}970-01-01T00:00:00Z",
        "",
    ]
    .iter()
    .enumerate()
    {
        let manifest = json!({"status": "in_progress", "started_at": text, "heartbeat_at": text});
        let dir = root.manifest(&format!("run-{at}"), &manifest);
        fs::write(dir.join(".heartbeat"), text).unwrap();
    }
    let shown = shown(&root);
    assert_eq!(shown.len(), 2 + 13);
    // The third one is ahead of every clock.
    assert_eq!(shown["run-2"]["state"], "stale");
}

#[test]
fn no_time_of_a_file_hides_a_run() {
    let root = among_good_ones();
    let epoch = SystemTime::UNIX_EPOCH;
    for (run, at) in [
        ("1901", epoch - 24_855 * DAY),
        ("1969", epoch - Duration::from_nanos(1)),
        ("2446", epoch + 173_855 * DAY),
        // Some file systems take it, others the latest that they know.
        ("99999", epoch + 35_806_000 * DAY),
    ] {
        for with_heartbeat in [false, true] {
            let run = format!("{run}-{with_heartbeat}");
            let dir = root.manifest(&run, &json!({"status": "in_progress"}));
            if with_heartbeat {
                fs::write(dir.join(".heartbeat"), "no time").unwrap();
                set_modified(&dir.join(".heartbeat"), at);
            }
            set_modified(&dir.join("manifest.json"), at);
            let without = root.run_dir(&format!("{run}-empty"));
            set_modified(&without, at);
        }
    }
    let shown = shown(&root);
    for (run, row) in shown.iter().filter(|(run, _)| run.ends_with("-true")) {
        assert_eq!(row["state"], "stale", "{run}");
    }
    assert_eq!(shown["1901-true"]["heartbeat_at"], Value::Null);
    let detail = shown["2446-true"]["detail"].as_str().unwrap();
    assert!(detail.starts_with("heartbeat is ahead of the clock: 2"), "{detail}");
    assert_eq!(shown["1901-false-empty"]["state"], "empty");
}

#[test]
fn no_heartbeat_hides_a_run() {
    let root = among_good_ones();
    let heartbeat = |run: &str| {
        let manifest = json!({"status": "in_progress", "heartbeat_at": LONG_AGO});
        root.manifest(run, &manifest).join(".heartbeat")
    };
    fs::create_dir(heartbeat("directory")).unwrap();
    assert!(Command::new("mkfifo").arg(heartbeat("pipe")).status().unwrap().success());
    symlink("/dev/zero", heartbeat("link")).unwrap();
    File::create(heartbeat("huge")).unwrap().set_len(100 << 20).unwrap();
    for run in ["directory", "pipe", "link", "huge"] {
        assert_eq!(root.row(run)["state"], "stale", "{run}");
    }
    // What tells no time was at least written now.
    for (run, content) in [("garbage", &b"\xff\0\x1b[2J"[..]), ("empty", b""), ("zeros", &[0; 25])]
    {
        fs::write(heartbeat(run), content).unwrap();
        assert_eq!(root.row(run)["state"], "live", "{run}");
    }
    shown(&root);
}

#[test]
fn what_may_not_be_read_hides_no_run() {
    let root = among_good_ones();
    let locked = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    let dir = root.manifest("directory", &json!({"status": "succeeded"}));
    locked(&dir, 0);
    let dir = root.manifest("manifest", &json!({"status": "succeeded"}));
    locked(&dir.join("manifest.json"), 0);
    // To enter is enough.
    let dir = root.manifest("entered", &json!({"status": "succeeded"}));
    locked(&dir, 0o100);
    let dir = root.manifest("heartbeat", &json!({"status": "in_progress"}));
    fs::write(dir.join(".heartbeat"), LONG_AGO).unwrap();
    locked(&dir.join(".heartbeat"), 0);
    root.manifest_of("closed-task", "run", &json!({"status": "succeeded"}));
    locked(&root.path().join(".runs/closed-task"), 0);
    root.manifest_of("closed-runs", "run", &json!({"status": "succeeded"}));
    locked(&root.cli("closed-runs"), 0);

    let rows = rows_of(without_privileges(&root.status(&[])).arg("--json"));
    let row = |task: &str, run: &str| {
        rows.iter().find(|row| row["task"] == task && row["run"] == run).unwrap()
    };
    for (task, run, why) in [
        ("task", "directory", "cannot look at manifest.json: stat: Permission denied"),
        ("task", "manifest", "cannot open manifest.json: open: Permission denied"),
        ("closed-task", "", "cannot open cli: open: Permission denied"),
        ("closed-runs", "", "cannot list cli: open: Permission denied"),
    ] {
        assert_eq!(row(task, run)["state"], "unreadable", "{task} {run}");
        assert!(row(task, run)["detail"].as_str().unwrap().starts_with(why), "{task} {run}");
    }
    assert_eq!(row("task", "entered")["state"], "done");
    // Without its heartbeat it is as old as its manifest.
    assert_eq!(row("task", "heartbeat")["state"], "live");
    for (task, run) in [("task", "!good"), ("task", "~good"), ("~task", "good")] {
        assert_eq!(row(task, run)["state"], "done");
    }
    for dir in [".runs/closed-task", ".runs/closed-runs/cli", ".runs/task/cli/directory"] {
        locked(&root.path().join(dir), 0o700);
    }
}

#[test]
fn no_name_hides_a_run() {
    let root = among_good_ones();
    let manifest = r#"{"status":"succeeded"}"#;
    for run in
        [&b"not-utf8-\xff"[..], b"\xff\xfe", b"new\nline", b"\x1b[2J", b"\x7f \t", b"-", b"\\"]
    {
        let dir = root.cli("task").join(OsStr::from_bytes(run));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("manifest.json"), manifest).unwrap();
    }
    let task = root.path().join(".runs").join(OsStr::from_bytes(b"task-\xff"));
    fs::create_dir_all(task.join("cli/run")).unwrap();
    fs::write(root.cli("task").join(OsStr::from_bytes(b"file-\xff")), "").unwrap();
    root.run_dir(&"x".repeat(255));

    let shown = shown(&root);
    for run in ["not-utf8-\u{fffd}", "\u{fffd}\u{fffd}"] {
        let row = &shown[run];
        assert_eq!(
            (&row["state"], &row["detail"]),
            (&json!("unreadable"), &json!("its name is not UTF-8"))
        );
    }
    for run in ["new\nline", "\u{1b}[2J", "\u{7f} \t", "-", "\\"] {
        assert_eq!(shown[run]["state"], "done", "{run:?}");
    }
    assert!(!shown.contains_key("file-\u{fffd}"));
    let task = root.rows().into_iter().find(|row| row["task"] == "task-\u{fffd}").unwrap();
    assert_eq!((&task["run"], &task["state"]), (&json!("run"), &json!("unreadable")));
}

/// Ends other threads, also if this one panics.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn what_vanishes_while_it_is_listed_hides_no_run() {
    let root = among_good_ones();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for task in 0..2 {
            let (root, is_over) = (&root, &is_over);
            scope.spawn(move || {
                let name = format!("vanishing-{task}");
                while !is_over.load(Ordering::Relaxed) {
                    for run in 0..20 {
                        let run = format!("run-{run}");
                        root.manifest_of(&name, &run, &json!({"status": "succeeded"}));
                    }
                    fs::remove_dir_all(root.path().join(".runs").join(&name)).unwrap();
                }
            });
        }
        let over = Over(&is_over);
        let rows: Vec<_> = (0..60).flat_map(|_| root.rows()).collect();
        drop(over);
        assert_eq!(
            rows.iter().filter(|row| row["run"].as_str().unwrap().ends_with("good")).count(),
            180
        );
        // None is shown as bad for that, but one without its manifest.
        for row in rows {
            assert!(row["state"] == "done" || row["state"] == "empty", "{row}");
        }
    });
}

#[test]
fn a_directory_of_tasks_that_may_not_be_listed_is_one_line_and_exit_code_1() {
    let root = among_good_ones();
    let runs = root.path().join(".runs");
    fs::set_permissions(&runs, Permissions::from_mode(0o000)).unwrap();
    let output = run(&mut without_privileges(&root.status(&[])));
    fs::set_permissions(&runs, Permissions::from_mode(0o700)).unwrap();
    let stderr = assert_one_line(&output, 1);
    assert!(stderr.contains("cannot list .runs: open: Permission denied"), "{stderr}");
}
