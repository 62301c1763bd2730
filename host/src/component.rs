//! The component, and how it becomes machine code.
//!
//! What is trusted as machine code stands in `docs/compiled-code.md`.

use wasmtime::Engine;

use tandem_components::TANDEM;

use crate::engine::{Precompiled, Reservation, config};
use crate::error::Error;

/// Compile the component that is built in for any processor of a target, such as `x86_64-unknown-linux-gnu`, for
/// [`Builder::precompiled`](crate::Builder::precompiled). It is for build scripts, so that no start
/// of the program has to compile. It is compiled twice, the second time for processes whose address
/// space is limited:
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
    let compile = |reservation| {
        let mut config = config(reservation);
        Engine::new(config.target(target)?)?.precompile_component(TANDEM)
    };
    let joined =
        || Ok(Precompiled::join(&compile(Reservation::Whole)?, &compile(Reservation::Little)?));
    joined().map_err(Error::component_unusable)
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
