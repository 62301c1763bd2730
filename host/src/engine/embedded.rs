//! The component that is built in, from machine code if that may be trusted.
//!
//! What is trusted as machine code stands in `docs/compiled-code.md`.

use tandem_components::TANDEM;
use wasmtime::Engine;
use wasmtime::component::Component;

/// The component that is built in, for an engine of this library: from `precompiled` if that was made
/// for such an engine by the same wasmtime, else by compiling it.
pub(super) fn embedded(
    engine: &Engine,
    precompiled: Option<Precompiled>,
) -> wasmtime::Result<Component> {
    if let Some(precompiled) = precompiled
        && let Ok(component) = precompiled.load(engine)
    {
        return Ok(component);
    }
    Component::from_binary(engine, TANDEM)
}

/// Machine code whose origin somebody vouched for.
#[derive(Clone, Copy)]
pub(crate) struct Precompiled(&'static [u8]);

impl Precompiled {
    /// # Safety
    /// The bytes are what [`precompile`](crate::precompile) returned, unchanged.
    #[allow(unsafe_code, reason = "who makes one vouches for the bytes")]
    pub(crate) unsafe fn new(bytes: &'static [u8]) -> Self {
        Precompiled(bytes)
    }

    pub(crate) fn load(self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: `new` was promised that wasmtime made these bytes. Those of another version or
        // configuration are refused.
        #[allow(unsafe_code, reason = "the one call that loads compiled code")]
        unsafe {
            Component::deserialize(engine, self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::precompile;
    use crate::engine::engine;

    /// Linux or macOS on the processors that wasmtime compiles for.
    fn host_target() -> String {
        let system = if cfg!(target_os = "macos") { "apple-darwin" } else { "unknown-linux-gnu" };
        format!("{}-{system}", std::env::consts::ARCH)
    }

    #[test]
    fn what_was_precompiled_is_loaded_as_it_is_and_anything_else_is_refused() {
        let compiled = precompile(&host_target()).unwrap().leak();
        let engine = engine().unwrap();
        // SAFETY: it is what `precompile` returned.
        #[allow(unsafe_code, reason = "as above")]
        let precompiled = unsafe { Precompiled::new(compiled) };
        assert!(precompiled.load(&engine).is_ok());
        // SAFETY: nothing is loaded from an empty slice.
        #[allow(unsafe_code, reason = "as above")]
        let nothing = unsafe { Precompiled::new(&[]) };
        assert!(nothing.load(&engine).is_err());
        assert!(embedded(&engine, Some(nothing)).is_ok());
    }
}
