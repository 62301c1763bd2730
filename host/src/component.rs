//! The component, and how it becomes machine code.
//!
//! What is trusted as machine code stands in `docs/compiled-code.md`.

use wasmtime::Engine;

use tandem_components::TANDEM;

use crate::engine::config;
use crate::error::Error;

/// Compile the component that is built in for any processor of a target, such as `x86_64-unknown-linux-gnu`, for
/// [`Builder::precompiled`](crate::Builder::precompiled). It is for build scripts, so that no start
/// of the program has to compile:
///
/// ```no_run
/// // build.rs, with tandem-host among the build-dependencies
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let compiled = tandem_host::precompile(&std::env::var("TARGET")?)?;
/// let path = std::path::PathBuf::from(std::env::var("OUT_DIR")?).join("tandem.cwasm");
/// std::fs::write(&path, compiled)?;
/// println!("cargo::rustc-env=TANDEM_PRECOMPILED={}", path.display());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `component-failed`: this compiler does not know the target.
pub fn precompile(target: &str) -> Result<Vec<u8>, Error> {
    let mut config = config();
    config
        .target(target)
        .and_then(|config| Engine::new(config))
        .and_then(|engine| engine.precompile_component(TANDEM))
        .map_err(Error::component_unusable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_target_is_an_error() {
        let error = precompile("z80-zilog-spectrum").unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::ComponentFailed);
    }
}
