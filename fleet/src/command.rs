//! Running other programs.

use std::process::Command;

/// Runs a program of the system that must succeed.
///
/// # Errors
/// What it said, or that it is not there.
pub fn must(words: &[&str]) -> Result<(), String> {
    let [program, arguments @ ..] = words else { return Ok(()) };
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{program} cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{}` fails: {}", words.join(" "), said.trim()))
}
