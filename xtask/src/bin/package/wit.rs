//! A WIT package as WebAssembly, docs included.

use std::path::Path;

use wit_parser::{PackageId, Resolve};

/// A WIT package as a file of a release.
pub struct Wit {
    /// Such as `tandem:persistence@0.1.0`.
    pub package: String,
    /// Such as `tandem-persistence-0.1.0.wit.wasm`.
    pub file: String,
    /// Where registries keep it, such as `tandem/persistence`.
    pub repository: String,
    pub wasm: Vec<u8>,
}

/// The package in a directory, whose dependencies are in `deps` beside it.
pub fn encode(dir: &Path) -> Result<Wit, String> {
    let (resolve, id) = read(dir)?;
    let name = &resolve.packages[id].name;
    let version = name.version.as_ref();
    let version = version.ok_or_else(|| format!("the WIT package {name} has no version"))?;
    let wasm = wit_component::encode(&resolve, id);
    Ok(Wit {
        package: name.to_string(),
        file: format!("{}-{}-{version}.wit.wasm", name.namespace, name.name),
        repository: format!("{}/{}", name.namespace, name.name),
        wasm: wasm.map_err(|error| format!("cannot encode {name}: {error:#}"))?,
    })
}

fn read(dir: &Path) -> Result<(Resolve, PackageId), String> {
    let mut resolve = Resolve::default();
    match resolve.push_dir(dir) {
        Ok((id, _)) => Ok((resolve, id)),
        Err(error) => Err(format!("cannot read the WIT in {}: {error:#}", dir.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::{PARTS, RECORDS};
    use wit_component::{DecodedWasm, WitPrinter};

    /// The text of a package, with docs and versions or without.
    fn text(resolve: &Resolve, id: PackageId, docs: bool) -> String {
        let mut printer = WitPrinter::default();
        printer.emit_docs(docs);
        printer.print(resolve, id, &[]).unwrap();
        printer.output.to_string()
    }

    #[test]
    fn decoding_a_wit_package_gives_back_its_text_and_its_docs() {
        for wit in PARTS.iter().map(|part| part.wit).chain([RECORDS]) {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(wit);
            let (resolve, id) = read(&dir).unwrap();
            let expected = text(&resolve, id, true);
            assert!(expected.contains("///") && expected != text(&resolve, id, false));

            let wit = encode(&dir).unwrap();
            let DecodedWasm::WitPackage(resolve, id) = wit_component::decode(&wit.wasm).unwrap()
            else {
                panic!("{} is no WIT package", wit.file);
            };
            assert_eq!(text(&resolve, id, true), expected, "{}", wit.file);
        }
    }

    #[test]
    fn the_file_of_a_wit_package_tells_its_name_and_version() {
        let dir = tempfile::tempdir().unwrap();
        let text = "package some:thing@1.2.3;\ninterface empty {}\n";
        std::fs::write(dir.path().join("thing.wit"), text).unwrap();
        let wit = encode(dir.path()).unwrap();
        assert_eq!(wit.package, "some:thing@1.2.3");
        assert_eq!(wit.file, "some-thing-1.2.3.wit.wasm");
        assert_eq!(wit.repository, "some/thing");
    }

    #[test]
    fn a_wit_package_without_a_version_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("thing.wit"), "package some:thing;\n").unwrap();
        let error = encode(dir.path()).err().unwrap();
        assert_eq!(error, "the WIT package some:thing has no version");
    }
}
