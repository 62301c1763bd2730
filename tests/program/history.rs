//! `tandem history`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Guarded, assert_one_line, history_path, run, tandem, text};

struct Root(TempDir);

impl Root {
    fn new() -> Self {
        Root(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// A history as another program would write it.
    fn write(&self, history: &str) {
        fs::create_dir_all(self.path().join("out/task")).unwrap();
        fs::write(history_path(self.path(), "task"), history).unwrap();
    }

    fn history(&self, args: &[&str]) -> Command {
        let mut command = tandem(&["history", "--task", "task", "--root"]);
        command.arg(self.path()).args(args);
        command
    }

    fn shown(&self, args: &[&str]) -> String {
        let output = run(&mut self.history(args));
        assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(0), ""));
        text(&output.stdout)
    }

    fn json(&self, args: &[&str]) -> Value {
        let args: Vec<_> = args.iter().copied().chain(["--json"]).collect();
        let shown = self.shown(&args);
        assert_eq!(shown.lines().count(), 1);
        serde_json::from_str(&shown).unwrap()
    }
}

/// Entries of every kind, unsorted.
const ODD: &str = r#"{"taskId": "task", "lastRunAt": "", "runs": [
  {"taskId": "task", "runId": "second", "timestamp": "2026-01-06T00:01:01.000Z", "mode": "exec",
   "status": "succeeded", "command": "make check", "exitCode": 0,
   "startedAt": "2026-01-06T00:00:00.000Z"},
  {"z" :  1.0, "runId": "first", "timestamp": "2026-01-05T00:00:00.000Z", "a": 1e400,
   "build": {"success": true}, "test": {"success": false},
   "review": {"decision": {"approved": false}}, "text": "\u0041 \/  "},
  {"runId": "no-time", "mode": "cloud"},
  7,
  "a  string",
  null,
  {"runId": "third", "timestamp": "2026-01-07T00:00:00.000Z", "status": 7, "mode": ["x"]}
]}"#;

