//! Copies files that git lists.

use std::io;
use std::path::Path;

/// Copy what a name stands for. Git keeps a link as one name, whatever it leads to.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.metadata()?.is_dir() {
        to.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        return std::fs::copy(from, to).map(drop);
    }
    std::fs::create_dir_all(to)?;
    for entry in from.read_dir()? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
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
