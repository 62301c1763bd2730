//! What may hold secrets is in the files that it is meant for, and readable by whom it is meant for.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use rustix::fs::Mode;
use serde_json::{Value, json};

use crate::support::{Root, before_start, history, history_path, run, text};
use crate::talk::{Feed, feed};

const SECRET: &str = "s3cret";

impl Root {
    fn with_state(&self, flags: &[&str], command: &[&str]) -> Command {
        let mut exec = self.exec(&["--run", "run"]);
        exec.args(flags).arg("--").args(command).env("STATE", self.manifest_path());
        exec
    }

    fn manifest_path(&self) -> PathBuf {
        self.run_dir("run").join("manifest.json")
    }

    fn manifest(&self) -> Value {
        serde_json::from_slice(&fs::read(self.manifest_path()).unwrap()).unwrap()
    }

    /// The files and directories below, with their modes.
    fn entries(&self) -> Vec<(PathBuf, u32)> {
        let (mut entries, mut dirs) = (Vec::new(), vec![self.path().to_owned()]);
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let (path, metadata) = {
                    let entry = entry.unwrap();
                    (entry.path(), entry.metadata().unwrap())
                };
                if metadata.is_dir() {
                    dirs.push(path.clone());
                }
                entries.push((path, metadata.permissions().mode() & 0o7777));
            }
        }
        entries
    }

    /// How many files hold the secret.
    fn files_with_secret(&self) -> usize {
        let files = self.entries().into_iter().filter(|(path, _)| path.is_file());
        files.filter(|(path, _)| text(&fs::read(path).unwrap()).contains(SECRET)).count()
    }

    /// Every file has this mode, and every directory that one.
    #[track_caller]
    fn assert_modes(&self, file_mode: u32, dir_mode: u32) {
        let entries = self.entries();
        assert!(entries.iter().filter(|(path, _)| path.is_file()).count() >= 4);
        for (path, mode) in entries {
            let expected = if path.is_dir() { dir_mode } else { file_mode };
            assert_eq!(mode, expected, "{mode:o} {path:?}");
        }
    }
}

fn with_umask(command: &mut Command, umask: u32) -> &mut Command {
    before_start(command, move || {
        rustix::process::umask(Mode::from_raw_mode(umask));
    })
}

#[track_caller]
fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
}

#[test]
fn what_is_in_the_environment_is_in_no_file() {
    let root = Root::new();
    let mut exec = root.with_state(&[], &["sh", "-c", "exit 3"]);
    assert_eq!(run(exec.env("TOKEN", SECRET)).status.code(), Some(3));
    assert_eq!(root.files_with_secret(), 0);
}

#[test]
fn the_command_line_is_in_no_file_if_it_is_omitted() {
    let root = Root::new();
    let command = ["sh", "-c", "exit 3", SECRET];
    assert_code(&run(&mut root.with_state(&["--omit", "command"], &command)), 3);
    assert_eq!(root.files_with_secret(), 0);
    let manifest = root.manifest();
    let state = &manifest["commands"][0];
    assert_eq!((&state["title"], &state["command"]), (&json!("command"), &json!("")));
    assert_eq!(
        (&state["exit_code"], &manifest["status_detail"]),
        (&3.into(), &"exit code 3".into())
    );
    let entry = &history(root.path(), "task")["runs"][0];
    assert_eq!((&entry["command"], &entry["exitCode"]), (&json!(""), &3.into()));
    // Else it is in the manifest, the summary and the history.
    assert_code(&run(&mut root.with_state(&[], &command)), 3);
    assert_eq!(root.files_with_secret(), 3);
}

#[test]
fn why_an_omitted_command_was_not_started_names_it_on_standard_error_alone() {
    for (name, code) in [("no-such-s3cret", 127), ("s3cret", 126)] {
        let root = Root::new();
        let program = root.path().join(name);
        if code == 126 {
            fs::create_dir(&program).unwrap();
        }
        let program = program.to_str().unwrap();
        let output = run(&mut root.with_state(&["--omit=command"], &[program]));
        assert_code(&output, code);
        assert!(text(&output.stderr).contains(SECRET), "{output:?}");
        assert_eq!(root.files_with_secret(), 0);
        assert_eq!(root.manifest()["status_detail"], "the command was not started");
        assert_eq!(root.manifest()["commands"][0]["exit_code"], code);
    }
}

#[test]
fn the_output_is_in_no_file_if_it_is_omitted() {
    // The manifest is looked at once it tells of the output.
    let script = r#"printf s3cret; printf s3cret >&2
        until grep -q '"stderr_bytes": 6' "$STATE"; do :; done; grep -c s3cret "$STATE""#;
    let root = Root::new();
    let flags = ["--interval", "1", "--omit", "output"];
    let output = run(&mut root.with_state(&flags, &["sh", "-c", script]));
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("s3cret1\n".into(), SECRET.into()));
    let manifest = root.manifest();
    assert_eq!((&manifest["output_tail"], &manifest["stdout_bytes"]), (&json!(""), &8.into()));
    // The script itself is in each of them.
    assert!(manifest["commands"][0]["command"].as_str().unwrap().contains(SECRET));

    let root = Root::new();
    let flags = ["--omit", "output,command"];
    let output = run(&mut root.with_state(&flags, &["sh", "-c", "echo s3cret; exit 1"]));
    assert_code(&output, 1);
    assert_eq!(text(&output.stdout), "s3cret\n");
    assert_eq!(root.files_with_secret(), 0);
}

