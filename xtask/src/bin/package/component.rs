//! Builds a component and puts its metadata into it.

use std::process::Stdio;

use wasm_metadata::AddMetadataField::Set;
use wasm_metadata::{AddMetadata, Description, Homepage, Licenses, Revision, Version};

use crate::about::About;
use crate::parts::Part;
use crate::source::Source;
use crate::{paths, process, size};

/// A component as it is released.
pub struct Released {
    pub wasm: Vec<u8>,
    /// The size without its metadata.
    pub bare_bytes: usize,
}

/// Build a component and put its metadata into it. One that is too large, or that tells where it
/// was built, is refused.
pub fn released(source: &Source, part: &Part, about: &About) -> Result<Released, String> {
    let bare = build(source, part)?;
    let wasm = describe(&bare, part.name, part.description, about, &source.revision)?;
    let file = format!("{}.wasm", part.name);
    paths::check(&file, &wasm, &paths::machine(&source.dir))?;
    size::check(&file, wasm.len())?;
    Ok(Released { wasm, bare_bytes: bare.len() })
}

/// The component as it comes from the encoder.
fn build(source: &Source, part: &Part) -> Result<Vec<u8>, String> {
    // Others may package at the same time.
    let name = format!("{}.{}.bare.wasm", part.name, std::process::id());
    let bare = source.dir.join("target").join(name);
    let mut command = source.cargo(["xtask", "component"]);
    command.args(part.arguments).arg("--out").arg(&bare).stdout(Stdio::null());
    match process::run(&mut command) {
        Ok(0) => {}
        _ => return Err(format!("the component {} cannot be built", part.name)),
    }
    let bytes =
        std::fs::read(&bare).map_err(|error| format!("cannot read {}: {error}", bare.display()))?;
    std::fs::remove_file(&bare)
        .map_err(|error| format!("cannot remove {}: {error}", bare.display()))?;
    Ok(bytes)
}

/// The same WebAssembly, component or WIT package, which now says what it is.
pub fn describe(
    wasm: &[u8],
    name: &str,
    description: &str,
    about: &About,
    revision: &str,
) -> Result<Vec<u8>, String> {
    let wrong = |error| format!("cannot describe {name}: {error:#}");
    let mut metadata = AddMetadata::default();
    metadata.name = Set(name.to_owned());
    metadata.description = Set(Description::new(description.to_owned()));
    metadata.licenses = Set(Licenses::new(&about.license).map_err(wrong)?);
    metadata.version = Set(Version::new(about.version.clone()));
    metadata.revision = Set(Revision::new(revision.to_owned()));
    if let Some(repository) = &about.repository {
        metadata.source = Set(wasm_metadata::Source::new(repository).map_err(wrong)?);
    }
    if let Some(homepage) = &about.homepage {
        metadata.homepage = Set(Homepage::new(homepage).map_err(wrong)?);
    }
    metadata.to_wasm(wasm).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_metadata::Payload;

    /// The smallest component.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn about(repository: Option<&str>) -> About {
        About {
            version: String::from("1.2.3"),
            license: String::from("Apache-2.0 WITH LLVM-exception OR MIT"),
            repository: repository.map(String::from),
            homepage: None,
            packages: Vec::new(),
        }
    }

    fn described(about: &About) -> Vec<u8> {
        describe(EMPTY, "thing", "Does a thing", about, "abc-dirty").unwrap()
    }

    #[test]
    fn a_component_says_its_name_version_licence_revision_and_what_it_is() {
        let wasm = described(&about(None));
        let payload = Payload::from_binary(&wasm).unwrap();
        let Payload::Component { metadata, .. } = payload else { panic!("it is no component") };
        assert_eq!(metadata.name.as_deref(), Some("thing"));
        assert_eq!(metadata.version.unwrap().to_string(), "1.2.3");
        assert_eq!(metadata.licenses.unwrap().to_string(), "Apache-2.0 WITH LLVM-exception OR MIT");
        assert_eq!(metadata.revision.unwrap().to_string(), "abc-dirty");
        assert_eq!(metadata.description.unwrap().to_string(), "Does a thing");
        assert_eq!(metadata.source, None);
    }

    #[test]
    fn a_repository_that_cargo_names_is_in_the_metadata() {
        let wasm = described(&about(Some("https://example.org/thing")));
        let payload = Payload::from_binary(&wasm).unwrap();
        let source = payload.metadata().source.as_ref().unwrap().to_string();
        assert_eq!(source, "https://example.org/thing");
    }

    #[test]
    fn a_licence_that_spdx_does_not_know_is_refused() {
        let about = About { license: String::from("do as you like"), ..about(None) };
        let error = describe(EMPTY, "thing", "", &about, "abc").unwrap_err();
        assert!(error.starts_with("cannot describe thing: "), "{error}");
    }
}
