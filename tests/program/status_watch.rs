//! `tandem status --watch`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;

use serde_json::json;

use crate::runs::{LONG_AGO, Root, now};
use crate::support::wait_for;

/// Told by the system, where it tells, and by looking.
const BOTH: [&[&str]; 2] = [&[], &["--poll"]];

#[test]
fn each_change_is_shown() {
    for args in BOTH {
        let root = Root::new();
        // Not even the directory of runs is there.
        let mut watched = root.watch(args);
        let dir = root.manifest("run", &json!({"status": "queued"}));
        watched.until("run", "queued");
        root.manifest("run", &json!({"status": "succeeded"}));
        watched.until("run", "done");

        // Another program may write in place.
        let mut manifest = File::create(dir.join("manifest.json")).unwrap();
        manifest.write_all(br#"{"status":"failed"}"#).unwrap();
        watched.until("run", "failed");
        manifest.set_len(0).unwrap();
        watched.until("run", "unreadable");
        fs::remove_file(dir.join("manifest.json")).unwrap();
        watched.until("run", "empty");
        fs::create_dir(dir.join("manifest.json")).unwrap();
        watched.until("run", "unreadable");
        fs::remove_dir(dir.join("manifest.json")).unwrap();
        watched.until("run", "empty");
        let in_progress = json!({"status": "in_progress", "heartbeat_at": LONG_AGO,
                                 "heartbeat_stale_after_seconds": 3600});
        root.manifest("run", &in_progress);
        watched.until("run", "stale");
        fs::write(dir.join("new"), now()).unwrap();
        fs::rename(dir.join("new"), dir.join(".heartbeat")).unwrap();
        watched.until("run", "live");

        // More of them, and other names.
        root.manifest("second", &json!({"status": "queued"}));
        watched.until("second", "queued");
        fs::rename(&dir, root.cli("task").join("renamed")).unwrap();
        let (gone, renamed) = (watched.next(), watched.next());
        let states = [&gone, &renamed].map(|row| (row["run"].clone(), row["state"].clone()));
        assert!(states.contains(&(json!("run"), json!("gone"))), "{states:?}");
        assert!(states.contains(&(json!("renamed"), json!("live"))), "{states:?}");
        root.manifest("renamed", &json!({"status": "cancelled"}));
        watched.until("renamed", "cancelled");
        fs::rename(root.path().join(".runs/task"), root.path().join(".runs/other")).unwrap();
        assert_eq!(watched.until("renamed", "cancelled")["task"], "other");
        root.manifest_of("other", "renamed", &json!({"status": "failed"}));
        watched.until("renamed", "failed");

        // All goes, and comes again.
        fs::remove_dir_all(root.path().join(".runs")).unwrap();
        watched.until("renamed", "gone");
        root.manifest_of("other", "renamed", &json!({"status": "queued"}));
        watched.until("renamed", "queued");
    }
}

#[test]
fn a_root_that_is_replaced_is_followed() {
    for args in BOTH {
        let base = tempfile::tempdir().unwrap();
        let path = |name: &str| base.path().join(name);
        let put = |root: &str, run: &str, status: &str| {
            let dir = path(root).join(".runs/task/cli").join(run);
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("new"), json!({"status": status}).to_string()).unwrap();
            fs::rename(dir.join("new"), dir.join("manifest.json")).unwrap();
        };
        let watch = |root: &str| {
            let mut command = crate::support::tandem(&["status", "--watch", "--json-lines"]);
            command.args(args).arg("--root").arg(path(root));
            crate::runs::Watched::start(&mut command)
        };
        put("root", "first", "queued");
        let mut watched = watch("root");
        watched.until("first", "queued");
        // Another one is put in its place; what becomes of the first is nobody's matter.
        put("next", "second", "queued");
        fs::rename(path("root"), path("old")).unwrap();
        fs::rename(path("next"), path("root")).unwrap();
        let (one, other) = (watched.next(), watched.next());
        let states = [&one, &other].map(|row| (row["run"].clone(), row["state"].clone()));
        assert!(states.contains(&(json!("first"), json!("gone"))), "{states:?}");
        assert!(states.contains(&(json!("second"), json!("queued"))), "{states:?}");
        put("old", "first", "failed");
        put("root", "second", "failed");
        assert_eq!(watched.next()["run"], "second");
        // It is removed, and made again.
        fs::remove_dir_all(path("root")).unwrap();
        watched.until("second", "gone");
        put("root", "third", "succeeded");
        watched.until("third", "done");
        // It is moved away, and comes back as it was.
        fs::rename(path("root"), path("away")).unwrap();
        watched.until("third", "gone");
        fs::rename(path("away"), path("root")).unwrap();
        watched.until("third", "done");
        put("root", "third", "failed");
        watched.until("third", "failed");
        // A link leads elsewhere.
        symlink("root", path("current")).unwrap();
        let mut watched = watch("current");
        watched.until("third", "failed");
        symlink("old", path("next")).unwrap();
        fs::rename(path("next"), path("current")).unwrap();
        watched.until("first", "failed");
    }
}

