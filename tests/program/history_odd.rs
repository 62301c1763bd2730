//! One bad file or entry hides no other from `tandem history`.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::json;
use tempfile::TempDir;

use crate::support::{assert_one_line, history_path, run, tandem, text};

const GOOD: &str = r#"{"taskId": "task", "lastRunAt": "", "runs": [
    {"taskId": "task", "runId": "good", "timestamp": "2026-01-06T00:01:01.000Z"}]}"#;

/// A root, and where the history of `task` belongs.
fn root() -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let path = history_path(root.path(), "task");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    (root, path)
}

fn history(root: &Path, task: &str, args: &[&str]) -> Command {
    let mut command = tandem(&["history", "--task", task, "--root"]);
    command.arg(root).args(args);
    command
}

fn shown(root: &Path, task: &str) -> String {
    let output = run(&mut history(root, task, &[]));
    assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(0), ""));
    text(&output.stdout)
}

#[test]
fn a_history_that_is_no_file_is_one_line_and_hides_no_other() {
    let (root, path) = root();
    fs::create_dir_all(root.path().join("out/other")).unwrap();
    let other = history_path(root.path(), "other");
    fs::write(other, GOOD.replace("\"task\"", "\"other\"")).unwrap();
    let socket = tempfile::tempdir_in("/tmp").unwrap();
    let _listener = UnixListener::bind(socket.path().join("s")).unwrap();
    let make: [&dyn Fn(); 7] = [
        &|| fs::create_dir(&path).unwrap(),
        &|| assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
        &|| fs::rename(socket.path().join("s"), &path).unwrap(),
        &|| symlink("/dev/zero", &path).unwrap(),
        &|| symlink("/etc/passwd", &path).unwrap(),
        &|| symlink("runs.json", &path).unwrap(),
        &|| File::create(&path).unwrap().set_len(100 << 20).unwrap(),
    ];
    for (at, make) in make.iter().enumerate() {
        make();
        for args in [&[][..], &["--json"]] {
            let stderr = assert_one_line(&run(&mut history(root.path(), "task", args)), 1);
            assert!(stderr.contains("out/task/runs.json"), "{at}: {stderr}");
        }
        assert!(shown(root.path(), "other").contains("good"));
        fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).unwrap();
    }
}

#[test]
fn no_content_of_a_history_is_more_than_one_line() {
    let (root, path) = root();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let zeros = "\0".repeat(4096);
    for content in ["", "{", "null", &deep, &zeros, r#"{"taskId":"task","runs":[{]}"#] {
        fs::write(&path, content).unwrap();
        let stderr = assert_one_line(&run(&mut history(root.path(), "task", &[])), 1);
        assert!(stderr.contains("out/task/runs.json"), "{stderr}");
    }
    fs::write(&path, b"{\"taskId\":\"task\",\"runs\":[\"\xff\"]}").unwrap();
    assert_one_line(&run(&mut history(root.path(), "task", &[])), 1);
}

#[test]
fn no_entry_hides_another() {
    let (root, path) = root();
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let times = [
        "0000-01-01T00:00:00.000Z",
        "9999-12-31T23:59:59.999Z",
        "-1",
        "292277026596-12-04T15:30:07.999Z",
        "1901-12-13T20:45:52.000Z",
        "2026-13-45T99:99:99.999Z",
        "",
    ];
    let mut entries: Vec<String> = times
        .iter()
        .map(|at| {
            json!({"runId": format!("at {at}"), "timestamp": at, "startedAt": at}).to_string()
        })
        .collect();
    entries.extend([
        deep.clone(),
        format!(r#"{{"runId":"deep","x":{deep},"build":{deep}}}"#),
        r#"{"runId":"numbers","timestamp":1e999,"exitCode":-1e999,"startedAt":1e-999}"#.to_owned(),
        r#"{"runId":"\ud800","timestamp":"\udfff"}"#.to_owned(),
        r#"{"runId":"nul\u0000","status":"\u0000","command":"\u0000"}"#.to_owned(),
        format!(r#"{{"runId":"long","statusDetail":"{}"}}"#, "x".repeat(1 << 20)),
        r#"{"runId":"good","timestamp":"2026-01-06T00:01:01.000Z"}"#.to_owned(),
        String::from("[]"),
    ]);
    let runs = entries.join(",");
    fs::write(&path, format!(r#"{{"taskId":"task","lastRunAt":"","runs":[{runs}]}}"#)).unwrap();
    let table = shown(root.path(), "task");
    assert_eq!(table.lines().count(), 1 + entries.len(), "{table}");
    assert!(table.contains("\ngood  ") && table.contains("\nnumbers  "), "{table}");
    assert!(!table.contains('\0') && table.len() < 20_000);
}

#[test]
fn no_time_of_the_file_hides_a_history() {
    let (root, path) = root();
    fs::write(&path, GOOD).unwrap();
    let day = Duration::from_secs(24 * 3600);
    for at in [
        SystemTime::UNIX_EPOCH - 24_855 * day,
        SystemTime::UNIX_EPOCH + 173_855 * day,
        SystemTime::UNIX_EPOCH + 35_806_000 * day,
    ] {
        File::open(&path).unwrap().set_modified(at).unwrap();
        assert!(shown(root.path(), "task").contains("good"));
    }
}
