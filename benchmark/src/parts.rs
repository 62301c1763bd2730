//! Programs and files from which contenders in other languages are set up.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Output};

/// To its end.
///
/// # Errors
/// What went wrong, in a few words.
pub fn run(command: &mut Command, name: &str) -> Result<Output, String> {
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no {name}"),
        _ => format!("{name} cannot be run: {error}"),
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().map(str::trim).find(|line| line.contains("error"));
        return Err(format!("{name} failed: {}", said.unwrap_or("it does not say why")));
    }
    Ok(output)
}

/// Copies the files with these endings, and what is below, in the place of what is there.
///
/// # Errors
/// What could not be written.
pub fn copy(from: &Path, to: &Path, endings: &[&str]) -> Result<(), String> {
    let copied = match fs::remove_dir_all(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => copy_all(from, to, endings),
    };
    copied.map_err(|error| format!("cannot copy to {}: {error}", to.display()))
}

fn copy_all(from: &Path, to: &Path, endings: &[&str]) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let to = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_all(&path, &to, endings)?;
        } else if path.extension().is_some_and(|of| endings.iter().any(|ending| of == *ending)) {
            fs::copy(&path, &to)?;
        }
    }
    Ok(())
}

/// # Errors
/// What could not be written.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), String> {
    fs::write(path, content).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// # Errors
/// What could not be read.
pub fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
