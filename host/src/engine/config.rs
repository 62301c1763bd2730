//! The configurations of this library's engines: compiled code can be loaded only by an engine that
//! is configured as its compiler was.

use wasmtime::Config;

use super::reservation::Reservation;

/// What the component needs, and an epoch to interrupt it by.
pub(crate) fn config(reservation: Reservation) -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.wasm_component_model_async(true);
    config.epoch_interruption(true);
    reservation.configure(&mut config);
    config
}
