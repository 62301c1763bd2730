//! What a component tells of its WIT, and what the two packages of `wit/` have in common.

use std::collections::BTreeSet;

use tandem_components::{TANDEM, TANDEM_BLOCKING};
use wit_component::{DecodedWasm, WitPrinter, decode};

/// The names of what a component imports and of what it exports.
pub fn names(component: &[u8]) -> [BTreeSet<String>; 2] {
    let DecodedWasm::Component(resolve, world) = decode(component).unwrap() else {
        panic!("a package is no component");
    };
    let world = &resolve.worlds[world];
    [&world.imports, &world.exports]
        .map(|items| items.keys().map(|name| resolve.name_world_key(name)).collect())
}

/// A package of a component, without its docs.
fn text(component: &[u8], package: &str) -> String {
    let decoded = decode(component).unwrap();
    let resolve = decoded.resolve();
    let (id, _) =
        resolve.packages.iter().find(|(_, found)| found.name.to_string() == package).unwrap();
    let mut printer = WitPrinter::default();
    printer.emit_docs(false).print(resolve, id, &[]).unwrap();
    printer.output.to_string()
}

#[test]
fn both_packages_use_the_records_of_one_and_have_none_of_their_own() {
    let records = [TANDEM, TANDEM_BLOCKING].map(|wasm| text(wasm, "tandem:records@0.1.0"));
    assert!(records[0].matches("  record ").count() > 15, "{}", records[0]);
    assert_eq!(records[0], records[1]);
    for (component, package) in [
        (TANDEM, "tandem:persistence@0.1.0"),
        (TANDEM_BLOCKING, "tandem:persistence-blocking@0.1.0"),
    ] {
        let text = text(component, package);
        assert!(text.contains("resource run {"), "{text}");
        assert!(!text.contains("  record ") && !text.contains("  enum "), "{text}");
    }
}
