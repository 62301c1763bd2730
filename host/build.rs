//! Builds both components and tells the library where they are, as `TANDEM_COMPONENT` and
//! `TANDEM_SYNC_COMPONENT`, and where they are compiled for this target, as `TANDEM_PRECOMPILED` and
//! `TANDEM_SYNC_PRECOMPILED`.

use std::path::PathBuf;
use std::process::ExitCode;

#[path = "build/component.rs"]
mod component;
#[path = "build/precompile.rs"]
mod precompile;

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
    let out_dir = directory("OUT_DIR")?;
    let workspace = manifest_dir
        .parent()
        .ok_or_else(|| format!("{} is not in the workspace", manifest_dir.display()))?;
    for name in ["Cargo.toml", "Cargo.lock", "src", "wit"] {
        println!("cargo::rerun-if-changed={}", workspace.join(name).display());
    }
    let variable = |name| std::env::var(name).map_err(|error| format!("{name}: {error}"));
    let (target, host) = (variable("TARGET")?, variable("HOST")?);
    // Below the target directory, debug, release and clippy builds compile the component once.
    let shared = component::target_dir_of(&out_dir).unwrap_or(&out_dir);
    for (world, name) in [(component::TANDEM, "TANDEM"), (component::TANDEM_SYNC, "TANDEM_SYNC")] {
        let out = out_dir.join(world.name).with_extension("wasm");
        world.build(workspace, shared, &out)?;
        println!("cargo::rustc-env={name}_COMPONENT={}", out.display());

        let precompiled = out.with_extension("cwasm");
        if let Some(reason) = precompile::precompile(&out, &target, &host, &precompiled)? {
            let rest = "each start of the library will";
            println!("cargo::warning=cannot compile the component for {target}, {rest}: {reason}");
        }
        println!("cargo::rustc-env={name}_PRECOMPILED={}", precompiled.display());
    }
    Ok(())
}

fn directory(variable: &str) -> Result<PathBuf, String> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .ok_or_else(|| format!("{variable} is not set: this program is run by cargo"))
}
