//! One engine for all tests of a process, and the component of this build.

use std::sync::OnceLock;

use tandem_components::TANDEM_BLOCKING;
use tandem_host::Error;
use tandem_host::testing::{component_failed, keep_compiled};
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

/// An engine that is configured as the library's.
pub(super) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let mut config = Config::new();
        config.wasm_component_model(true);
        config.wasm_component_model_async(true);
        config.epoch_interruption(true);
        keep_compiled(&mut config);
        Engine::new(&config).expect("an engine")
    })
}

/// Compiles the component of this build, unless this process has it. That takes seconds, which belong
/// to no limit against hangs.
pub fn load_component() {
    built_in();
}

fn built_in() -> &'static Component {
    static COMPONENT: OnceLock<Component> = OnceLock::new();
    COMPONENT
        .get_or_init(|| Component::from_binary(engine(), TANDEM_BLOCKING).expect("the component"))
}

/// This component, or that of this build.
pub(super) fn component(bytes: Option<Vec<u8>>) -> Result<Component, Error> {
    match bytes {
        Some(bytes) => Component::from_binary(engine(), &bytes).map_err(component_failed),
        None => Ok(built_in().clone()),
    }
}
