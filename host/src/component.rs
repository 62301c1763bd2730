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
    component
}

#[cfg(test)]
mod tests {
    use wasmtime::Precompiled;

    use super::*;
    use crate::engine::Compiled;

    #[test]
    fn the_component_is_compiled_by_the_build_and_not_at_each_start() {
        assert_eq!(Engine::detect_precompiled(PRECOMPILED), Some(Precompiled::Component));
        assert!(Compiled::embedded().is_ok());
    }
}
