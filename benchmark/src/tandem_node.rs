//! Tandem's package for Node, made in `target/bench-tandem-node` of the component that is measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::parts::{copy, read, run, write};
use crate::say::say;
use crate::target_directory;

fn directory() -> PathBuf {
    target_directory().join("bench-tandem-node")
}

/// The package needs a newer one than the system may have, and brings it.
fn node() -> PathBuf {
    directory().join("node_modules").join(".bin").join("node")
}

/// Runs the contender.
pub fn command() -> tokio::process::Command {
    let mut command = tokio::process::Command::new(node());
    command.arg(directory().join("tandem.mjs"));
    command
}

/// Make the package.
///
/// # Errors
/// Why it cannot take part, in a few words.
pub fn ensure() -> Result<(), String> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bindings/js");
    let directory = directory();
    // npm leaves this when it is done.
    let done = directory.join("node_modules").join(".package-lock.json");
    let mut is_done = done.exists();
    for name in ["build", "src"] {
        copy(&package.join(name), &directory.join(name), &["js"])?;
    }
    for name in ["package.json", "package-lock.json"] {
        let text = read(&package.join(name))?;
        let place = directory.join(name);
        is_done &= read(&place).is_ok_and(|found| found == text);
        write(&place, text)?;
    }
    write(&directory.join("tandem.mjs"), include_str!("../node/tandem.mjs"))?;
    if !is_done {
        say("installing what Tandem in Node is made with into target/bench-tandem-node");
        let install = ["ci", "--no-audit", "--no-fund", "--loglevel", "error"];
        run(Command::new("npm").args(install).current_dir(&directory), "npm")?;
    }
    let component = directory.join("tandem-blocking.wasm");
    write(&component, tandem_components::TANDEM_BLOCKING)?;
    let build = directory.join("build").join("build.js");
    let mut build_package = Command::new(node());
    build_package.arg(build).env("TANDEM_COMPONENT", component);
    run(&mut build_package, "the build of the package").map(drop)
}
