//! `tandem prune`, and `tandem exec --prune`.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{
    Guarded, Root, assert_one_line, history, history_path, hold_lock, kill, run, tandem, text,
    wait_for, without_privileges,
};

impl Root {
    fn task(&self) -> PathBuf {
        self.path().join(".runs/task")
    }

    /// Puts a run there that ended so many hours ago, with what its user left in it.
    fn over(&self, run: &str, status: &str, hours: u64) -> PathBuf {
        let dir = self.run_dir(run);
        fs::create_dir_all(dir.join("artifacts/logs")).unwrap();
        fs::write(dir.join("artifacts/logs/log"), run).unwrap();
        let ended = SystemTime::now() - Duration::from_secs(3600 * hours);
        let at = humantime::format_rfc3339_millis(ended).to_string();
        let manifest = json!({"status": status, "completed_at": at, "heartbeat_at": at});
        for (name, content) in
            [("manifest.json", manifest.to_string()), (".heartbeat", format!("{at}\n"))]
        {
            fs::write(dir.join(name), content).unwrap();
            File::options().write(true).open(dir.join(name)).unwrap().set_modified(ended).unwrap();
        }
        dir
    }

    fn prune(&self, args: &[&str]) -> Command {
        let mut command = tandem(&["prune", "--root"]);
        command.arg(self.path()).args(args);
        command
    }

    /// Prunes with `--yes`, and gives what JSON tells.
    fn pruned(&self, args: &[&str]) -> Value {
        let output = run(self.prune(args).args(["--yes", "--json"]));
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(
            (text(&output.stdout).lines().count(), text(&output.stderr)),
            (1, String::new())
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Every path below the root.
    fn paths(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut waiting = vec![self.path().to_owned()];
        while let Some(dir) = waiting.pop() {
            for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    waiting.push(entry.path());
                }
                found.insert(entry.path().strip_prefix(self.path()).unwrap().to_owned());
            }
        }
        found
    }

    /// The runs that have a directory.
    fn runs(&self) -> BTreeSet<String> {
        names(&self.task().join("cli"))
    }

    fn recorded(&self) -> Vec<String> {
        let history = history(self.path(), "task");
        let runs = history["runs"].as_array().unwrap().iter();
        runs.map(|run| run["runId"].as_str().unwrap().to_owned()).collect()
    }

    fn assert_no_leftovers(&self) {
        let paths = self.paths();
        let is_left = |path: &&PathBuf| path.to_string_lossy().contains("tandem-tmp");
        assert_eq!(paths.iter().filter(is_left).collect::<Vec<_>>(), Vec::<&PathBuf>::new());
    }
}

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn set(runs: &[&str]) -> BTreeSet<String> {
    runs.iter().map(|run| (*run).to_owned()).collect()
}

fn shown(pruned: &Value) -> Vec<(&str, bool)> {
    let runs = pruned["runs"].as_array().unwrap().iter();
    runs.map(|run| (run["run"].as_str().unwrap(), run["removed"].as_bool().unwrap())).collect()
}

fn assert_silent_success(output: &Output) {
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
}

fn piped(command: &mut Command) -> Guarded {
    Guarded::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()))
}

#[test]
fn without_yes_it_only_shows_what_would_go() {
    let root = Root::new();
    for (run, hours) in [("a", 3), ("b", 2), ("c", 1)] {
        root.over(run, "succeeded", hours);
    }
    let before = root.paths();
    for args in [&["--keep-last", "1"][..], &["--keep-last", "1", "--dry-run"]] {
        let output = run(&mut root.prune(args));
        assert_silent_success(&output);
        let table = text(&output.stdout);
        let runs: Vec<_> =
            table.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(runs[..3], ["RUN", "b", "a"], "{table}");
        assert!(table.contains("2 runs and 0 leftovers"), "{table}");
        assert!(table.contains("would be removed; to remove them, say --yes"), "{table}");
        assert_eq!(root.paths(), before);
    }
}

