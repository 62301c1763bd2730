//! Compiles the component for the machine that the library will run on.

use std::path::Path;

use wasmtime::Engine;

#[path = "../src/engine/config.rs"]
mod config;

/// Writes what a library for `target` can load at once; nothing if the compiler at hand knows only
/// other processors, so that the library compiles the component when it needs it.
pub fn precompile(component: &Path, target: &str, out: &Path) -> Result<bool, String> {
    let bytes = std::fs::read(component)
        .map_err(|error| format!("cannot read {}: {error}", component.display()))?;
    let mut config = config::config();
    // For any processor of that kind, not for the one that builds.
    let known = config.target(target).is_ok();
    let engine = known.then(|| Engine::new(&config)).transpose().ok().flatten();
    let compiled = match &engine {
        Some(engine) => engine
            .precompile_component(&bytes)
            .map_err(|error| format!("wasmtime cannot compile the component: {error:#}"))?,
        None => Vec::new(),
    };
    super::component::replace(out, &compiled)
        .map_err(|error| format!("cannot write {}: {error}", out.display()))?;
    Ok(engine.is_some())
}
