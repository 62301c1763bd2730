//! The examples of the library.

use std::process::{Command, Output, Stdio};

/// Cargo builds the examples of a package before its tests.
fn example(name: &str) -> Command {
    let program = std::env::current_exe().unwrap();
    let directory = program.parent().and_then(std::path::Path::parent).unwrap();
    Command::new(directory.join("examples").join(name))
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_disk_of_ones_own_holds_all_files_and_nothing_is_written_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(example("own_disk").current_dir(dir.path()));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    for part in [
        ".runs/nightly/cli/r1/.heartbeat, 25 bytes:\n",
        ".runs/nightly/cli/r1/manifest.json, 28 bytes:\n{\n  \"status\": \"succeeded\"\n}\n",
        ".runs/nightly/r1/manifest.json, ",
        "out/nightly/runs.json, ",
    ] {
        assert!(shown.contains(part), "{part:?} is not in {shown}");
    }
    assert_eq!(shown.matches(" bytes:").count(), 4, "{shown}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_run_is_kept_from_tokio_from_smol_and_without_a_runtime() {
    for (name, runs) in
        [("tokio", &["r1", "r2", "r3"][..]), ("smol", &["r1"]), ("no_runtime", &["r1"])]
    {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let output = run(example(name).arg(&state));
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        for run in runs {
            let manifest = state.join(".runs/nightly/cli").join(run).join("manifest.json");
            let written = std::fs::read_to_string(manifest).unwrap();
            assert_eq!(written, "{\n  \"status\": \"succeeded\"\n}\n", "{name}");
        }
    }
}