#[test]
fn what_may_not_be_removed_is_told_with_the_call_and_a_way_out() {
    let root = Root::new();
    let logs = root.over("a", "succeeded", 1).join("artifacts/logs");
    fs::set_permissions(logs, Permissions::from_mode(0o555)).unwrap();
    let prune = || {
        let command = root.prune(&["--older-than", "0s", "--yes"]);
        run(&mut without_privileges(&command))
    };
    for again in [false, true] {
        let done = prune();
        let (stdout, stderr) = (text(&done.stdout), text(&done.stderr));
        assert_eq!(done.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("rename: Permission denied (os error 13)"), "{stderr}");
        assert!(stderr.contains("make it writable (chmod -R u+w)"), "{stderr}");
        assert!(stdout.contains(if again { "0 runs and" } else { "1 run and" }), "{stdout}");
        assert!(stdout.ends_with("removed; something of 1 directory stays\n"), "{stdout}");
        assert_eq!(root.runs(), set(&[]));
    }
    for path in root.paths() {
        let path = root.path().join(path);
        if path.is_dir() {
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
    }
    assert_silent_success(&prune());
    root.assert_no_leftovers();
}

#[test]
fn directories_that_lie_deep_are_removed() {
    let root = Root::new();
    let dir = root.over("a", "succeeded", 1);
    let script = "i=0; while [ $i -lt 1000 ]; do mkdir d && cd d || exit 1; i=$((i+1)); done";
    let mut shell = Command::new("sh");
    assert!(run(shell.args(["-c", script]).current_dir(dir)).status.success());
    assert_eq!(shown(&root.pruned(&["--older-than", "0s"])), [("a", true)]);
    assert_eq!(names(&root.task().join("cli")), set(&[]));
    assert_eq!(names(&root.task()), set(&["cli"]));
}

#[test]
fn without_a_rule_no_run_goes() {
    let root = Root::new();
    root.over("a", "succeeded", 1000);
    assert_eq!(shown(&root.pruned(&[])), []);
    assert_eq!(root.runs(), set(&["a"]));
}

#[test]
fn a_run_goes_if_every_rule_lets_it_go() {
    let root = Root::new();
    for (run, status, hours) in [
        ("a", "succeeded", 50),
        ("b", "failed", 40),
        ("c", "cancelled", 30),
        ("d", "succeeded", 20),
        ("e", "in_progress", 60),
        ("f", "queued", 70),
        ("g", "paused", 70),
    ] {
        root.over(run, status, hours);
    }
    let would_go = |args: &[&str]| {
        let output = run(root.prune(args).arg("--json"));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        shown(&told).iter().map(|(run, _)| (*run).to_owned()).collect::<String>()
    };
    assert_eq!(would_go(&["--older-than", "35h"]), "bae");
    assert_eq!(would_go(&["--keep-last", "2"]), "bae");
    assert_eq!(would_go(&["--keep-last", "3", "--older-than", "55h"]), "e");
    assert_eq!(would_go(&["--state", "done", "--keep-last", "1"]), "a");
    assert_eq!(would_go(&["--state", "queued", "--state", "unknown"]), "gf");
    // As `status` takes them.
    assert_eq!(would_go(&["--state", "done,failed,queued", "--state", "unknown"]), "dbagf");
    assert_eq!(would_go(&["--task", "other", "--older-than", "0s"]), "");
}

#[test]
fn a_run_goes_whole_and_its_entry_in_the_history_stays_unless_asked() {
    let root = Root::new();
    for id in ["a", "b", "c"] {
        assert_silent_success(&run(root.exec(&["--run", id]).arg("true")));
    }
    fs::write(root.run_dir("a").join("mine"), "").unwrap();
    let pruned = root.pruned(&["--keep-last", "1"]);
    assert_eq!((shown(&pruned), &pruned["entries"]), (vec![("b", true), ("a", true)], &json!(0)));
    assert_eq!(root.runs(), set(&["c"]));
    assert_eq!(names(&root.task()), set(&["c", "cli"]));
    assert_eq!(root.recorded(), ["a", "b", "c"]);
    // What has nothing but an entry is found by it.
    let pruned = root.pruned(&["--keep-last", "1", "--history"]);
    assert_eq!((shown(&pruned), &pruned["entries"]), (vec![("b", true), ("a", true)], &json!(2)));
    assert_eq!(root.recorded(), ["c"]);
}

#[test]
fn a_live_run_never_goes() {
    let root = Root::new();
    root.over("old", "succeeded", 1);
    let mut live = piped(root.exec(&["--run", "live"]).arg("cat"));
    let manifest = root.run_dir("live").join("manifest.json");
    wait_for("a manifest", || {
        fs::read_to_string(&manifest).is_ok_and(|text| text.contains("in_progress"))
    });
    // Neither does one that looks as if it were over, and whose end is not recorded.
    let dir = root.over("ending", "succeeded", 1);
    fs::write(dir.join(".heartbeat"), "").unwrap();
    let pruned = root.pruned(&["--older-than", "0s", "--history"]);
    assert_eq!(shown(&pruned), [("ending", false), ("old", true)]);
    assert_eq!(pruned["runs"][0]["detail"], "it has shown a sign of life");
    assert_eq!(root.runs(), set(&["ending", "live"]));
    drop(live.stdin.take());
    assert!(live.wait().success());
    assert_eq!(root.recorded(), ["live"]);
    assert_eq!(shown(&root.pruned(&["--older-than", "0s"]))[0], ("live", true));
}

#[test]
fn beside_eight_writers_nothing_of_theirs_is_lost() {
    const WRITERS: usize = 8;
    const RUNS: usize = 4;
    let root = Root::new();
    let records = |writer: usize| {
        for n in 0..RUNS {
            let id = format!("r{writer}-{n}");
            assert_silent_success(&run(root.exec(&["--run", &id]).args(["echo", &id])));
        }
    };
    thread::scope(|scope| {
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| scope.spawn(move || records(writer))).collect();
        while !writers.iter().all(|writer| writer.is_finished()) {
            root.pruned(&["--keep-last", "2"]);
        }
    });
    root.pruned(&["--keep-last", "2"]);
    assert_eq!(root.recorded().len(), WRITERS * RUNS);
    assert_eq!(root.runs().len(), 2);
    for kept in root.runs() {
        assert_eq!(names(&root.run_dir(&kept)), set(&["manifest.json", ".heartbeat"]));
    }
    root.assert_no_leftovers();
}

