//! Tasks that have one directory: on file systems that take two names for one, or by links.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{assert_one_line, history_path, run, tandem, text};
use crate::talk::{lines, sorted, talk};

fn exec(root: &Path, task: &str) -> std::process::Output {
    run(tandem(&["exec", "--task", task, "--root"]).arg(root).args(["--", "true"]))
}

/// The tasks have one directory each, for runs and for histories.
fn link(root: &Path, task: &str, as_task: &str) {
    for above in [".runs", "out"] {
        fs::create_dir_all(root.join(above).join(task)).unwrap();
        symlink(task, root.join(above).join(as_task)).unwrap();
    }
}

#[test]
fn a_history_of_a_task_whose_id_differs_in_case_is_refused_and_stays() {
    for (first, second) in
        [("Nightly", "nightly"), ("GRÖSSE", "größe"), ("cafe\u{301}", "caf\u{e9}")]
    {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        link(root, first, second);
        assert_eq!(text(&exec(root, first).stderr), "");
        let before = fs::read(history_path(root, first)).unwrap();

        let output = exec(root, second);
        assert_eq!(output.status.code(), Some(0), "the run itself has succeeded");
        let path = format!("out/{second}/runs.json");
        let why = format!(
            "history is of the task {first:?}, which has the same directory as {second:?}: {path}"
        );
        let warning = format!("tandem exec: warning: summary is written, history is not: {why}\n");
        assert_eq!(text(&output.stderr), warning);
        let mut history = tandem(&["history", "--task", second, "--root"]);
        let told = assert_one_line(&run(history.arg(root)), 1);
        assert_eq!(told, format!("tandem history: {why}\n"));

        let summary = json!({"taskId": second, "runId": "r", "timestamp": "2026-01-06T00:00:00Z"});
        let requests = [
            json!({"id": 1, "op": "record", "summary": summary}),
            json!({"id": 2, "op": "history", "task": second}),
        ];
        let output = talk(root, &lines(&requests));
        assert_eq!(output.status.code(), Some(1), "a run is in no history");
        let errors: Vec<Value> =
            sorted(&output).into_iter().map(|answer| answer["error"].clone()).collect();
        for error in &errors {
            assert_eq!((&error["kind"], &error["path"]), (&"history".into(), &path.clone().into()));
            assert!(error["message"].as_str().unwrap().ends_with(&why), "{error}");
            assert_eq!(error["retryable"], false);
        }
        assert_eq!(errors[0]["code"], "other-task");

        assert_eq!(fs::read(history_path(root, first)).unwrap(), before, "not a byte is changed");
        assert_eq!(fs::read_dir(root.join("out").join(first)).unwrap().count(), 1);
        assert_eq!(text(&exec(root, first).stderr), "", "the task goes on");
    }
}

#[test]
fn a_history_of_another_task_in_a_directory_of_ones_own_is_set_aside() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    exec(root, "other");
    fs::create_dir_all(root.join("out/task")).unwrap();
    fs::copy(history_path(root, "other"), history_path(root, "task")).unwrap();
    let warning = text(&exec(root, "task").stderr);
    assert!(
        warning.contains("a corrupt file was set aside: out/task/runs.json.corrupt-"),
        "{warning}"
    );
    // Not so if the ids are equal but for case: it may come from a file system without.
    let text = fs::read_to_string(history_path(root, "other")).unwrap();
    fs::write(history_path(root, "task"), text.replace("\"other\"", "\"TASK\"")).unwrap();
    let told = run(tandem(&["history", "--task", "task", "--root"]).arg(root));
    assert!(assert_one_line(&told, 1).contains("\"TASK\""));
}

#[test]
fn keys_with_broken_escapes_are_not_one_another() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    exec(root, "task");
    let of_run =
        |id: u32, op: &str| format!(r#"{{"id":{id},"op":"{op}","task":"task","run":"run""#);
    let requests = [
        of_run(1, "open") + "}",
        of_run(2, "set") + r#","manifest":{"\ud800":1,"\ud801":2}}"#,
        of_run(3, "merge") + r#","patch":{"a":3}}"#,
        of_run(4, "flush") + "}",
    ];
    let output = talk(root, (requests.join("\n") + "\n").as_bytes());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let manifest = fs::read_to_string(root.join(".runs/task/cli/run/manifest.json")).unwrap();
    assert_eq!(manifest, "{\n  \"\\ud800\": 1,\n  \"\\ud801\": 2,\n  \"a\": 3\n}\n");
}
