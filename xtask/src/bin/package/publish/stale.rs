//! What cargo has kept of crates that were packed before under the same version. It takes a version
//! in a registry for unchangeable, and would verify a crate with what the others were then.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::files;

/// Forget them: where cargo has unpacked them, below its home, and where it has compiled them.
pub fn forget(built: &Path, home: &Path, names: &[&str], version: &str) -> Result<(), String> {
    // A registry on this machine has no host name before the dash.
    let local = |registry: &OsStr| registry.as_encoded_bytes().starts_with(b"-");
    for registry in entries(&home.join("registry").join("src"))? {
        if registry.file_name().is_some_and(local) {
            for name in names {
                files::remove(&registry.join(format!("{name}-{version}")))?;
            }
        }
    }
    for compiled in entries(&built.join("debug").join(".fingerprint"))? {
        let file = compiled.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if file.rsplit_once('-').is_some_and(|(name, _)| names.contains(&name)) {
            files::remove(&compiled)?;
        }
    }
    Ok(())
}

/// What is in a directory; nothing if it is not there.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let wrong = |error| format!("cannot read {}: {error}", dir.display());
    match dir.read_dir() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(wrong(error)),
        Ok(entries) => entries.map(|entry| entry.map(|it| it.path()).map_err(wrong)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_before_under_the_same_version_is_forgotten_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (built, home) = (dir.path().join("build"), dir.path().join("home"));
        let [unpacked, compiled] = [home.join("registry/src"), built.join("debug/.fingerprint")];
        let gone = [unpacked.join("-12ab/one-1.2.0"), compiled.join("one-34cd")];
        let kept = [
            unpacked.join("-12ab/one-1.1.0"),
            unpacked.join("-12ab/another-1.2.0"),
            unpacked.join("index.example-56ef/one-1.2.0"),
            compiled.join("one-another-34cd"),
        ];
        for path in gone.iter().chain(&kept) {
            std::fs::create_dir_all(path.join("src")).unwrap();
        }
        forget(&built, &home, &["one"], "1.2.0").unwrap();
        assert!(gone.iter().all(|path| !path.exists()));
        assert!(kept.iter().all(|path| path.exists()));
        assert_eq!(
            forget(&dir.path().join("none"), &dir.path().join("none"), &["one"], "1"),
            Ok(())
        );
    }
}