#[test]
fn a_prune_that_is_killed_leaves_nothing_half_and_the_next_one_ends_it() {
    // It may have nothing in hand just when it is killed.
    for _ in 0..50 {
        let root = Root::new();
        for n in 0..200 {
            root.over(&format!("r{n:03}"), "succeeded", 2);
        }
        root.over("newest", "succeeded", 1);
        let pruning = piped(&mut root.prune(&["--keep-last", "1", "--yes"]));
        wait_for("a run that goes", || root.runs().len() < 201);
        kill(&pruning, Signal::KILL);
        drop(pruning.output());
        for id in root.runs() {
            let log = root.run_dir(&id).join("artifacts/logs/log");
            assert_eq!(fs::read_to_string(log).unwrap(), id);
        }
        let told: Value =
            serde_json::from_slice(&run(&mut root.prune(&["--json"])).stdout).unwrap();
        let is_half = told["leftovers"].as_u64().unwrap() > 0;
        // Its lease is long.
        let _ = fs::remove_file(root.path().join(".runs/task.lock"));
        root.pruned(&["--keep-last", "1"]);
        assert_eq!(root.runs(), set(&["newest"]));
        assert_eq!(names(&root.task()), set(&["cli"]));
        if is_half {
            return;
        }
    }
    panic!("no prune was killed with a directory in hand");
}

