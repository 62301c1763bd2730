//! Builds both components and tells the crate where they are, as `TANDEM_COMPONENT` and
//! `TANDEM_BLOCKING_COMPONENT`.
//!
//! It runs inside the repository only: `cargo xtask package --crates` puts the built components
//! into the released package, and leaves this script out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[path = "build/component.rs"]
mod component;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={message}");
            // That line alone fails the build. Failing here too makes cargo show what the
            // compiler of the component said.
            match component::target::installed() {
                Ok(true) => ExitCode::FAILURE,
                _ => ExitCode::SUCCESS,
            }
        }
    }
}

fn run() -> Result<(), String> {
    let manifest_dir = directory("CARGO_MANIFEST_DIR")?;
    // Verification of a package unpacks below `target/`: the directories above prove nothing.
    let workspace = manifest_dir.parent().filter(|dir| dir.join("src").join("lib.rs").is_file());
    let Some(workspace) = workspace else {
        return Err(String::from(
            "this package has no components: run `cargo xtask package --crates` in the repository",
        ));
    };
    let out_dir = directory("OUT_DIR")?;
    for name in ["Cargo.toml", "Cargo.lock", "src", "wit"] {
        println!("cargo::rerun-if-changed={}", workspace.join(name).display());
    }
    for name in ["build.rs", "build"] {
        println!("cargo::rerun-if-changed={}", manifest_dir.join(name).display());
    }
    for (world, name) in
        [(component::TANDEM, "TANDEM"), (component::TANDEM_BLOCKING, "TANDEM_BLOCKING")]
    {
        let out = out_dir.join(world.name).with_extension("wasm");
        world.build(workspace, &target_dir(&out_dir)?, &out)?;
        println!("cargo::rustc-env={name}_COMPONENT={}", out.display());
    }
    println!("cargo::rustc-cfg=built_here");
    Ok(())
}

/// Below the target directory, so that debug, release and clippy builds compile the components
/// once.
fn target_dir(out_dir: &Path) -> Result<PathBuf, String> {
    Ok(component::target_dir_of(out_dir).unwrap_or(out_dir).to_owned())
}

fn directory(variable: &str) -> Result<PathBuf, String> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .ok_or_else(|| format!("{variable} is not set: this program is run by cargo"))
}
