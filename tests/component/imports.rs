//! What the component asks of its host.

use std::collections::BTreeSet;

use tandem_host::COMPONENT;
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

fn engine() -> Engine {
    Engine::new(Config::new().wasm_component_model_async(true)).unwrap()
}

#[test]
fn the_component_imports_these_interfaces_and_nothing_else() {
    let engine = engine();
    let component = Component::from_binary(&engine, COMPONENT).unwrap().component_type();
    let imports: BTreeSet<_> = component.imports(&engine).map(|(name, _)| name).collect();
    let allowed = [
        "wasi:clocks/monotonic-clock@0.3.0",
        "wasi:clocks/system-clock@0.3.0",
        "wasi:filesystem/preopens@0.3.0",
        "wasi:filesystem/types@0.3.0",
        "wasi:random/random@0.3.0",
    ];
    assert_eq!(imports, BTreeSet::from(allowed));
}

#[test]
fn the_component_exports_its_interfaces() {
    let engine = engine();
    let component = Component::from_binary(&engine, COMPONENT).unwrap().component_type();
    let exports: BTreeSet<_> = component.exports(&engine).map(|(name, _)| name).collect();
    let promised = [
        "tandem:persistence/coordinator@0.1.0",
        "tandem:persistence/persister@0.1.0",
        "tandem:persistence/types@0.1.0",
    ];
    assert_eq!(exports, BTreeSet::from(promised));
}

#[test]
fn the_component_has_at_most_208_kib() {
    assert!(COMPONENT.len() <= 208 * 1024, "{} bytes", COMPONENT.len());
}
