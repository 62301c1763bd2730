//! Byte order marks, which some programs write before a text in UTF-8.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::{history, history_path, run, tandem, text};
use crate::talk::{lines, sorted, talk};

const MARK: &[u8] = b"\xef\xbb\xbf";

/// Puts a mark before what a file holds.
fn mark(path: &Path) {
    let content = [MARK, &fs::read(path).unwrap()].concat();
    fs::write(path, content).unwrap();
}

fn has_mark(path: &Path) -> bool {
    fs::read(path).unwrap().starts_with(MARK)
}

#[test]
fn a_mark_before_a_history_is_read_and_not_kept() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let exec = |run_id: &str| {
        let mut exec = tandem(&["exec", "--task", "t", "--run", run_id, "--root"]);
        let output = run(exec.arg(root).args(["--", "true"]));
        assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(0), ""));
    };
    exec("a");
    let path = history_path(root, "t");
    mark(&path);
    let shown = run(tandem(&["history", "--task", "t", "--root"]).arg(root));
    assert_eq!((shown.status.code(), text(&shown.stdout).lines().count()), (Some(0), 2));
    exec("b");
    let runs = history(root, "t")["runs"].as_array().unwrap().len();
    assert_eq!((runs, has_mark(&path)), (2, false));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is set aside");
}

#[test]
fn a_mark_before_a_manifest_is_read_and_not_kept() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let of_run = |id: u32, op: &str| json!({"id": id, "op": op, "task": "t", "run": "r"});
    let set = crate::talk::with(of_run(2, "set"), json!({"manifest": {"status": "in_progress"}}));
    let both = json!({"manifest": true, "heartbeat": true, "force": true});
    let write = crate::talk::with(of_run(3, "schedule"), both);
    talk(root, &lines(&[of_run(1, "open"), set, write]));
    let dir = root.join(".runs/t/cli/r");
    let (manifest, heartbeat) = (dir.join("manifest.json"), dir.join(".heartbeat"));
    mark(&manifest);
    mark(&heartbeat);
    let status = run(tandem(&["status", "--json", "--root"]).arg(root));
    assert!(text(&status.stdout).contains("\"live\""), "{status:?}");

    let merge = crate::talk::with(of_run(2, "merge"), json!({"patch": {"n": 1}}));
    let output = talk(root, &lines(&[of_run(1, "open"), merge, of_run(3, "flush")]));
    let answers = sorted(&output);
    let opened = &answers[0]["ok"];
    assert_eq!(opened["document"], json!({"status": "in_progress"}), "{opened}");
    assert_eq!(opened["heartbeat"].as_str().unwrap().len(), 24, "{opened}");
    assert_eq!(opened["set_aside"], json!([]));
    let written = fs::read_to_string(&manifest).unwrap();
    assert_eq!(written, "{\n  \"status\": \"in_progress\",\n  \"n\": 1\n}\n");
}

#[test]
fn a_history_in_utf_16_is_set_aside_whole() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let path = history_path(root, "t");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text_of = "\u{feff}{\"taskId\":\"t\",\"lastRunAt\":\"\",\"runs\":[]}";
    let content: Vec<u8> = text_of.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(&path, &content).unwrap();
    let output = run(tandem(&["exec", "--task", "t", "--root"]).arg(root).args(["--", "true"]));
    let warning = text(&output.stderr);
    let (_, aside) = warning.trim_end().split_once("a corrupt file was set aside: ").unwrap();
    assert_eq!(fs::read(root.join(aside)).unwrap(), content);
}
