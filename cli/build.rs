//! Compiles the component for the processor that the program will run on, so that no start has to,
//! and tells the program where it is, as `TANDEM_PRECOMPILED`.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={message}");
            ExitCode::SUCCESS
        }
    }
}

fn run() -> Result<(), String> {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name| std::env::var(name).map_err(|error| format!("{name}: {error}"));
    let (target, host) = (variable("TARGET")?, variable("HOST")?);
    let out = PathBuf::from(variable("OUT_DIR")?).join("tandem.cwasm");
    let compiled = match tandem_host::precompile(&target) {
        Ok(compiled) => compiled,
        Err(error) if target != host => {
            println!("cargo::warning=each start will compile the component: {}", message(&error));
            Vec::new()
        }
        Err(error) => return Err(message(&error)),
    };
    std::fs::write(&out, compiled)
        .map_err(|error| format!("cannot write {}: {error}", out.display()))?;
    println!("cargo::rustc-env=TANDEM_PRECOMPILED={}", out.display());
    Ok(())
}

fn message(error: &tandem_host::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
