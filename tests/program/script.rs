//! Commands that the system does not run by itself, or not at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{run, tandem, text};

/// Makes a program. Another process writes it: one that this process has open for writing cannot be
/// run, and the children that other tests start meanwhile have it open too.
fn program(dir: &Path, name: &str, content: &[u8]) -> PathBuf {
    let (written, program) = (dir.join("content"), dir.join(name));
    fs::write(&written, content).unwrap();
    let mut copy = Command::new("sh");
    copy.args(["-c", "cp \"$1\" \"$2\" && chmod 755 \"$2\"", "sh"]).arg(written).arg(&program);
    assert!(run(&mut copy).status.success());
    program
}

fn exec(root: &Path, program: &Path, arguments: &[&str]) -> Command {
    let mut exec = tandem(&["exec", "--task", "task", "--run", "run", "--root"]);
    exec.arg(root).arg("--").arg(program).args(arguments);
    exec
}

fn detail(root: &Path) -> Value {
    let path = root.join(".runs/task/cli/run/manifest.json");
    let manifest: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    manifest["status_detail"].clone()
}

#[test]
fn a_script_without_a_first_line_is_run_by_sh() {
    let root = tempfile::tempdir().unwrap();
    let job = program(root.path(), "job", b"echo \"$0 $1\"\nexit 3\n");
    let done = run(&mut exec(root.path(), &job, &["a b"]));
    assert_eq!(done.status.code(), Some(3), "{}", text(&done.stderr));
    assert_eq!(text(&done.stdout), format!("{} a b\n", job.display()));

    // As `PATH` finds it, behind a file of that name that cannot be run.
    let first = root.path().join("first");
    fs::create_dir(&first).unwrap();
    fs::write(first.join("job"), "").unwrap();
    let path = std::env::join_paths([&*first, root.path(), Path::new("/bin")]).unwrap();
    let done = run(exec(root.path(), Path::new("job"), &["x"]).env("PATH", path));
    assert_eq!(text(&done.stdout), format!("{} x\n", job.display()), "{}", text(&done.stderr));

    let empty = program(root.path(), "empty", b"");
    assert_eq!(run(&mut exec(root.path(), &empty, &[])).status.code(), Some(0));
}

#[test]
fn a_script_without_a_first_line_is_run_however_its_output_and_group_are() {
    for flag in ["--group", "--pty", "--no-capture"] {
        let root = tempfile::tempdir().unwrap();
        let job = program(root.path(), "job", b"echo ran; exit 3\n");
        let mut exec = tandem(&["exec", flag, "--root"]);
        let done = run(exec.arg(root.path()).arg("--").arg(&job));
        assert_eq!((done.status.code(), text(&done.stdout).trim_end()), (Some(3), "ran"), "{flag}");
    }
}

#[test]
fn a_program_for_another_machine_is_no_script() {
    let root = tempfile::tempdir().unwrap();
    let other = program(root.path(), "other", b"\x7fELF\x00\x00echo ran\n");
    let done = run(&mut exec(root.path(), &other, &[]));
    assert_eq!((done.status.code(), &*text(&done.stdout)), (Some(126), ""));
    assert!(text(&done.stderr).contains("Exec format error"), "{}", text(&done.stderr));
}

fn assert_told(done: &Output, root: &Path, code: i32, told: &str) {
    let stderr = text(&done.stderr);
    assert_eq!(done.status.code(), Some(code), "{stderr}");
    assert_eq!(detail(root), told);
    assert_eq!(stderr, format!("tandem exec: {}\n", told.replace('\r', "\\r")));
}

#[test]
fn a_missing_interpreter_is_told_and_not_a_missing_command() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let nested = program(root, "nested", b"#!/no/such/nested\n");
    let begin = format!("#!{}\n", nested.display());
    for (content, interpreter) in [
        (&b"#!/no/such/interpreter -x\necho\n"[..], "/no/such/interpreter"),
        (b"#! \t/no/such/interpreter", "/no/such/interpreter"),
        // From an editor that ends lines in another way.
        (b"#!/bin/sh\r\necho\r\n", "/bin/sh\r"),
        (begin.as_bytes(), "/no/such/nested"),
    ] {
        let job = program(root, "job", content);
        let done = run(&mut exec(root, &job, &[]));
        let told = format!("interpreter not found: {interpreter}, of {}", job.display());
        assert_told(&done, root, 127, &told);
    }
    let missing = root.join("missing");
    let done = run(&mut exec(root, &missing, &[]));
    assert_told(&done, root, 127, &format!("command not found: {}", missing.display()));
}

#[test]
fn an_interpreter_that_cannot_be_run_is_told() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    fs::write(root.join("interpreter"), "").unwrap();
    let interpreter = root.join("interpreter");
    let content = format!("#!{}\n", interpreter.display());
    let job = program(root, "job", content.as_bytes());
    let told = format!(
        "interpreter cannot be run: Permission denied (os error 13): {}, of {}",
        interpreter.display(),
        job.display()
    );
    assert_told(&run(&mut exec(root, &job, &[])), root, 126, &told);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn a_missing_loader_is_told_and_not_a_missing_command() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let mut content = fs::read(env!("CARGO_BIN_EXE_tandem")).unwrap();
    let loader = content.windows(4).position(|bytes| bytes == b"/ld-").unwrap();
    content[loader..loader + 4].copy_from_slice(b"/no-");
    let begin = content[..loader].iter().rposition(|&byte| byte == 0).unwrap() + 1;
    let end = loader + content[loader..].iter().position(|&byte| byte == 0).unwrap();
    let name = text(&content[begin..end]);
    let job = program(root, "job", &content);
    let told = format!("interpreter not found: {name}, of {}", job.display());
    assert_told(&run(&mut exec(root, &job, &[])), root, 127, &told);
}
