//! `tandem component`.

use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt, symlink};
use std::process::{Command, Stdio};

use tandem_components::TANDEM;

use crate::support::{Guarded, assert_one_line, run, tandem, text};

fn component(out: &str) -> Command {
    tandem(&["component", "--out", out])
}

#[test]
fn it_writes_the_component_and_says_where_and_how_large() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("tandem.wasm");
    fs::write(&out, "old").unwrap();
    let output = run(&mut component(out.to_str().unwrap()));
    assert!(output.status.success());
    assert_eq!(text(&output.stdout), format!("wrote {}, {} bytes\n", out.display(), TANDEM.len()));
    assert_eq!(fs::read(&out).unwrap(), TANDEM);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn it_writes_to_a_pipe() {
    assert_eq!(run(&mut component("-")).stdout, TANDEM);
    assert!(run(&mut component("/dev/stdout")).stdout.starts_with(TANDEM));
}

#[test]
fn a_link_stays_a_link_and_a_device_a_device() {
    let dir = tempfile::tempdir().unwrap();
    let (link, target) = (dir.path().join("link"), dir.path().join("target"));
    fs::write(&target, "old").unwrap();
    symlink("target", &link).unwrap();
    assert!(run(&mut component(link.to_str().unwrap())).status.success());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&target).unwrap(), TANDEM);

    assert!(run(&mut component("/dev/null")).status.success());
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[test]
fn what_cannot_be_written_is_told_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("no/tandem.wasm");
    for out in [dir.path().to_str().unwrap(), missing.to_str().unwrap(), "/dev/full"] {
        let stderr = assert_one_line(&run(&mut component(out)), 1);
        assert!(stderr.contains("cannot write"), "{stderr}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_full_standard_output_is_told() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = component("-");
    command.stdin(Stdio::null()).stdout(full).stderr(Stdio::piped());
    let stderr = assert_one_line(&Guarded::spawn(&mut command).output(), 1);
    assert!(stderr.contains("standard output"), "{stderr}");
}