#[test]
fn a_run_that_has_two_names_changes_under_both() {
    for args in BOTH {
        let root = Root::new();
        root.manifest("run", &json!({"status": "queued"}));
        symlink("task", root.path().join(".runs/other")).unwrap();
        let mut watched = root.watch(args);
        for state in ["queued", "failed", "cancelled"] {
            root.manifest("run", &json!({"status": state}));
            let mut tasks = BTreeSet::new();
            while tasks.len() < 2 {
                tasks.insert(watched.until("run", state)["task"].to_string());
            }
        }
    }
}

#[test]
fn a_run_turns_stale_without_any_change() {
    for args in BOTH {
        let root = Root::new();
        let manifest = json!({"status": "in_progress", "heartbeat_at": now(),
                              "heartbeat_stale_after_seconds": 3});
        root.manifest("run", &manifest);
        root.manifest("other", &json!({"status": "succeeded"}));
        root.watch(args).until("run", "stale");
    }
}

#[test]
fn a_selection_holds_when_watched() {
    for args in BOTH {
        let root = Root::new();
        root.manifest("done", &json!({"status": "succeeded"}));
        root.manifest("queued", &json!({"status": "queued"}));
        root.manifest_of("other", "queued", &json!({"status": "queued"}));
        let mut watched =
            root.watch(&[&["--task", "task", "--state", "queued,failed"][..], args].concat());
        assert_eq!(watched.next()["run"], "queued");
        // It is the last line of a run that it is no longer selected.
        root.manifest("queued", &json!({"status": "succeeded"}));
        assert_eq!(watched.next()["state"], "done");
        root.manifest_of("other", "another", &json!({"status": "queued"}));
        root.manifest("queued", &json!({"status": "cancelled"}));
        root.manifest("last", &json!({"status": "failed"}));
        assert_eq!(watched.next()["run"], "last");

        let mut watched = root.watch(&[&["--run", "new"][..], args].concat());
        root.manifest("not-new", &json!({"status": "queued"}));
        root.manifest("new", &json!({"status": "queued"}));
        let row = watched.next();
        assert_eq!((&row["run"], &row["task"]), (&json!("new"), &json!("task")));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_has_not_changed_is_not_looked_at_again() {
    let root = Root::new();
    root.manifest("run", &json!({"status": "queued"}));
    let other = root.manifest_of("task", "other", &json!({"status": "queued"}));
    root.manifest_of("other", "run", &json!({"status": "queued"}));
    let mut opened = crate::opened::Opened::watch([root.cli("other"), other]);
    let mut watched = root.watch(&[]);
    for _ in 0..3 {
        watched.next();
    }
    // A directory is listed, a file in the other one is read.
    assert_eq!(opened.since().len(), 2);
    for state in ["failed", "queued", "failed", "cancelled"] {
        root.manifest("run", &json!({"status": state}));
        watched.until("run", state);
    }
    assert!(opened.since().is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn without_notices_a_file_is_read_again_when_its_times_have_changed() {
    let root = Root::new();
    root.manifest("run", &json!({"status": "queued"}));
    let other = root.manifest("other", &json!({"status": "in_progress"}));
    fs::write(other.join(".heartbeat"), LONG_AGO).unwrap();
    let files = [other.join("manifest.json"), other.join(".heartbeat")];
    let mut opened = crate::opened::Opened::watch(&files);
    let mut watched = root.watch(&["--poll"]);
    watched.until("other", "stale");
    assert_eq!(opened.since().len(), 2);
    // A file that has just been written is read again until its times tell each change.
    let states = ["failed", "queued"];
    let mut turn = 0;
    wait_for("turn without a read", || {
        let state = states[turn % 2];
        turn += 1;
        root.manifest("run", &json!({"status": state}));
        watched.until("run", state);
        opened.since().is_empty()
    });
    fs::write(other.join(".heartbeat"), now()).unwrap();
    watched.until("other", "live");
    assert_eq!(opened.since(), BTreeSet::from([files[1].clone()]));
}

/// The system keeps a limited number of notices, and says that there were more.
#[cfg(target_os = "linux")]
#[test]
fn what_changes_while_too_many_notices_wait_is_shown() {
    use crate::support::kill;
    use rustix::process::Signal;
    let root = Root::new();
    let noisy = root.manifest("noisy", &json!({"status": "queued"}));
    root.manifest("quiet", &json!({"status": "queued"}));
    let mut watched = root.watch(&[]);
    for _ in 0..2 {
        watched.next();
    }
    kill(&watched.child, Signal::STOP);
    wait_for("stop", || state_of(&watched.child) == "T");
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    // Equal ones after each other count once.
    for _ in 0..limit {
        fs::rename(noisy.join("manifest.json"), noisy.join("a")).unwrap();
        fs::rename(noisy.join("a"), noisy.join("manifest.json")).unwrap();
    }
    root.manifest("quiet", &json!({"status": "failed"}));
    root.manifest_of("late", "late", &json!({"status": "failed"}));
    kill(&watched.child, Signal::CONT);
    watched.until("quiet", "failed");
    root.manifest_of("late", "late", &json!({"status": "succeeded"}));
    watched.until("late", "done");
    root.manifest("quiet", &json!({"status": "succeeded"}));
    watched.until("quiet", "done");
}

#[cfg(target_os = "linux")]
fn state_of(child: &crate::support::Guarded) -> String {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    stat.rsplit(')').next().unwrap().split_whitespace().next().unwrap().to_owned()
}

/// A user namespace has limits of its own.
#[cfg(target_os = "linux")]
#[test]
fn where_not_all_can_be_watched_the_rest_is_looked_at_with_a_word() {
    for (limit, value, word) in [
        ("max_inotify_watches", 6, "fs.inotify.max_user_watches"),
        ("max_inotify_instances", 0, "fs.inotify.max_user_instances"),
    ] {
        let root = Root::new();
        for run in 0..8 {
            root.manifest(&format!("run-{run}"), &json!({"status": "queued"}));
        }
        let mut watched = limited(&root, limit, value);
        for run in 0..8 {
            let run = format!("run-{run}");
            root.manifest(&run, &json!({"status": "failed"}));
            watched.until(&run, "failed");
        }
        root.manifest_of("late", "late", &json!({"status": "succeeded"}));
        watched.until("late", "done");
        watched.child.kill().unwrap();
        let mut stderr = String::new();
        std::io::Read::read_to_string(watched.child.stderr.as_mut().unwrap(), &mut stderr).unwrap();
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(word) && stderr.contains("each second"), "{stderr}");
    }
}

#[cfg(target_os = "linux")]
fn limited(root: &Root, limit: &str, value: u32) -> crate::runs::Watched {
    let status = root.status(&["--watch", "--json-lines"]);
    let mut command = std::process::Command::new("unshare");
    let script = format!("echo {value} > /proc/sys/user/{limit} && exec \"$@\"");
    command.args(["--user", "--map-root-user", "sh", "-c", &script, "sh"]);
    command.arg(status.get_program()).args(status.get_args());
    crate::runs::Watched::start(&mut command)
}

#[test]
fn the_table_is_cut_to_the_screen_and_the_rest_is_counted() {
    let root = Root::new();
    for run in 0..40 {
        let long = "x".repeat(200);
        root.manifest(
            &format!("run-{run:02}"),
            &json!({"status": "failed", "status_detail": long}),
        );
    }
    let mut command = root.status(&["--watch", "--sort", "task", "--state", "failed,queued"]);
    let terminal = crate::terminal::Terminal::start(&mut command, Some("xterm"));
    terminal.resize(10, 60);
    // Nine lines, since the cursor stays below: the head, seven runs, the count.
    wait_for("count", || last_picture(&terminal).last().is_some_and(|line| line == "and 33 more"));
    let lines = last_picture(&terminal);
    assert_eq!(lines.len(), 9, "{lines:#?}");
    assert!(lines.iter().all(|line| line.chars().count() <= 60), "{lines:#?}");
    assert!(lines[0].starts_with("TASK") && lines[1].contains("failed  -"), "{lines:#?}");
    // A change is among them.
    root.manifest_of("!", "first", &json!({"status": "queued"}));
    wait_for("change", || terminal.shows("queued"));
    // A larger screen has room for all.
    terminal.resize(60, 60);
    wait_for("all", || last_picture(&terminal).len() == 42);
    assert!(!last_picture(&terminal).concat().contains("more"));
    // What is gone is gone from the screen.
    fs::remove_dir_all(root.cli("task")).unwrap();
    wait_for("rest", || last_picture(&terminal).len() == 2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_watch_in_the_background_leaves_the_terminal_to_the_others() {
    let root = Root::new();
    let dir = root.manifest("run", &json!({"status": "queued"}));
    let mut opened = crate::opened::Opened::watch([root.path().join(".runs")]);
    let script = "set -m; \"$TANDEM\" status --watch --poll & echo begun; read go; fg";
    let mut bash = std::process::Command::new("bash");
    bash.args(["--norc", "--noprofile", "-c", script]).current_dir(root.path());
    bash.env("TANDEM", env!("CARGO_BIN_EXE_tandem"));
    crate::support::with_default_signals();
    let mut terminal = crate::terminal::Terminal::start(&mut bash, Some("xterm"));
    // Each look would be drawn.
    for status in ["failed", "cancelled", "queued"] {
        opened.since();
        wait_for("a look", || !opened.since().is_empty());
        root.manifest("run", &json!({"status": status}));
    }
    wait_for("the shell", || terminal.shows("begun"));
    assert!(!terminal.shows("\u{1b}[H"), "{}", terminal.text());
    fs::write(dir.join("manifest.json"), json!({"status": "succeeded"}).to_string()).unwrap();
    terminal.press("\n");
    wait_for("the table", || last_picture(&terminal).iter().any(|line| line.contains("done")));
    terminal.press("\u{3}");
    terminal.end();
}

/// The lines that were drawn last, and whole.
fn last_picture(terminal: &crate::terminal::Terminal) -> Vec<String> {
    let shown = terminal.text();
    let Some((whole, _)) = shown.rsplit_once("\u{1b}[J") else { return Vec::new() };
    let picture = whole.rsplit_once("\u{1b}[H").map_or("", |(_, picture)| picture);
    let line = |line: &str| line.replace("\u{1b}[K", "").trim_end_matches('\r').to_owned();
    picture.split_terminator('\n').map(line).collect()
}
