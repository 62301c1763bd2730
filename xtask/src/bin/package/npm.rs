//! What npm reads of a package.

use std::path::Path;

use serde_json::{Value, json};

use crate::files;

/// The file of it.
pub const MANIFEST: &str = "package.json";

/// What npm compares with the place that a package was built from.
pub fn repository(url: &str) -> Value {
    json!({ "type": "git", "url": url })
}

/// Name the repository in the manifest of a directory, if it has one.
pub fn tell_repository(dir: &Path, url: &str) -> Result<(), String> {
    let path = dir.join(MANIFEST);
    if !path.is_file() {
        return Ok(());
    }
    let manifest = with_repository(&files::read(&path)?, url)
        .ok_or_else(|| format!("{} cannot take a repository", path.display()))?;
    files::write(&path, manifest.as_bytes())
}

/// A manifest with a line more. Its order means something, and is kept.
fn with_repository(manifest: &str, url: &str) -> Option<String> {
    let has_one = manifest.contains("\"repository\"");
    let license = manifest.lines().find(|line| line.starts_with("  \"license\": "))?;
    let line = format!("{license}\n  \"repository\": {},", repository(url));
    (!has_one).then(|| manifest.replacen(license, &line, 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    const URL: &str = "https://example.org/\"tandem\".git";

    #[test]
    fn the_npm_package_tells_the_repository_and_nothing_else_is_changed() {
        let path = Source::here().dir.join("bindings/js").join(MANIFEST);
        let before = files::read(&path).unwrap();
        let after = with_repository(&before, URL).unwrap();
        let [mut told, plain] =
            [&after, &before].map(|text| serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(told["repository"], json!({ "type": "git", "url": URL }));
        told.as_object_mut().unwrap().remove("repository");
        assert_eq!(told, plain);
        let lines = after.lines().filter(|line| !line.contains("repository"));
        assert!(lines.eq(before.lines()), "{after}");
    }

    #[test]
    fn a_manifest_that_names_a_repository_keeps_it_or_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(tell_repository(dir.path(), URL), Ok(()));
        assert!(!dir.path().join(MANIFEST).exists());
        for text in ["{}", "{\n  \"license\": \"MIT\",\n  \"repository\": \"x\"\n}"] {
            std::fs::write(dir.path().join(MANIFEST), text).unwrap();
            let error = tell_repository(dir.path(), URL).unwrap_err();
            assert!(error.ends_with("package.json cannot take a repository"), "{error}");
            assert_eq!(files::read(&dir.path().join(MANIFEST)).unwrap(), text);
        }
    }
}
