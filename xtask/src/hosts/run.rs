//! How a package is set up and tested, and how the judge is run.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::process::{Failure, cargo, must, must_apart};

/// What stands in `bindings`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Package {
    Js,
    Python,
}

/// Plays the cases in a host, whose name the tests of the judge begin with.
pub fn judge(host: &str) -> Result<(), Failure> {
    // As `cargo xtask test` chooses packages, so that nothing is compiled for other features.
    let mut tests = cargo([
        "test",
        "--workspace",
        "--exclude",
        "tandem-benchmark",
        "--test",
        "conformance",
        "--",
    ]);
    tests.arg(format!("{host}::")).env("TANDEM_HOSTS", host);
    must(format!("the cases in {host}"), &mut tests)
}

/// Sets a package up and runs its tests. What they print goes into `printed`.
pub fn package(package: Package, workspace: &Path, printed: &mut Vec<u8>) -> Result<(), Failure> {
    match package {
        Package::Js => js(workspace, printed),
        Package::Python => python(workspace, printed),
    }
}

/// The package builds the component by itself, and brings the engines that it needs.
fn js(workspace: &Path, printed: &mut Vec<u8>) -> Result<(), Failure> {
    let package = directory(workspace, "js")?;
    must_be_there("npm", "install Node with npm")?;
    let npm = |argument: &str| {
        let mut npm = Command::new("npm");
        npm.arg(argument).current_dir(&package);
        npm
    };
    must_apart("npm ci", &mut npm("ci"), printed)?;
    must_apart("npm test", &mut npm("test"), printed)
}

/// Its tests build the component by themselves.
fn python(workspace: &Path, printed: &mut Vec<u8>) -> Result<(), Failure> {
    let package = directory(workspace, "python")?;
    must_be_there("python3", "install Python 3.11 or newer with its module venv")?;
    must_be_new_enough("python3")?;
    let environment = workspace.join("target").join("python-venv");
    let mut create = Command::new("python3");
    must_apart("python3 -m venv", create.args(["-m", "venv"]).arg(&environment), printed)?;
    let python = environment.join("bin").join("python");
    let module = |arguments: &[&str]| {
        let mut command = Command::new(&python);
        command.arg("-m").args(arguments).current_dir(&package);
        command
    };
    let install = ["pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    must_apart("pip", module(&install).arg("requirements-dev.txt"), printed)?;
    must_apart("pytest", &mut module(&["pytest"]), printed)
}

fn directory(workspace: &Path, name: &str) -> Result<PathBuf, Failure> {
    let path = workspace.join("bindings").join(name);
    if path.is_dir() { Ok(path) } else { Err(format!("there is no {}", path.display()).into()) }
}

fn must_be_there(program: impl AsRef<OsStr>, advice: &str) -> Result<(), Failure> {
    let program = program.as_ref();
    let shown = program.display();
    let tried = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    match tried {
        Ok(status) if status.success() => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(format!("there is no {shown}: {advice}").into())
        }
        _ => Err(format!("{shown} cannot be run: check its installation").into()),
    }
}

/// The package asks for this version, and pip would say so only after the environment is made.
fn must_be_new_enough(python: &str) -> Result<(), Failure> {
    let mut command = Command::new(python);
    command.args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
    let output = command.output().map_err(|error| format!("cannot run {python}: {error}"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if is_new_enough(&version) {
        return Ok(());
    }
    Err(format!("{python} must be 3.11 or newer, and is {version}").into())
}

fn is_new_enough(version: &str) -> bool {
    let numbers = version.split_once('.').map(|(major, minor)| (major.parse(), minor.parse()));
    matches!(numbers, Some((Ok(major), Ok(minor))) if (major, minor) >= (3_u32, 11_u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_is_new_enough_from_3_11_on() {
        for version in ["3.11", "3.14", "4.0"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["3.10", "3.9", "2.7", "3", ""] {
            assert!(!is_new_enough(version), "{version}");
        }
    }
}