#[test]
fn no_history_is_one_sentence_and_no_failure() {
    let root = Root::new();
    let sentence = format!("there are no recorded runs of task below {}\n", root.path().display());
    assert_eq!(root.shown(&[]), sentence);
    let empty = json!({"taskId": "task", "lastRunAt": "", "total": 0, "runs": []});
    assert_eq!(root.json(&[]), empty);
    // To look changes nothing.
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn entries_of_any_shape_are_shown_newest_first() {
    let root = Root::new();
    root.write(ODD);
    let table = root.shown(&[]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 8, "{table}");
    assert_eq!(
        lines[..4],
        [
            "RUN      COMPLETED             TOOK  STATUS  DETAIL",
            "third    2026-01-07T00:00:00Z  -     -",
            "second   2026-01-06T00:01:01Z  1m    done    make check: exit 0",
            "first    2026-01-05T00:00:00Z  -     failed  build done, test failed, review rejected",
        ]
    );
    // What has no time is older than all that has one, the last of the file first.
    let column = |line: &str| line.split_whitespace().skip(4).collect::<Vec<_>>().join(" ");
    let rest: Vec<_> = lines[4..].iter().map(|line| column(line)).collect();
    assert_eq!(rest, ["null", "\"a string\"", "7", "cloud"], "{table}");
    assert!(lines[7].starts_with("no-time  -  "), "{table}");
    assert_eq!(fs::read_to_string(history_path(root.path(), "task")).unwrap(), ODD);
}

#[test]
fn json_has_every_entry_with_its_text() {
    let root = Root::new();
    root.write(ODD);
    let shown = root.shown(&["--json"]);
    let begin = concat!(
        r#"{"taskId":"task","lastRunAt":"2026-01-07T00:00:00.000Z","total":7,"runs":["#,
        r#"{"runId":"third","timestamp":"2026-01-07T00:00:00.000Z","status":7,"mode":["x"]},"#,
    );
    assert!(shown.starts_with(begin), "{shown}");
    let first = concat!(
        r#"{"z":1.0,"runId":"first","timestamp":"2026-01-05T00:00:00.000Z","a":1e400,"#,
        r#""build":{"success":true},"test":{"success":false},"#,
        r#""review":{"decision":{"approved":false}},"text":"\u0041 \/  "}"#,
    );
    assert!(shown.contains(first), "{shown}");
    assert!(shown.contains("\"a  string\"") && shown.lines().count() == 1, "{shown}");
}

#[test]
fn a_limit_shows_the_newest_and_tells_how_many_there_are() {
    let root = Root::new();
    root.write(ODD);
    let table = root.shown(&["--limit", "2"]);
    let first_words: Vec<_> = table.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(first_words, ["RUN", "third", "second", "and"]);
    assert!(table.ends_with("\nand 5 more\n"), "{table}");
    let json: String = root.shown(&["--limit", "1", "--json"]);
    assert!(json.contains(r#""total":7,"runs":[{"runId":"third""#), "{json}");
    assert_eq!(root.shown(&["--limit", "0"]).lines().last(), Some("and 7 more"));
    assert_eq!(root.json(&["--limit", "0"])["total"], 7);
    assert_eq!(run(&mut root.history(&["--limit", "-1"])).status.code(), Some(2));
}

#[test]
fn an_id_of_any_length_is_shown_by_its_beginning() {
    let root = Root::new();
    let long = json!({"runId": "x".repeat(70_000), "timestamp": "2026-01-06T00:00:00.000Z"});
    let other = json!({"runId": "y".repeat(128), "timestamp": "2026-01-05T00:00:00.000Z"});
    root.write(&json!({"taskId": "task", "lastRunAt": "", "runs": [long, other]}).to_string());
    let table = root.shown(&[]);
    let ids: Vec<_> = table.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(ids, ["x".repeat(128) + "...", "y".repeat(128)]);
    assert_eq!(root.json(&[])["runs"][0], long);
}

#[test]
fn a_history_that_is_too_large_is_named() {
    let root = Root::new();
    root.write("");
    fs::File::create(history_path(root.path(), "task")).unwrap().set_len(65 << 20).unwrap();
    for args in [&[][..], &["--json"]] {
        let stderr = assert_one_line(&run(&mut root.history(args)), 1);
        assert!(stderr.contains("above") && stderr.ends_with(": out/task/runs.json\n"), "{stderr}");
    }
}

#[test]
fn what_the_file_says_does_not_steer_the_terminal() {
    let root = Root::new();
    let steering = json!({"runId": "\u{1b}[31m\n", "timestamp": "\u{9b}2J", "status": "\u{7f}",
                          "command": "\u{202e}x", "mode": "\u{feff}"});
    let history = json!({"taskId": "task", "lastRunAt": "", "runs": [steering, "\u{9b}\u{202e}"]});
    root.write(&history.to_string());
    for args in [&[][..], &["--json"]] {
        let shown = root.shown(args);
        let steers =
            |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202e}' | '\u{feff}'));
        assert!(!shown.chars().any(steers), "{shown:?}");
        assert!(shown.contains("[31m"), "{shown:?}");
    }
    assert_eq!(root.json(&[])["runs"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_no_history_of_the_task_is_told_in_one_line_and_left_alone() {
    for bad in ["", "[]", "{\"taskId\": \"task\", \"runs\": [", r#"{"taskId":"other","runs":[]}"#] {
        let root = Root::new();
        root.write(bad);
        for args in [&[][..], &["--json"]] {
            let stderr = assert_one_line(&run(&mut root.history(args)), 1);
            assert!(stderr.contains("out/task/runs.json"), "{stderr}");
        }
        assert_eq!(fs::read_to_string(history_path(root.path(), "task")).unwrap(), bad);
    }
    let root = Root::new();
    fs::create_dir_all(history_path(root.path(), "task")).unwrap();
    assert_one_line(&run(&mut root.history(&[])), 1);
}

#[test]
fn a_bad_task_and_a_root_that_is_missing_are_one_line_and_exit_code_1() {
    let root = Root::new();
    for task in ["../x", "", "cli", "x.lock", "a\u{1b}b"] {
        let mut command = tandem(&["history", "--task", task, "--root"]);
        let stderr = assert_one_line(&run(command.arg(root.path())), 1);
        assert!(!stderr.contains('\u{1b}'), "{stderr:?}");
    }
    let missing = root.path().join("missing");
    let mut command = tandem(&["history", "--task", "task", "--root"]);
    let stderr = assert_one_line(&run(command.arg(&missing)), 1);
    assert!(stderr.contains("the root") && stderr.contains(missing.to_str().unwrap()));
}

#[test]
fn a_reader_that_went_away_ends_it_quietly() {
    let root = Root::new();
    // Far more than a pipe holds.
    let runs: Vec<Value> = (0..5_000)
        .map(|run| json!({"runId": format!("r{run}"), "command": "x".repeat(100)}))
        .collect();
    root.write(&json!({"taskId": "task", "lastRunAt": "", "runs": runs}).to_string());
    for args in [&[][..], &["--json"]] {
        let mut command = root.history(args);
        let mut child = Guarded::spawn(
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()),
        );
        drop(child.stdout.take());
        let output = child.output();
        assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(0), ""));
    }
}
