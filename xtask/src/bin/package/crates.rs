//! The crates that a component is made of.

use std::process::Stdio;

use cargo_lock::Lockfile;

use crate::about::{About, PACKAGE, TARGET};
use crate::parts::Part;
use crate::source::Source;
use crate::tree::{self, Key, Tree};

/// One crate inside a component.
#[derive(Debug, PartialEq, Eq)]
pub struct Crate {
    pub key: Key,
    /// As its own `Cargo.toml` says it.
    pub license: Option<String>,
    /// The SHA-256 of the archive that the registry has; none for package `tandem` itself.
    pub checksum: Option<String>,
    /// What it needs itself.
    pub needs: Vec<Key>,
}

/// All of them, sorted, and package `tandem` among them. Crates that only run on the machine that
/// builds are left out: their code is in no component.
pub fn of(source: &Source, part: &Part, about: &About) -> Result<Vec<Crate>, String> {
    let tree = Tree::parse(&cargo_tree(source, part)?)?;
    let lock = source.dir.join("Cargo.lock");
    let lock = Lockfile::load(&lock)
        .map_err(|error| format!("cannot read {}: {error}", lock.display()))?;
    tree.needs
        .into_iter()
        .map(|(key, needs)| {
            let package = about.packages.iter().find(|package| {
                *package.name == key.name && package.version.to_string() == key.version
            });
            let locked = lock.packages.iter().find(|package| {
                package.name.as_str() == key.name && package.version.to_string() == key.version
            });
            let (Some(package), Some(locked)) = (package, locked) else {
                return Err(format!("cargo does not know {} {}", key.name, key.version));
            };
            Ok(Crate {
                license: package.license.clone(),
                checksum: locked.checksum.as_ref().map(ToString::to_string),
                needs: needs.into_iter().collect(),
                key,
            })
        })
        .collect()
}

/// `cargo metadata` would do, if it did not join the features of all members of the workspace.
fn cargo_tree(source: &Source, part: &Part) -> Result<String, String> {
    let mut command = source.cargo(["tree", "--locked", "--package", PACKAGE, "--target", TARGET]);
    command.args(["--edges", "normal,no-proc-macro"]).args(tree::SHAPE);
    if !part.features.is_empty() {
        command.arg("--features").arg(part.features.join(","));
    }
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo tree: {error}"))?;
    if !output.status.success() {
        return Err(String::from("cargo tree fails: see its messages"));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("cargo tree prints no UTF-8: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::PARTS;

    #[test]
    fn a_component_is_made_of_what_runs_inside_and_of_nothing_else() {
        let source = Source::here();
        let about = About::of(&source).unwrap();
        for part in PARTS {
            let crates = of(&source, part, &about).unwrap();
            let has = |name: &str| crates.iter().any(|one| one.key.name == name);
            for inside in [PACKAGE, "serde_json", "serde_core", "wit-bindgen", "talc"] {
                assert!(has(inside), "{inside} is missing in {}", part.name);
            }
            // For tests, for the build, for the host, and for the host's features of `futures`.
            for outside in ["proptest", "thiserror-impl", "syn", "tandem-host", "futures-executor"]
            {
                assert!(!has(outside), "{outside} is not in {}", part.name);
            }
        }
    }

    #[test]
    fn every_crate_of_a_registry_has_a_licence_and_a_checksum() {
        let source = Source::here();
        let about = About::of(&source).unwrap();
        for one in of(&source, &PARTS[0], &about).unwrap() {
            assert!(one.license.is_some(), "{:?}", one.key);
            assert_eq!(one.checksum.is_none(), one.key.name == PACKAGE, "{:?}", one.key);
        }
    }
}
