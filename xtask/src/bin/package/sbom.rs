//! A component's bill of materials, in CycloneDX.

use cyclonedx_bom::models::component::Classification;
use cyclonedx_bom::models::dependency::{Dependencies, Dependency};
use cyclonedx_bom::models::hash::{Hash, HashAlgorithm, HashValue, Hashes};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::models::property::{Properties, Property};
use cyclonedx_bom::prelude::{
    Bom, Component, Components, Metadata, NormalizedString, Purl, SpdxExpression, SpecVersion,
    Validate,
};

use crate::about::PACKAGE;
use crate::crates::Crate;
use crate::tree::Key;

/// What the bill is for.
pub struct Subject<'a> {
    pub name: &'a str,
    pub description: &'a str,
    /// The SHA-256 of the component's file.
    pub sha256: &'a str,
    /// The compiler, whose standard library is inside as well.
    pub compiler: &'a str,
}

/// The bill as JSON. It names no time and no serial number, so that equal components have equal
/// bills.
pub fn json(subject: &Subject, crates: &[Crate]) -> Result<Vec<u8>, String> {
    let wrong = |error: &dyn std::fmt::Display| {
        format!("cannot make the bill of materials of {}: {error}", subject.name)
    };
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    let mut whole = None;
    for one in crates {
        let mut component = component(one)?;
        dependencies.push(Dependency {
            dependency_ref: reference(&one.key),
            dependencies: one.needs.iter().map(reference).collect(),
        });
        if one.key.name == PACKAGE {
            component.component_type = Classification::Application;
            component.name = NormalizedString::new(subject.name);
            component.description = Some(NormalizedString::new(subject.description));
            component.hashes = Some(sha256(subject.sha256));
            component.purl = None;
            whole = Some(component);
        } else {
            components.push(component);
        }
    }
    let whole = whole.ok_or_else(|| wrong(&format_args!("package {PACKAGE} is not in it")))?;
    let bom = Bom {
        serial_number: None,
        metadata: Some(Metadata {
            component: Some(whole),
            properties: Some(Properties(vec![Property::new("rustc", subject.compiler)])),
            ..Metadata::default()
        }),
        components: Some(Components(components)),
        dependencies: Some(Dependencies(dependencies)),
        ..Bom::default()
    };
    let faults = bom.validate_version(SpecVersion::V1_5);
    if !faults.passed() {
        return Err(wrong(&format_args!("{faults:?}")));
    }
    let mut json = Vec::new();
    bom.output_as_json(&mut json, SpecVersion::V1_5).map_err(|error| wrong(&error))?;
    json.push(b'\n');
    Ok(json)
}

fn component(one: &Crate) -> Result<Component, String> {
    let Key { name, version } = &one.key;
    let mut component =
        Component::new(Classification::Library, name, version, Some(reference(&one.key)));
    let purl = Purl::new("cargo", name, version)
        .map_err(|error| format!("{name} {version} has no package URL: {error}"))?;
    component.purl = Some(purl);
    component.hashes = one.checksum.as_deref().map(sha256);
    component.licenses = match &one.license {
        None => None,
        Some(license) => {
            // Older crates part licences by a slash.
            let license = SpdxExpression::parse_lax(license.clone())
                .map_err(|error| format!("{name} {version} has no SPDX licence: {error}"))?;
            Some(Licenses(vec![LicenseChoice::Expression(license)]))
        }
    };
    Ok(component)
}

fn reference(key: &Key) -> String {
    format!("{}@{}", key.name, key.version)
}

fn sha256(hex: &str) -> Hashes {
    Hashes(vec![Hash { alg: HashAlgorithm::SHA_256, content: HashValue(hex.to_owned()) }])
}

#[cfg(test)]
mod tests {
    use super::{json as make, *};
    use serde_json::{Value, json};

    fn one(name: &str, checksum: Option<&str>, needs: &[&str]) -> Crate {
        let key = |name: &str| Key { name: name.to_owned(), version: String::from("1.0.0+x") };
        Crate {
            key: key(name),
            license: Some(String::from("MIT/Apache-2.0")),
            checksum: checksum.map(String::from),
            needs: needs.iter().map(|name| key(name)).collect(),
        }
    }

    fn bill(crates: &[Crate]) -> Value {
        let sha256 = "1".repeat(64);
        let subject = Subject {
            name: "tandem-other",
            description: "Does a thing",
            sha256: &sha256,
            compiler: "rustc 1.95.0",
        };
        serde_json::from_slice(&make(&subject, crates).unwrap()).unwrap()
    }

    #[test]
    fn the_bill_lists_exactly_the_crates_beside_the_component_itself() {
        let sum = "2".repeat(64);
        let bill = bill(&[
            one("tandem", None, &["a", "b"]),
            one("a", Some(&sum), &["b"]),
            one("b", Some(&sum), &[]),
        ]);
        assert_eq!(bill["bomFormat"], "CycloneDX");
        assert_eq!(bill["specVersion"], "1.5");
        let whole = &bill["metadata"]["component"];
        assert_eq!(whole["name"], "tandem-other");
        assert_eq!(whole["hashes"][0]["content"], "1".repeat(64));
        let names: Vec<_> = bill["components"].as_array().unwrap().iter().collect();
        assert_eq!(names.len(), 2);
        assert_eq!(names[0]["name"], "a");
        assert_eq!(names[0]["version"], "1.0.0+x");
        assert_eq!(names[0]["hashes"], json!([{"alg": "SHA-256", "content": sum}]));
        assert_eq!(names[0]["licenses"], json!([{"expression": "MIT OR Apache-2.0"}]));
        assert_eq!(names[0]["purl"], "pkg:cargo/a@1.0.0+x");
        assert_eq!(names[1]["name"], "b");
        let needs = json!({"ref": "tandem@1.0.0+x", "dependsOn": ["a@1.0.0+x", "b@1.0.0+x"]});
        assert_eq!(bill["dependencies"][0], needs);
    }

    #[test]
    fn the_bill_names_no_time_and_no_serial_number() {
        let bill = bill(&[one("tandem", None, &[])]);
        assert_eq!(bill.get("serialNumber"), None);
        assert_eq!(bill["metadata"].get("timestamp"), None);
    }

    #[test]
    fn a_licence_that_spdx_does_not_know_is_refused() {
        let crates =
            [Crate { license: Some(String::from("do as you like")), ..one("a", None, &[]) }];
        let subject = Subject { name: "a", description: "", sha256: "", compiler: "" };
        let error = make(&subject, &crates).unwrap_err();
        assert!(error.starts_with("a 1.0.0+x has no SPDX licence: "), "{error}");
    }
}