/// A prune that has removed what there was of one task, and waits for the lock of the next one.
#[cfg(target_os = "linux")]
fn waiting_prune(root: &Root) -> Guarded {
    for n in 0..300 {
        root.over(&format!("r{n:03}"), "succeeded", 1);
    }
    for task in ["another", "third"] {
        let dir = root.path().join(".runs").join(task).join("cli/run");
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("manifest.json"), json!({"status": "succeeded"}).to_string()).unwrap();
        let old = SystemTime::now() - Duration::from_secs(3600);
        let manifest = File::options().write(true).open(dir.join("manifest.json")).unwrap();
        manifest.set_modified(old).unwrap();
    }
    let mut lock = crate::opened::Opened::watch([hold_lock(root.path(), "task")]);
    let args = ["--older-than", "1s", "--yes", "--lock-wait", "600000"];
    let pruning = piped(&mut root.prune(&args));
    wait_for("a look at the lock", || !lock.since().is_empty());
    pruning
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_it_after_what_is_in_hand_and_gives_the_lock_back() {
    crate::support::with_default_signals();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::USR1] {
        let root = Root::new();
        let mut pruning = waiting_prune(&root);
        let mut told = std::io::BufReader::new(pruning.stderr.take().unwrap());
        kill(&pruning, signal);
        let mut line = String::new();
        std::io::BufRead::read_line(&mut told, &mut line).unwrap();
        assert!(line.ends_with(": ends after what is in hand\n"), "{line}");
        fs::remove_file(root.path().join(".runs/task.lock")).unwrap();
        let output = pruning.output();
        std::io::BufRead::read_line(&mut told, &mut line).unwrap();
        assert_eq!(output.status.code(), Some(128 + signal.as_raw()), "{line}");
        assert!(line.ends_with("ended it before all was removed\n"), "{line}");
        let stdout = text(&output.stdout);
        assert!(stdout.contains("257 runs and 0 leftovers"), "{stdout}");
        assert!(stdout.ends_with("removed; 44 runs are left\n"), "{stdout}");
        assert!(!root.path().join(".runs/task.lock").exists());
        assert_eq!((root.runs().len(), names(&root.path().join(".runs/third/cli")).len()), (44, 1));
        root.assert_no_leftovers();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_second_signal_ends_it_at_once() {
    crate::support::with_default_signals();
    let root = Root::new();
    let mut pruning = waiting_prune(&root);
    let mut told = std::io::BufReader::new(pruning.stderr.take().unwrap());
    kill(&pruning, Signal::INT);
    let mut line = String::new();
    std::io::BufRead::read_line(&mut told, &mut line).unwrap();
    kill(&pruning, Signal::TERM);
    std::io::BufRead::read_line(&mut told, &mut line).unwrap();
    assert!(line.ends_with("ended at once, something may be left in hand\n"), "{line}");
    assert_eq!(pruning.wait().code(), Some(128 + Signal::INT.as_raw()));
    // It had no lock to give back.
    assert_eq!(root.runs().len(), 300);
}

#[cfg(target_os = "linux")]
#[test]
fn a_hangup_that_comes_more_than_once_is_one() {
    crate::support::with_default_signals();
    let root = Root::new();
    let mut pruning = waiting_prune(&root);
    let mut told = std::io::BufReader::new(pruning.stderr.take().unwrap());
    kill(&pruning, Signal::HUP);
    let mut line = String::new();
    std::io::BufRead::read_line(&mut told, &mut line).unwrap();
    // The terminal's, and the shell's.
    kill(&pruning, Signal::HUP);
    kill(&pruning, Signal::HUP);
    fs::remove_file(root.path().join(".runs/task.lock")).unwrap();
    let output = pruning.output();
    assert_eq!(output.status.code(), Some(128 + Signal::HUP.as_raw()));
    assert!(text(&output.stdout).ends_with("removed; 44 runs are left\n"));
    assert!(!root.path().join(".runs/task.lock").exists());
}

/// A pipe that holds no more than a page, and how much is in it.
#[cfg(target_os = "linux")]
fn small_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    rustix::pipe::fcntl_setpipe_size(&reader, 4096).unwrap();
    (reader, writer)
}

