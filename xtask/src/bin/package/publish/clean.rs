//! What a published crate must not have inside.

use std::path::{Path, PathBuf};

/// What cargo writes into a crate from git.
const VCS_INFO: &str = ".cargo_vcs_info.json";

/// Refuse an unpacked crate that tells of a repository or of this machine.
pub fn check(dir: &Path, machine: &[PathBuf]) -> Result<(), String> {
    let wrong = |error| format!("cannot read {}: {error}", dir.display());
    for entry in dir.read_dir().map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.is_dir() {
            check(&path, machine)?;
            continue;
        }
        if path.ends_with(VCS_INFO) {
            return Err(format!("{} tells of a repository", path.display()));
        }
        let content = std::fs::read(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        if let Some(place) = machine.iter().find(|place| contains(&content, place)) {
            return Err(format!("{} tells the path {}", path.display(), place.display()));
        }
    }
    Ok(())
}

fn contains(content: &[u8], place: &Path) -> bool {
    let place = place.as_os_str().as_encoded_bytes();
    content.windows(place.len()).any(|window| window == place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_tells_neither_a_repository_nor_a_path_of_this_machine() {
        let dir = tempfile::tempdir().unwrap();
        let machine = [PathBuf::from("/srv/build")];
        std::fs::create_dir(dir.path().join("src")).unwrap();
        let file = dir.path().join("src/lib.rs");
        std::fs::write(&file, "// other/srv/buil").unwrap();
        assert_eq!(check(dir.path(), &machine), Ok(()));
        std::fs::write(&file, "// at /srv/build/x").unwrap();
        let error = check(dir.path(), &machine).unwrap_err();
        assert!(error.ends_with("lib.rs tells the path /srv/build"), "{error}");
        std::fs::write(&file, "").unwrap();
        std::fs::write(dir.path().join(VCS_INFO), "{}").unwrap();
        assert!(check(dir.path(), &machine).unwrap_err().ends_with("tells of a repository"));
    }
}
