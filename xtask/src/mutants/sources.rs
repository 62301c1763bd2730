//! What the component is built from, and its copy that mutations are made in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a build of the component takes. The manifests of the other packages are there because
/// `Cargo.lock` is for all of them.
const ROOTS: [&str; 15] = [
    "Cargo.toml",
    "Cargo.lock",
    "src",
    "wit",
    "benchmark",
    "bindings/plugin",
    "cli",
    "components",
    "disk",
    "fleet",
    "host",
    "simulator",
    "stores",
    "tests",
    "xtask",
];

/// Files by their paths, which are relative to the workspace.
#[derive(Clone, Default)]
pub struct Sources(BTreeMap<PathBuf, Vec<u8>>);

impl Sources {
    /// The files as they are now, so that nobody's editing gets into a run.
    pub fn read(workspace: &Path) -> Result<Self, String> {
        let mut sources = Sources::default();
        for root in ROOTS {
            for path in files(&workspace.join(root))? {
                let content = std::fs::read(&path)
                    .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
                sources.put(path.strip_prefix(workspace).unwrap_or(&path), content);
            }
        }
        Ok(sources)
    }

    /// The text of a file, if it is one.
    pub fn text(&self, path: &Path) -> Option<&str> {
        self.0.get(path).and_then(|content| str::from_utf8(content).ok())
    }

    /// Whether the text of any file holds this.
    #[cfg(test)]
    pub fn hold(&self, text: &str) -> bool {
        self.0
            .values()
            .any(|content| str::from_utf8(content).is_ok_and(|content| content.contains(text)))
    }

    /// Adds or replaces a file.
    pub fn put(&mut self, path: &Path, content: Vec<u8>) {
        self.0.insert(path.to_owned(), content);
    }

    /// Makes a copy hold these files and no others. What does not change keeps its time, so that
    /// it is not compiled again.
    pub fn write(&self, copy: &Path) -> Result<(), String> {
        for path in ROOTS.iter().map(|root| copy.join(root)) {
            for path in if path.exists() { files(&path)? } else { Vec::new() } {
                if path.strip_prefix(copy).is_ok_and(|path| !self.0.contains_key(path)) {
                    std::fs::remove_file(&path)
                        .map_err(|error| format!("cannot remove {}: {error}", path.display()))?;
                }
            }
        }
        for (path, content) in &self.0 {
            let path = copy.join(path);
            if std::fs::read(&path).is_ok_and(|old| old == *content) {
                continue;
            }
            path.parent()
                .map_or(Ok(()), std::fs::create_dir_all)
                .and_then(|()| std::fs::write(&path, content))
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        Ok(())
    }
}

/// The regular files at and below a path.
fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |error| format!("cannot list {}: {error}", path.display());
    let mut found = Vec::new();
    for entry in path.read_dir().map_err(failed)? {
        found.extend(files(&entry.map_err(failed)?.path())?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_has_the_manifest_of_every_package_of_the_workspace() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let sources = Sources::read(workspace).unwrap();
        let manifest: toml::Table =
            toml::from_str(sources.text(Path::new("Cargo.toml")).unwrap()).unwrap();
        let members = manifest["workspace"]["members"].as_array().unwrap();
        for member in members.iter().map(|member| member.as_str().unwrap()) {
            assert!(sources.text(&Path::new(member).join("Cargo.toml")).is_some(), "{member}");
        }
    }
}