#[cfg(target_os = "linux")]
fn wait_until_full(reader: &std::io::PipeReader) {
    let is_full = || rustix::io::ioctl_fionread(reader).is_ok_and(|bytes| bytes > 3000);
    wait_for("a pipe that is full", is_full);
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_it_while_nobody_reads_what_was_removed() {
    crate::support::with_default_signals();
    let root = Root::new();
    for n in 0..200 {
        root.over(&format!("r{n:03}"), "succeeded", 1);
    }
    let (reader, writer) = small_pipe();
    let mut prune = root.prune(&["--older-than", "1s", "--yes", "--json"]);
    let mut pruning = Guarded::spawn(prune.stdout(writer).stderr(Stdio::null()));
    wait_until_full(&reader);
    kill(&pruning, Signal::TERM);
    assert_eq!(pruning.wait().code(), Some(128 + Signal::TERM.as_raw()));
    assert_eq!(root.runs().len(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_second_signal_ends_it_whatever_it_waits_for() {
    crate::support::with_default_signals();
    let root = Root::new();
    for n in 0..100 {
        let dir = root.path().join(format!(".runs/task{n:03}/web"));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("manifest.json"), "{}").unwrap();
        let old = SystemTime::now() - Duration::from_secs(3600);
        File::options()
            .write(true)
            .open(dir.join("manifest.json"))
            .unwrap()
            .set_modified(old)
            .unwrap();
    }
    let (reader, writer) = small_pipe();
    let mut prune = root.prune(&["--older-than", "1s", "--yes"]);
    let mut pruning = Guarded::spawn(prune.stdout(Stdio::null()).stderr(writer));
    wait_until_full(&reader);
    kill(&pruning, Signal::INT);
    kill(&pruning, Signal::TERM);
    let code = pruning.wait().code().unwrap();
    assert!([Signal::INT, Signal::TERM].map(|one| 128 + one.as_raw()).contains(&code), "{code}");
}

#[test]
fn what_a_killed_record_left_is_found() {
    let root = Root::new();
    assert_silent_success(&run(root.exec(&["--run", "kept"]).arg("true")));
    let old = SystemTime::now() - Duration::from_secs(3700);
    let stray = |dir: &str, target: &str, at: SystemTime| {
        let dir = root.path().join(dir);
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join(format!(".{target}.{}.tandem-tmp", "0f".repeat(16)));
        File::create(&path).unwrap().set_modified(at).unwrap();
        path
    };
    stray(".runs/task/killed", "manifest.json", old);
    stray(".runs/task/kept", "manifest.json", old);
    stray(".runs/task/cli/kept", "heartbeat", old);
    let young = stray(".runs/task/busy", "manifest.json", SystemTime::now());
    let output = text(&run(&mut root.prune(&[])).stdout);
    assert!(output.contains("0 runs and 4 leftovers of killed processes would be"), "{output}");
    // The directory that had nothing else goes too.
    assert_eq!(root.pruned(&[])["leftovers"], 4);
    assert!(young.exists() && !root.task().join("killed").exists());
    assert_eq!(names(&root.task().join("kept")), set(&["manifest.json"]));
    assert_eq!(names(&root.run_dir("kept")), set(&["manifest.json", ".heartbeat"]));
}

#[test]
fn a_time_that_is_ahead_of_the_clock_tells_no_end() {
    let root = Root::new();
    let ahead = SystemTime::now() + Duration::from_secs(40 * 86_400);
    let at = humantime::format_rfc3339_millis(ahead).to_string();
    for (run, status) in [("dead", "in_progress"), ("done", "succeeded")] {
        let dir = root.over(run, status, 48);
        let manifest = json!({"status": status, "completed_at": at, "heartbeat_at": at});
        let old = SystemTime::now() - Duration::from_secs(48 * 3600);
        for (name, content) in
            [("manifest.json", manifest.to_string()), (".heartbeat", format!("{at}\n"))]
        {
            fs::write(dir.join(name), content).unwrap();
            File::options().write(true).open(dir.join(name)).unwrap().set_modified(old).unwrap();
        }
    }
    let mut pruned = root.pruned(&["--older-than", "30h"]);
    pruned["runs"].as_array_mut().unwrap().sort_by_key(|run| run["run"].to_string());
    assert_eq!(shown(&pruned), [("dead", true), ("done", true)]);
    assert_eq!(root.runs(), set(&[]));
}

#[test]
fn a_summary_tells_its_time_past_a_byte_order_mark() {
    let root = Root::new();
    let dir = root.task().join("recorded");
    fs::create_dir_all(&dir).unwrap();
    let mut summary = "\u{feff}".to_owned();
    summary += r#"{"taskId":"task","runId":"recorded","timestamp":"2020-01-01T00:00:00.000Z"}"#;
    fs::write(dir.join("manifest.json"), summary).unwrap();
    assert_eq!(shown(&root.pruned(&["--older-than", "30d"])), [("recorded", true)]);
}

/// Puts a file there, and one of a user's beside it.
fn put(root: &Root, dir: &str, manifest: &str) {
    let dir = root.task().join(dir);
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("manifest.json"), manifest).unwrap();
    fs::write(dir.join("index.html"), "mine").unwrap();
}

#[test]
fn a_directory_that_is_no_run_stays_whoever_prunes() {
    let root = Root::new();
    assert_silent_success(&run(root.exec(&["--run", "a"]).arg("true")));
    let time = "2020-01-01T00:00:00.000Z";
    let summary = |task: &str, run: &str| {
        json!({"taskId": task, "runId": run, "timestamp": time}).to_string()
    };
    for (dir, manifest) in [
        ("web", r#"{"name":"My PWA","timestamp":"2020-01-01T00:00:00.000Z"}"#.to_owned()),
        ("half", r#"{"taskId":"task","name":"My PWA"}"#.to_owned()),
        ("copied", summary("task", "other")),
        ("moved", summary("other", "moved")),
        ("commented", "{ // an extension\n\"name\": \"mine\" }".to_owned()),
        ("list", "[]".to_owned()),
        ("nothing", String::new()),
        ("cli/page", r#"{"name":"My PWA"}"#.to_owned()),
        ("cli/torn", "{".to_owned()),
        // A run beside which somebody has other files.
        ("cli/both", json!({"status": "succeeded"}).to_string()),
        ("both", r#"{"name":"My PWA"}"#.to_owned()),
    ] {
        put(&root, dir, &manifest);
    }
    fs::create_dir_all(root.task().join("cli/src/deep")).unwrap();
    fs::create_dir_all(root.task().join("pages/manifest.json")).unwrap();
    let old = SystemTime::now() - Duration::from_secs(3600);
    for path in root.paths().iter().map(|path| root.path().join(path)) {
        if !path.starts_with(root.run_dir("a")) && !path.starts_with(root.task().join("a")) {
            File::open(path).unwrap().set_modified(old).unwrap();
        }
    }
    let before = root.paths();
    let states = ["done", "recorded", "empty", "unknown", "unreadable"];
    let mut args = vec!["--older-than", "30m", "--history"];
    args.extend(states.iter().flat_map(|state| ["--state", *state]));
    for flag in ["--dry-run", "--yes"] {
        let output = run(root.prune(&args).args(["--json", flag]));
        assert!(output.status.success());
        assert_eq!(shown(&serde_json::from_slice(&output.stdout).unwrap()), []);
        let stderr = text(&output.stderr);
        assert!(stderr.contains("note: directories of task stay that may be no runs"), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
    assert_eq!(root.paths(), before);
    for run_id in ["b", "c"] {
        let flags = ["--run", run_id, "--keep-last", "1", "--prune", "true"];
        assert!(run(&mut root.exec(&flags)).status.success());
    }
    assert_eq!(names(&root.task()).len(), 11);
    let gone: Vec<_> = before.difference(&root.paths()).cloned().collect();
    assert!(gone.iter().all(|path| path.ends_with("a") || path.iter().any(|it| it == "a")));
}

#[test]
fn a_broken_summary_goes_if_it_is_certainly_a_run_s() {
    let root = Root::new();
    for id in ["in-history", "other"] {
        assert_silent_success(&run(root.exec(&["--run", id]).arg("true")));
    }
    root.over("has-manifest", "succeeded", 1);
    put(&root, "in-history", "{");
    put(&root, "has-manifest", "");
    put(&root, "unknown", "{");
    fs::remove_dir_all(root.run_dir("in-history")).unwrap();
    let args = ["--older-than", "0s", "--state", "recorded", "--state", "done", "--yes", "--json"];
    let output = run(&mut root.prune(&args));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let runs: BTreeSet<_> = shown(&told).into_iter().collect();
    assert_eq!(
        runs,
        BTreeSet::from([("has-manifest", true), ("in-history", true), ("other", true)])
    );
    let stderr = text(&output.stderr);
    assert!(stderr.contains("/unknown/manifest.json cannot be read, and the task's"), "{stderr}");
    assert_eq!(names(&root.task()), set(&["cli", "unknown"]));
}

#[test]
fn what_is_no_task_is_refused() {
    let root = Root::new();
    root.over("a", "succeeded", 1);
    let before = root.paths();
    for task in ["../out", ".hidden", "cli", ""] {
        for flag in ["--dry-run", "--yes"] {
            let args = ["--older-than", "0s", flag, "--task", task];
            let stderr = assert_one_line(&run(&mut root.prune(&args)), 1);
            assert!(stderr.contains("task id"), "{stderr}");
        }
    }
    assert_eq!(root.paths(), before);
}

#[test]
fn runs_that_are_in_no_directory_are_told() {
    let root = Root::new();
    fs::write(root.path().join(".runs"), "").unwrap();
    let stderr = assert_one_line(&run(&mut root.prune(&["--older-than", "0s"])), 1);
    assert!(stderr.contains(".runs is not a directory"), "{stderr}");
}

#[test]
fn links_are_removed_and_not_followed() {
    let root = Root::new();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("file"), "").unwrap();
    fs::create_dir(root.path().join("inside")).unwrap();
    fs::write(root.path().join("inside/file"), "").unwrap();
    let dir = root.over("a", "succeeded", 1);
    symlink(elsewhere.path(), dir.join("out")).unwrap();
    symlink("../../../../inside", dir.join("artifacts/in")).unwrap();
    // A link in the place of a run is no run.
    symlink("../../../inside", root.run_dir("link")).unwrap();
    let pruned = root.pruned(&["--older-than", "0s", "--state", "done", "--state", "empty"]);
    assert_eq!(shown(&pruned), [("a", true)]);
    assert!(elsewhere.path().join("file").exists() && root.path().join("inside/file").exists());
    assert_eq!(root.runs(), set(&["link"]));
}

#[test]
fn a_task_that_is_a_link_is_refused_and_passed_over() {
    let root = Root::new();
    root.over("a", "succeeded", 1);
    fs::rename(root.task(), root.path().join("elsewhere")).unwrap();
    symlink("../elsewhere", root.task()).unwrap();
    let history = json!({"taskId": "task", "lastRunAt": "2020-01-01T00:00:00Z", "runs": [
        {"taskId": "task", "runId": "a", "timestamp": "2020-01-01T00:00:00Z"},
    ]});
    fs::create_dir_all(root.path().join("out/task")).unwrap();
    fs::write(history_path(root.path(), "task"), history.to_string()).unwrap();
    let before = root.paths();
    for flag in ["--dry-run", "--yes"] {
        let args = ["--older-than", "0s", "--history", flag];
        let output = run(root.prune(&args).arg("--json"));
        assert_silent_success(&output);
        assert_eq!(shown(&serde_json::from_slice(&output.stdout).unwrap()), []);
        let stderr = assert_one_line(&run(root.prune(&args).args(["--task", "task"])), 1);
        assert!(stderr.contains(".runs/task is a symbolic link"), "{stderr}");
    }
    assert_eq!(root.paths(), before);
    let flags = ["--run", "b", "--keep-last", "1", "--prune", "true"];
    let output = run(&mut root.exec(&flags));
    assert!(output.status.success() && text(&output.stderr).contains("is a symbolic link"));
    assert_eq!(root.runs(), set(&["a", "b"]));
}

#[test]
fn what_a_dry_run_counts_is_what_is_removed_and_counted() {
    let root = Root::new();
    let old = SystemTime::now() - Duration::from_secs(3700);
    let temporary = |target: &str| format!(".{target}.{}.tandem-tmp", "0f".repeat(16));
    let dir = |path: &str, at: SystemTime| {
        fs::create_dir_all(root.path().join(path)).unwrap();
        File::open(root.path().join(path)).unwrap().set_modified(at).unwrap();
    };
    let file = |path: &str, name: &str, at: SystemTime| {
        fs::create_dir_all(root.path().join(path)).unwrap();
        let file = File::create(root.path().join(path).join(name)).unwrap();
        file.set_modified(at).unwrap();
    };
    for (run, hours) in [("goes", 2), ("stays", 1)] {
        let kept = root.over(run, "succeeded", hours);
        let kept = kept.strip_prefix(root.path()).unwrap().to_str().unwrap();
        file(kept, &temporary("heartbeat"), old);
        file(&format!(".runs/task/{run}"), "manifest.json", old);
        file(&format!(".runs/task/{run}"), &temporary("manifest.json"), old);
    }
    file(".runs/task", &temporary("probe"), old);
    // One that an earlier removal renamed.
    file(&format!(".runs/task/{}", temporary("gone")), "notes", old);
    file(".runs/task/killed", &temporary("manifest.json"), old);
    dir(".runs/task/empty", old);
    for name in [temporary("runs.json"), temporary("other")] {
        file("out/task", &name, old);
    }
    let counted = 9;
    // What is young, or not as Tandem names it.
    let now = SystemTime::now();
    file(".runs/task/busy", &temporary("manifest.json"), now);
    file(".runs/task/mixed", &temporary("manifest.json"), now);
    dir(".runs/task/just-made", now);
    file("out/task", &temporary("mine"), now);
    for name in
        [".x.tandem-tmp", ".x.0f.tandem-tmp", ".x.0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F.tandem-tmp"]
    {
        file(".runs/task/stays", name, old);
        dir(&format!(".runs/task/{name}"), old);
    }
    file(&format!(".runs/task/odd/{}", temporary("dir")), "notes", old);
    file(".runs/task/a:b", &temporary("manifest.json"), old);
    let args = ["--keep-last", "1", "--history"];
    let told = |args: &[&str]| -> Value {
        let output = run(root.prune(args).arg("--json"));
        assert_silent_success(&output);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let dry = told(&args);
    let pruned = root.pruned(&args);
    assert_eq!((shown(&dry), shown(&pruned)), (vec![("goes", false)], vec![("goes", true)]));
    assert_eq!((&dry["leftovers"], &pruned["leftovers"]), (&json!(counted), &json!(counted)));
    assert_eq!(
        (told(&args)["leftovers"].clone(), root.pruned(&args)["leftovers"].clone()),
        (json!(0), json!(0))
    );
    let left = names(&root.task());
    for stays in ["busy", "mixed", "just-made", "odd", "a:b", "stays"] {
        assert!(left.contains(stays), "{stays}: {left:?}");
    }
    assert!(
        !left.contains("killed") && !left.contains("empty") && !left.contains("goes"),
        "{left:?}"
    );
}

#[test]
fn directories_whose_names_are_no_ids_stay_and_are_no_failure() {
    let root = Root::new();
    for id in ["good", "a:b", "a|b"] {
        root.over(id, "succeeded", 1);
    }
    fs::create_dir_all(root.path().join(".runs/x:y/cli")).unwrap();
    let dir = root.over("moved", "succeeded", 1);
    fs::rename(dir, root.path().join(".runs/x:y/cli/r")).unwrap();
    // What no rule lets go needs no note.
    assert_silent_success(&run(&mut root.prune(&["--yes"])));
    for flag in ["--dry-run", "--yes"] {
        let output = run(&mut root.prune(&["--older-than", "0s", "--history", "--json", flag]));
        assert_eq!(output.status.code(), Some(0));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(shown(&told), [("good", flag == "--yes")]);
        let stderr = text(&output.stderr);
        let notes: Vec<_> = stderr.lines().collect();
        assert!(notes.iter().all(|note| note.starts_with("tandem prune: note: ")), "{stderr}");
        assert!(notes[0].contains("of task stay whose names are no ids of runs"), "{stderr}");
        assert!(notes[1].contains("forbidden character ':': \"x:y\""), "{stderr}");
        assert_eq!(notes.len(), 2, "{stderr}");
    }
    assert_eq!(root.runs(), set(&["a:b", "a|b"]));
    assert!(root.path().join(".runs/x:y/cli/r/manifest.json").exists());
    let flags = ["--run", "last", "--keep-last", "1", "--prune", "true"];
    assert_silent_success(&run(&mut root.exec(&flags)));
}

#[test]
fn a_lock_that_cannot_be_had_is_told_and_nothing_is_removed() {
    let root = Root::new();
    root.over("a", "succeeded", 1);
    let before = root.paths();
    hold_lock(root.path(), "task");
    let args = ["--older-than", "0s", "--yes", "--lock-wait", "0"];
    let output = run(&mut root.prune(&args));
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("no run is removed: cannot lock .runs/task.lock"), "{stderr}");
    assert!(text(&output.stdout).contains("1 run is left"), "{}", text(&output.stdout));
    fs::remove_file(root.path().join(".runs/task.lock")).unwrap();
    assert_eq!(root.paths(), before);
    // A directory in its place is in the way for good.
    fs::create_dir(root.path().join(".runs/task.lock")).unwrap();
    let output = run(&mut root.prune(&args));
    assert!(text(&output.stderr).contains("cannot lock .runs/task.lock: is-directory"));
    assert_eq!((output.status.code(), root.runs()), (Some(1), set(&["a"])));
}

#[test]
fn a_history_that_is_corrupt_keeps_its_runs() {
    let root = Root::new();
    root.over("a", "succeeded", 1);
    let path = history_path(root.path(), "task");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "{").unwrap();
    let output = run(&mut root.prune(&["--older-than", "0s", "--yes", "--history"]));
    assert_eq!((output.status.code(), root.runs()), (Some(1), set(&["a"])));
    assert!(text(&output.stderr).contains("history is corrupt"), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(&path).unwrap(), "{");
    // Who asks for the directories alone gets them removed.
    assert_eq!(shown(&root.pruned(&["--older-than", "0s"])), [("a", true)]);
}

#[test]
fn a_wrong_line_and_a_missing_root_are_told() {
    let root = Root::new();
    for args in [&["--keep-last", "0"][..], &["--yes", "--dry-run"], &["--older-than", "soon"]] {
        assert_one_line(&run(&mut root.prune(args)), 2);
    }
    let mut command = tandem(&["prune", "--root"]);
    let stderr = assert_one_line(&run(command.arg(root.path().join("missing"))), 1);
    assert!(stderr.contains("the root does not exist"), "{stderr}");
}

#[test]
fn exec_with_prune_keeps_the_last_directories_too() {
    let root = Root::new();
    for n in 0..6 {
        let id = format!("r{n}");
        let flags = ["--run", &id, "--keep-last", "2", "--prune"];
        assert_silent_success(&run(root.exec(&flags).arg("true")));
    }
    assert_eq!(root.runs(), set(&["r4", "r5"]));
    assert_eq!(names(&root.task()), set(&["cli", "r4", "r5"]));
    assert_eq!(root.recorded(), ["r4", "r5"]);
    // Alone it means nothing.
    assert_eq!(run(root.exec(&["--prune"]).arg("true")).status.code(), Some(2));
}

#[test]
fn runs_that_prune_at_once_keep_their_own() {
    let root = Root::new();
    thread::scope(|scope| {
        for n in 0..8 {
            let (root, id) = (&root, format!("r{n}"));
            scope.spawn(move || {
                let flags = ["--run", &id, "--keep-last", "3", "--prune"];
                let output = run(root.exec(&flags).arg("true"));
                // One that is recorded late is told that others are later.
                let stderr = text(&output.stderr);
                assert!(output.status.success() && !stderr.contains("cannot"), "{stderr}");
            });
        }
    });
    assert_eq!(root.recorded().len(), 3);
    let kept = root.runs();
    assert!(kept.len() >= 3, "{kept:?}");
    for run in kept {
        assert_eq!(names(&root.run_dir(&run)), set(&["manifest.json", ".heartbeat"]));
    }
    root.assert_no_leftovers();
}
