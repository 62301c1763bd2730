//! What the component asks of its host.

use std::collections::BTreeSet;

use tandem_components::{TANDEM, TANDEM_BLOCKING};

use crate::wit::names;

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_component_imports_these_interfaces_and_nothing_else() {
    let [imports, _] = names(TANDEM);
    let allowed = [
        "wasi:clocks/monotonic-clock@0.3.0",
        "wasi:clocks/system-clock@0.3.0",
        "wasi:filesystem/preopens@0.3.0",
        "wasi:filesystem/types@0.3.0",
        "wasi:random/random@0.3.0",
    ];
    assert_eq!(imports, set(&allowed));
}

#[test]
fn the_blocking_component_imports_these_interfaces_and_nothing_else() {
    let [imports, _] = names(TANDEM_BLOCKING);
    let allowed = [
        "wasi:clocks/monotonic-clock@0.2.0",
        "wasi:clocks/wall-clock@0.2.0",
        "wasi:filesystem/preopens@0.2.0",
        "wasi:filesystem/types@0.2.0",
        "wasi:io/error@0.2.0",
        "wasi:io/poll@0.2.0",
        "wasi:io/streams@0.2.0",
        "wasi:random/random@0.2.0",
    ];
    assert_eq!(imports, set(&allowed));
}

#[test]
fn each_component_exports_its_interfaces() {
    for (component, package) in
        [(TANDEM, "tandem:persistence"), (TANDEM_BLOCKING, "tandem:persistence-blocking")]
    {
        let [_, exports] = names(component);
        let promised = ["histories", "runs"].map(|name| format!("{package}/{name}@0.1.0"));
        let records = "tandem:records/types@0.1.0".to_owned();
        assert_eq!(exports, promised.into_iter().chain([records]).collect());
    }
}
