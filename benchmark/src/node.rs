//! Node, and the packages that are measured in it, in `target/bench-node`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::parts::run;
use crate::say::say;
use crate::target_directory;

/// What it runs, beside what npm puts there.
const FILES: [(&str, &str); 3] = [
    ("package.json", include_str!("../node/package.json")),
    ("package-lock.json", include_str!("../node/package-lock.json")),
    ("peer.mjs", include_str!("../node/peer.mjs")),
];

/// The first that all the packages run with.
const MAJOR_MIN: u32 = 20;

fn directory() -> PathBuf {
    target_directory().join("bench-node")
}

/// Runs the contenders.
pub fn command() -> tokio::process::Command {
    let mut command = tokio::process::Command::new("node");
    command.arg(directory().join("peer.mjs"));
    command
}

/// Put everything in its place.
///
/// # Errors
/// Why there can be no contenders in Node, in a few words.
pub fn ensure() -> Result<(), String> {
    let version = run(Command::new("node").arg("--version"), "node")?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next();
    if major.and_then(|major| major.parse().ok()).is_none_or(|major: u32| major < MAJOR_MIN) {
        return Err(format!("node {version} is older than {MAJOR_MIN}"));
    }
    // npm leaves this when it is done.
    let done = directory().join("node_modules").join(".package-lock.json");
    let is_done = done.exists() && FILES.iter().take(2).all(|(name, text)| is_there(name, text));
    let placed = fs::create_dir_all(directory()).and_then(|()| {
        FILES.iter().try_for_each(|(name, text)| fs::write(directory().join(name), text))
    });
    placed.map_err(|error| format!("cannot write {}: {error}", directory().display()))?;
    if !is_done {
        say("installing the npm packages into target/bench-node");
        let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
        run(Command::new("npm").args(install).current_dir(directory()), "npm")?;
    }
    Ok(())
}

fn is_there(name: &str, text: &str) -> bool {
    fs::read_to_string(directory().join(name)).is_ok_and(|found| found == text)
}
