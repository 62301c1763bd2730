//! Where compiled code is kept between starts, by wasmtime's own cache, and whether it is trusted.
//!
//! The rule stands in `docs/compiled-code.md`.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::OnceLock;

use wasmtime::{Cache, CacheConfig};

/// Permission of the group or of all others to write.
const OTHERS_WRITE: u32 = 0o022;
/// In such a directory nobody removes or renames what belongs to others.
const STICKY: u32 = 0o1000;

/// The cache below the user's cache directory, or none where that cannot be had or is not trusted.
/// One in a process, because each has a thread.
pub(super) fn cache() -> Option<Cache> {
    static CACHE: OnceLock<Option<Cache>> = OnceLock::new();
    CACHE
        .get_or_init(|| {
            let cache = Cache::new(CacheConfig::new()).ok()?;
            is_private(cache.directory(), rustix::process::geteuid().as_raw())
                .ok()?
                .then_some(cache)
        })
        .clone()
}

/// Whether only this user and root can put anything at this path, which has no links in it.
fn is_private(directory: &Path, user: u32) -> io::Result<bool> {
    if directory.metadata()?.mode() & OTHERS_WRITE != 0 {
        return Ok(false);
    }
    for step in directory.ancestors() {
        if !keeps_others_out(&step.metadata()?, user) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn keeps_others_out(metadata: &Metadata, user: u32) -> bool {
    let is_ours = [0, user].contains(&metadata.uid());
    is_ours && (metadata.mode() & OTHERS_WRITE == 0 || metadata.mode() & STICKY != 0)
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, create_dir_all, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    fn user() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    /// `home/cache` in a directory of its own, both with these modes.
    fn directory(home_mode: u32, cache_mode: u32) -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().canonicalize().unwrap().join("home");
        let cache = home.join("cache");
        create_dir_all(&cache).unwrap();
        set_permissions(&cache, Permissions::from_mode(cache_mode)).unwrap();
        set_permissions(&home, Permissions::from_mode(home_mode)).unwrap();
        (root, cache)
    }

    #[test]
    fn a_cache_is_trusted_where_only_its_user_can_write() {
        for (home, cache, is_trusted) in [
            (0o755, 0o755, true),
            (0o700, 0o700, true),
            (0o755, 0o775, false),
            (0o755, 0o757, false),
            (0o775, 0o700, false),
            (0o777, 0o700, false),
            (0o1777, 0o700, true),
            // Others could put files into it, whoever owns it.
            (0o755, 0o1777, false),
        ] {
            let (_root, directory) = directory(home, cache);
            let told = is_private(&directory, user()).unwrap();
            assert_eq!(told, is_trusted, "{home:o} {cache:o}");
        }
    }

    #[test]
    fn a_cache_of_another_user_is_not_trusted() {
        let (_root, directory) = directory(0o700, 0o700);
        let metadata = directory.metadata().unwrap();
        assert!(keeps_others_out(&metadata, user()));
        // What root owns is as good as one's own.
        assert_eq!(keeps_others_out(&metadata, user() + 1), user() == 0);
    }

    #[test]
    fn a_cache_that_is_not_there_is_none() {
        let (_root, directory) = directory(0o700, 0o700);
        assert!(is_private(&directory.join("missing"), user()).is_err());
    }
}
