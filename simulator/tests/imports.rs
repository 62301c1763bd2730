//! What is linked is what the components import.

use tandem_simulator::sim::SimState;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine};

type Link = fn(&mut Linker<SimState>) -> wasmtime::Result<()>;

#[test]
fn each_component_links_by_its_own_wasi_and_imports_nothing_else() {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    let engine = Engine::new(&config).expect("an engine");
    let blocking = [
        "wasi:clocks/monotonic-clock@0.2.0",
        "wasi:clocks/wall-clock@0.2.0",
        "wasi:filesystem/preopens@0.2.0",
        "wasi:filesystem/types@0.2.0",
        "wasi:io/error@0.2.0",
        "wasi:io/poll@0.2.0",
        "wasi:io/streams@0.2.0",
        "wasi:random/random@0.2.0",
    ];
    let concurrent = [
        "wasi:clocks/monotonic-clock@0.3.0",
        "wasi:clocks/system-clock@0.3.0",
        "wasi:filesystem/preopens@0.3.0",
        "wasi:filesystem/types@0.3.0",
        "wasi:random/random@0.3.0",
    ];
    for (bytes, link, other, imports) in [
        (
            tandem_components::TANDEM,
            SimState::link as Link,
            SimState::link_blocking as Link,
            &concurrent[..],
        ),
        (tandem_components::TANDEM_BLOCKING, SimState::link_blocking, SimState::link, &blocking),
    ] {
        let component = Component::from_binary(&engine, bytes).expect("a component");
        let kind = component.component_type();
        let mut names: Vec<_> = kind.imports(&engine).map(|(name, _)| name.to_owned()).collect();
        names.sort();
        assert_eq!(names, imports);
        let links = |link: Link| {
            let mut linker = Linker::new(&engine);
            link(&mut linker).expect("an empty linker");
            linker.instantiate_pre(&component).is_ok()
        };
        assert!(links(link) && !links(other));
    }
}
