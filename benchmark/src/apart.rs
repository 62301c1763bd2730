//! The contender that cannot be linked here, built in `target/bench-apart`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::say::say;
use crate::target_directory;

fn directory() -> PathBuf {
    target_directory().join("bench-apart")
}

fn program() -> PathBuf {
    directory().join("release").join("tandem-bench-apart")
}

/// Runs the contender.
pub fn command() -> tokio::process::Command {
    tokio::process::Command::new(program())
}

/// Build it.
///
/// # Errors
/// Why it cannot take part, in a few words.
pub fn ensure() -> Result<(), String> {
    if !program().exists() {
        say("building the contender that cannot be linked here, in target/bench-apart");
    }
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("apart/Cargo.toml");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "--locked", "--quiet", "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(directory())
        .output()
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().find(|line| line.starts_with("error"));
        return Err(format!("it cannot be built: {}", said.unwrap_or("cargo does not say why")));
    }
    Ok(())
}
