//! One version for everything that is released: that of the workspace's `Cargo.toml`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// This package takes its version from the workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What git has, and the new files too, relative to the workspace.
fn files() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(workspace())
        .output()
        .expect("this test needs git");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    let files = names.split_terminator('\0').map(PathBuf::from);
    files.filter(|name| workspace().join(name).is_file()).collect()
}

/// The text of a file, if it is text.
fn text(path: &Path) -> Option<String> {
    String::from_utf8(std::fs::read(workspace().join(path)).unwrap()).ok()
}

/// The files of that name below `bindings/`, each with its text.
fn manifests(name: &str) -> Vec<(PathBuf, String)> {
    let files =
        files().into_iter().filter(|path| path.starts_with("bindings") && path.ends_with(name));
    let manifests: Vec<_> = files.map(|path| (path.clone(), text(&path).unwrap())).collect();
    assert!(!manifests.is_empty(), "there is no {name} below bindings/");
    manifests
}

/// Every version in a text that follows the name of one of Tandem's WIT packages, or of something
/// in it.
fn wit_versions(text: &str) -> Vec<&str> {
    let packages = ["tandem:persistence", "tandem:records"];
    let names = packages.into_iter().flat_map(|name| text.match_indices(name));
    let tails = names.filter_map(|(at, _)| {
        let rest = &text[at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-:/".contains(c))?;
        rest[end..].strip_prefix('@')
    });
    let versions = tails.map(|tail| {
        let end = tail.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(tail.len());
        tail[..end].trim_end_matches('.')
    });
    versions.filter(|version| !version.is_empty()).collect()
}

#[test]
fn whatever_names_a_wit_package_names_the_version_of_the_workspace() {
    let mut packages = Vec::new();
    for path in files() {
        // A document may tell of an earlier release, and this file makes versions up.
        if path.extension().is_some_and(|ending| ending == "md") || path.ends_with("versions.rs") {
            continue;
        }
        let Some(text) = text(&path) else { continue };
        for version in wit_versions(&text) {
            assert_eq!(version, VERSION, "{}", path.display());
        }
        if path.starts_with("wit") && text.starts_with("package tandem:") {
            packages.push(path.parent().unwrap().to_owned());
        }
    }
    packages.sort();
    packages.dedup();
    assert_eq!(packages, ["wit", "wit/blocking", "wit/records"].map(Path::new));
}

#[test]
fn a_version_is_found_wherever_a_wit_name_has_one() {
    let text = "package tandem:persistence@0.1.0;\nimport tandem:persistence/types@1.2.3.\n\
                'tandem:persistence-blocking/run@2.0.0' tandem:persistence/run tandem:persistence@";
    assert_eq!(wit_versions(text), ["0.1.0", "1.2.3", "2.0.0"]);
}

/// Whether `cargo xtask package` puts the version in: then there is none that could be another.
fn is_filled_in(path: &Path) -> bool {
    path.starts_with("bindings/program")
}

#[test]
fn every_npm_package_has_the_version_of_the_workspace() {
    for (path, text) in manifests("package.json") {
        let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
        if is_filled_in(&path) {
            assert_eq!(manifest.get("version"), None, "{}", path.display());
            for (name, version) in manifest["optionalDependencies"].as_object().unwrap() {
                assert_eq!(version, "", "{name}");
            }
            continue;
        }
        // What is never published may go without.
        if manifest["private"] != true {
            assert_eq!(manifest["version"], VERSION, "{}", path.display());
        }
    }
}

#[test]
fn every_lockfile_of_npm_has_the_version_of_the_workspace_in_both_places() {
    for (path, text) in manifests("package-lock.json") {
        let lock: serde_json::Value = serde_json::from_str(&text).unwrap();
        for version in [&lock["version"], &lock["packages"][""]["version"]] {
            assert_eq!(version, VERSION, "{}", path.display());
        }
    }
}

/// The one assignment to `__version__` in a Python module.
fn python_version(module: &str) -> Option<&str> {
    let mut assigned = module.lines().filter_map(|line| line.strip_prefix("__version__ = \""));
    let version = assigned.next()?.strip_suffix('"')?;
    assigned.next().is_none().then_some(version)
}

#[test]
fn every_python_package_has_the_version_of_the_workspace_in_one_place() {
    for (path, text) in manifests("pyproject.toml") {
        let manifest: toml::Table = toml::from_str(&text).unwrap();
        let project = manifest["project"].as_table().unwrap();
        assert!(!project.contains_key("version"), "{}", path.display());
        if is_filled_in(&path) {
            assert_eq!(manifest["tool"]["hatch"]["version"]["source"].as_str(), Some("env"));
            continue;
        }
        let module = manifest["tool"]["hatch"]["version"]["path"].as_str().unwrap();
        let module = path.parent().unwrap().join(module);
        let source = self::text(&module).unwrap();
        assert_eq!(python_version(&source), Some(VERSION), "{}", module.display());
    }
}

#[test]
fn a_python_module_has_one_version() {
    assert_eq!(python_version("\n__version__ = \"1.2.3\"\n"), Some("1.2.3"));
    assert_eq!(python_version("__version__ = \"1.2.3\"\n__version__ = \"1.2.4\"\n"), None);
    assert_eq!(python_version("version = \"1.2.3\"\n"), None);
}