#[test]
fn every_file_has_the_mode_that_is_asked_for_whatever_the_umask() {
    for (mode, file_mode, dir_mode) in [("600", 0o600, 0o700), ("640", 0o640, 0o750)] {
        for umask in [0o000, 0o077] {
            let root = Root::new();
            let flags = ["--mode", mode];
            let output =
                run(with_umask(&mut root.with_state(&flags, &["sh", "-c", "umask"]), umask));
            assert_code(&output, 0);
            assert_eq!(text(&output.stdout), format!("{umask:04o}\n"), "it is the command's");
            root.assert_modes(file_mode, dir_mode);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_is_the_group_s_makes_new_ones_so() {
    for umask in [0o000, 0o077] {
        let root = Root::new();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o2775)).unwrap();
        assert_code(
            &run(with_umask(&mut root.with_state(&["--mode", "660"], &["true"]), umask)),
            0,
        );
        root.assert_modes(0o660, 0o2770);
    }
}

#[test]
fn a_file_that_is_replaced_gets_the_mode_that_is_asked_for_and_directories_keep_theirs() {
    let root = Root::new();
    assert_code(&run(with_umask(&mut root.with_state(&[], &["true"]), 0o022)), 0);
    root.assert_modes(0o644, 0o755);
    assert_code(&run(with_umask(&mut root.with_state(&["--mode", "600"], &["true"]), 0o022)), 0);
    root.assert_modes(0o600, 0o755);
    // From then on it is kept.
    assert_code(&run(with_umask(&mut root.with_state(&[], &["true"]), 0o022)), 0);
    root.assert_modes(0o600, 0o755);
}

#[test]
fn a_copy_of_a_corrupt_history_has_the_mode_that_is_asked_for() {
    let root = Root::new();
    let path = history_path(root.path(), "task");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "corrupt").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_code(&run(&mut root.with_state(&["--mode", "600"], &["true"])), 0);
    let files: Vec<_> = root.entries().into_iter().filter(|(path, _)| path.is_file()).collect();
    assert_eq!(files.len(), 5);
    assert!(files.iter().all(|(_, mode)| *mode == 0o600), "{files:?}");
}

#[test]
fn a_feed_gives_its_files_the_mode_that_is_asked_for() {
    let root = Root::new();
    let mut feed = Feed::spawn(with_umask(feed(root.path()).args(["--mode", "640"]), 0o077));
    let ask = |feed: &mut Feed, request: Value| {
        let answer = feed.ask(&request);
        assert!(answer["error"].is_null(), "{answer}");
    };
    let of_run = |op: &str| json!({"id": 1, "op": op, "task": "task", "run": "run"});
    ask(&mut feed, of_run("open"));
    ask(&mut feed, crate::talk::with(of_run("set"), json!({"manifest": {}})));
    let both = json!({"manifest": true, "heartbeat": true, "force": true});
    ask(&mut feed, crate::talk::with(of_run("schedule"), both));
    let summary = json!({"taskId": "task", "runId": "run", "timestamp": "2026-01-06T00:00:00Z"});
    ask(&mut feed, json!({"id": 1, "op": "record", "summary": summary}));
    assert_code(&feed.end(), 0);
    root.assert_modes(0o640, 0o750);
}

#[test]
fn a_command_line_of_any_size_is_kept_once_and_bounded() {
    const WORD_BYTES: usize = 128 * 1024 - 1;
    for (sign, bytes_max) in [("x", 40_000), ("\u{1}", 220_000)] {
        let root = Root::new();
        let word = sign.repeat(WORD_BYTES);
        let command: Vec<&str> = std::iter::once("true").chain([word.as_str(); 12]).collect();
        assert_code(&run(&mut root.with_state(&[], &command)), 0);
        let state = &root.manifest()["commands"][0];
        let shown = state["command"].as_str().unwrap();
        assert!(shown.starts_with("true ") && shown.ends_with("..."), "{}", &shown[..20]);
        assert_eq!((&state["title"], &state["command_is_cut"]), (&"true".into(), &true.into()));
        assert!(fs::metadata(root.manifest_path()).unwrap().len() < bytes_max);
    }
    let root = Root::new();
    assert_code(&run(&mut root.with_state(&[], &["true", "a b"])), 0);
    let state = &root.manifest()["commands"][0];
    assert_eq!(
        (&state["command"], &state["command_is_cut"]),
        (&"true 'a b'".into(), &false.into())
    );
}
