//! The examples of the library.

use std::path::Path;
use std::process::Command;

use crate::support::{run, text};

/// `cargo test` builds the examples; with a choice of targets it may not.
fn example(name: &str) -> Command {
    let tandem = Path::new(env!("CARGO_BIN_EXE_tandem"));
    let path = tandem.with_file_name("examples").join(name);
    assert!(path.is_file(), "build the examples first: cargo build -p tandem-host --examples");
    Command::new(path)
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
