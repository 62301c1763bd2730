//! The components that the build script built.

use wasmtime::Engine;
use wasmtime::component::Component;

/// The Tandem component. It links with every host of WASI 0.3.
pub const COMPONENT: &[u8] = include_bytes!(env!("TANDEM_COMPONENT"));

/// The synchronous Tandem component. It links with every host of WASI 0.2.
pub const SYNC_COMPONENT: &[u8] = include_bytes!(env!("TANDEM_SYNC_COMPONENT"));

/// Which component.
#[derive(Clone, Copy, Debug)]
pub(crate) enum World {
    /// [`COMPONENT`].
    Tandem,
    /// [`SYNC_COMPONENT`].
    TandemSync,
}

impl World {
    fn component(self) -> &'static [u8] {
        match self {
            World::Tandem => COMPONENT,
            World::TandemSync => SYNC_COMPONENT,
        }
    }

    /// The same, compiled for this target with the configuration of this library's engines; empty
    /// if the build could not.
    fn precompiled(self) -> &'static [u8] {
        match self {
            World::Tandem => include_bytes!(env!("TANDEM_PRECOMPILED")),
            World::TandemSync => include_bytes!(env!("TANDEM_SYNC_PRECOMPILED")),
        }
    }
}

/// A component, for an engine of this library's configuration.
pub(crate) fn embedded(engine: &Engine, world: World) -> wasmtime::Result<Component> {
    // The build may have been unable to compile it, or have done so by a wasmtime with other
    // features than the one that the library is linked with.
    precompiled(engine, world).or_else(|_| Component::from_binary(engine, world.component()))
}

fn precompiled(engine: &Engine, world: World) -> wasmtime::Result<Component> {
    // SAFETY: these bytes are what wasmtime made of the component when this library was built, and
    // nobody can have changed them since but who changes the program itself.
    #[allow(unsafe_code, reason = "the one call that loads what this build compiled")]
    unsafe {
        Component::deserialize(engine, world.precompiled())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::engine;

    #[test]
    fn what_the_build_compiled_can_be_loaded_as_it_is() {
        for world in [World::Tandem, World::TandemSync] {
            assert!(precompiled(&engine().unwrap(), world).is_ok());
        }
    }
}
