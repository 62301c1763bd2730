//! Reads, writes and copies files; an error is one sentence.

use std::io;
use std::path::Path;

/// In every package, from the directory of the workspace.
pub const LICENSES: [&str; 3] = ["LICENSE", "LICENSE-APACHE", "LICENSE-MIT"];

/// The text of a file.
pub fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// Write a file, and the directories that it needs.
pub fn write(path: &Path, content: &[u8]) -> Result<(), String> {
    path.parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(path, content))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Remove a directory with all that is in it, if it is there.
pub fn remove(dir: &Path) -> Result<(), String> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", dir.display()))
        }
        _ => Ok(()),
    }
}

/// Copy what a name stands for. Git keeps a link as one name, whatever it leads to.
pub fn copy(from: &Path, to: &Path) -> Result<(), String> {
    copy_all(from, to).map_err(|error| format!("cannot copy {}: {error}", from.display()))
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    if !from.metadata()?.is_dir() {
        to.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        return std::fs::copy(from, to).map(drop);
    }
    std::fs::create_dir_all(to)?;
    for entry in from.read_dir()? {
        let entry = entry?;
        copy_all(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_directory_is_copied_as_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("wit/deps")).unwrap();
        std::fs::write(dir.path().join("wit/deps/a.wit"), "a").unwrap();
        std::fs::create_dir(dir.path().join("host")).unwrap();
        std::os::unix::fs::symlink("../wit", dir.path().join("host/wit")).unwrap();
        copy(&dir.path().join("host/wit"), &dir.path().join("out/host/wit")).unwrap();
        let copied = dir.path().join("out/host/wit");
        assert!(!copied.symlink_metadata().unwrap().is_symlink());
        assert_eq!(std::fs::read(copied.join("deps/a.wit")).unwrap(), b"a");
    }

    #[test]
    fn a_file_brings_its_directories() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "a").unwrap();
        copy(&dir.path().join("a"), &dir.path().join("b/c/a")).unwrap();
        assert!(dir.path().join("b/c/a").is_file());
        assert!(copy(&dir.path().join("missing"), &dir.path().join("d")).is_err());
    }
}
