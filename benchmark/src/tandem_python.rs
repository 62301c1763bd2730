//! Tandem's package for Python, put into `target/bench-tandem-python` with the component that is
//! measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::parts::{copy, read, run, write};
use crate::say::say;
use crate::target_directory;

fn directory() -> PathBuf {
    target_directory().join("bench-tandem-python")
}

/// That of an environment of its own.
fn python() -> PathBuf {
    directory().join("venv").join("bin").join("python")
}

/// Runs the contender, which finds the package beside itself.
pub fn command() -> tokio::process::Command {
    let mut command = tokio::process::Command::new(python());
    command.arg(directory().join("tandem.py"));
    command
}

/// Put everything in its place.
///
/// # Errors
/// Why it cannot take part, in a few words.
pub fn ensure() -> Result<(), String> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bindings/python");
    let directory = directory();
    let place = directory.join("tandem_persistence");
    copy(&package.join("src").join("tandem_persistence"), &place, &["py"])?;
    write(&place.join("tandem-blocking.wasm"), tandem_components::TANDEM_BLOCKING)?;
    write(&directory.join("tandem.py"), include_str!("../python/tandem.py"))?;

    let project = read(&package.join("pyproject.toml"))?;
    let needed = needed(&project).ok_or("the package does not tell what it needs")?;
    // Written when it is there.
    let installed = directory.join("installed.txt");
    if !read(&installed).is_ok_and(|found| found == needed) {
        let version = "import sys; sys.exit(0 if sys.version_info >= (3, 11) else 'error: it is older than 3.11')";
        run(Command::new("python3").args(["-c", version]), "python3")?;
        say("installing what Tandem in Python needs into target/bench-tandem-python");
        let venv = directory.join("venv");
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv), "python3 -m venv")?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(python()).args(install).arg(needed), "pip")?;
        write(&installed, needed)?;
    }
    Ok(())
}

/// The one thing that the package depends on.
fn needed(project: &str) -> Option<&str> {
    let line = project.lines().find_map(|line| line.strip_prefix("dependencies = [\""))?;
    line.strip_suffix("\"]")
}
