//! The component that the build script built.

use wasmtime::Engine;
use wasmtime::component::Component;

/// The Tandem component. It links with every host of WASI 0.3.
pub const COMPONENT: &[u8] = include_bytes!(env!("TANDEM_COMPONENT"));

/// The same, compiled for this target with the configuration of this library's engines; empty if
/// the build could not.
const PRECOMPILED: &[u8] = include_bytes!(env!("TANDEM_PRECOMPILED"));

/// The component, for an engine of this library's configuration.
pub(crate) fn embedded(engine: &Engine) -> wasmtime::Result<Component> {
    if PRECOMPILED.is_empty() {
        return Component::from_binary(engine, COMPONENT);
    }
    // SAFETY: these bytes are what wasmtime made of the component when this library was built, and
    // nobody can have changed them since but who changes the program itself.
    #[allow(unsafe_code, reason = "the one call that loads what this build compiled")]
    let component = unsafe { Component::deserialize(engine, PRECOMPILED) };
    // The wasmtime that the library is linked with may have other features than the one that
    // compiled it.
    component.or_else(|_| Component::from_binary(engine, COMPONENT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::engine;

    #[test]
    #[allow(unsafe_code, reason = "what the build compiled, as above")]
    fn what_the_build_compiled_can_be_loaded_as_it_is() {
        // SAFETY: as above.
        let component = unsafe { Component::deserialize(&engine().unwrap(), PRECOMPILED) };
        assert!(component.is_ok());
    }
}
