//! Compiles the component for the machine that the library will run on.

use std::path::Path;

use wasmtime::Engine;

#[path = "../src/engine/config.rs"]
mod config;

/// Writes what a library for `target` can load at once, and gives nothing back. If the compiler at
/// hand, which runs on `host`, does not know that target, the file is empty, and the reason is given
/// back: the library then compiles the component when it needs it.
pub fn precompile(
    component: &Path,
    target: &str,
    host: &str,
    out: &Path,
) -> Result<Option<String>, String> {
    let bytes = std::fs::read(component)
        .map_err(|error| format!("cannot read {}: {error}", component.display()))?;
    let mut config = config::config();
    // For any processor of that kind, not for the one that builds.
    let engine = config.target(target).and_then(|config| Engine::new(config));
    let (compiled, reason) = match engine.and_then(|engine| engine.precompile_component(&bytes)) {
        Ok(compiled) => (compiled, None),
        Err(error) if target != host => (Vec::new(), Some(format!("{error:#}"))),
        Err(error) => return Err(format!("wasmtime cannot compile the component: {error:#}")),
    };
    super::component::replace(out, &compiled)
        .map_err(|error| format!("cannot write {}: {error}", out.display()))?;
    Ok(reason)
}
