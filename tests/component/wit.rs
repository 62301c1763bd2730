//! What the two packages of `wit/` have in common.

use std::collections::BTreeMap;

use tandem_components::{TANDEM, TANDEM_SYNC};
use wit_component::{WitPrinter, decode};

/// The records, enumerations and variants of a component's own package, by interface and name.
fn shapes(component: &[u8], package: &str) -> BTreeMap<String, String> {
    let decoded = decode(component).unwrap();
    let resolve = decoded.resolve();
    let (id, _) =
        resolve.packages.iter().find(|(_, found)| found.name.to_string() == package).unwrap();
    let mut printer = WitPrinter::default();
    printer.emit_docs(false).print(resolve, id, &[]).unwrap();
    let text = printer.output.to_string();

    let mut shapes = BTreeMap::new();
    let (mut interface, mut open) = (String::new(), None);
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match (words.as_slice(), &mut open) {
            (["interface", name, "{"], _) => interface = (*name).to_owned(),
            (["record" | "enum" | "variant", name, "{"], None) => {
                open = Some((format!("{interface}.{name}"), String::new()));
            }
            (["}"], Some((name, members))) => {
                shapes.insert(std::mem::take(name), std::mem::take(members));
                open = None;
            }
            (_, Some((_, members))) => members.push_str(&words.join(" ")),
            _ => {}
        }
    }
    shapes
}

#[test]
fn both_packages_have_the_same_options_receipts_and_errors() {
    let concurrent = shapes(TANDEM, "tandem:persistence@0.1.0");
    let mut sync = shapes(TANDEM_SYNC, "tandem:persistence-sync@0.1.0");
    // What a call that never waits answers.
    assert!(sync.remove("persister.scheduled").is_some());
    assert!(concurrent.len() > 15, "{concurrent:#?}");
    assert_eq!(concurrent, sync);
}
