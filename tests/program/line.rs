//! The command line.

use crate::support::{assert_one_line, run, tandem, text};

#[test]
fn a_wrong_command_line_is_one_line_and_exit_code_2() {
    for args in [
        &[][..],
        &["fed"],
        &["--no-such"],
        &["feed", "--rot", "."],
        &["feed", "--root"],
        &["feed", "x"],
        &["status", "--jsn"],
        &["status", "\u{1b}[31m\nx"],
        &["history"],
        &["history", "--task", "x", "--limit", "no"],
        &["exec", "--keep-last", "0", "--", "true"],
        &["exec", "--mode", "400", "--", "true"],
        &["exec", "--mode", "u=rw", "--", "true"],
        &["exec", "--omit", "nothing", "--", "true"],
        &["feed", "--mode", "755"],
        &["component"],
    ] {
        let stderr = assert_one_line(&run(&mut tandem(args)), 2);
        assert!(stderr.starts_with("tandem: ") && stderr.contains("--help'"), "{stderr}");
        assert!(!stderr.contains('\u{1b}'));
    }
}

#[test]
fn help_documents_every_flag() {
    for (command, flags) in [
        (
            "exec",
            &[
                "--root",
                "--task",
                "--run",
                "--interval",
                "--heartbeat",
                "--durability",
                "--no-record",
                "--keep-last",
                "--lock-wait",
                "--omit",
                "--mode",
                "--no-progress",
            ][..],
        ),
        ("feed", &["--root", "--mode"]),
        ("status", &["--root", "--json", "--watch"]),
        ("history", &["--root", "--task", "--limit", "--json"]),
        ("component", &["--out"]),
    ] {
        let output = run(&mut tandem(&[command, "--help"]));
        assert!(output.status.success());
        let help = text(&output.stdout);
        assert!(flags.iter().all(|flag| help.contains(flag)), "{help}");
    }
}

#[test]
fn the_version_is_told() {
    let output = run(&mut tandem(&["--version"]));
    assert_eq!(text(&output.stdout), concat!("tandem ", env!("CARGO_PKG_VERSION"), "\n"));
}
