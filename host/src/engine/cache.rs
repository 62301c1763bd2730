//! Where compiled code is kept between starts, by wasmtime's own cache, and whether it is trusted.
//!
//! The rule stands in `docs/compiled-code.md`.

use std::fs::{DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use wasmtime::{Cache, CacheConfig};

/// Permission of the group or of all others to write.
const OTHERS_WRITE: u32 = 0o022;
/// Any permission of the group or of all others.
const OTHERS_ANYTHING: u32 = 0o077;
/// In such a directory nobody removes or renames what belongs to others.
const STICKY: u32 = 0o1000;

/// The cache below the user's cache directory, or none where that cannot be had or is not trusted.
/// One in a process, because each has a thread.
pub(super) fn cache() -> Option<Cache> {
    static CACHE: OnceLock<Option<Cache>> = OnceLock::new();
    CACHE
        .get_or_init(|| {
            let directory = directory()?;
            let user = rustix::process::geteuid().as_raw();
            let private = private(&directory, user).ok().flatten()?;
            let mut config = CacheConfig::new();
            config.with_directory(private);
            // wasmtime starts a thread, and panics if it cannot.
            std::thread::Builder::new().spawn(|| ()).ok()?.join().ok()?;
            Cache::new(config).ok()
        })
        .clone()
}

/// `tandem/compiled` in the user's cache directory.
fn directory() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join("tandem").join("compiled"))
}

/// The directory, without links in its path, if it is the user's alone and only the user and root can
/// put anything in its place. It is created if it is missing, but only where that holds.
fn private(directory: &Path, user: u32) -> io::Result<Option<PathBuf>> {
    let there = directory.ancestors().find(|step| step.exists());
    if !keeps_others_out(&there.unwrap_or(directory).canonicalize()?, user)? {
        return Ok(None);
    }
    // What it lies in is made for the user alone too.
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let directory = directory.canonicalize()?;
    // Whatever is made below it is out of reach for others, whatever its own mode.
    let is_private = directory.metadata()?.mode() & OTHERS_ANYTHING == 0;
    Ok((is_private && keeps_others_out(&directory, user)?).then_some(directory))
}

/// Whether nobody but the user and root can replace anything on this path, which has no links.
fn keeps_others_out(path: &Path, user: u32) -> io::Result<bool> {
    for step in path.ancestors() {
        if !is_out_of_reach(&step.metadata()?, user) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_out_of_reach(metadata: &Metadata, user: u32) -> bool {
    let is_ours = [0, user].contains(&metadata.uid());
    is_ours && (metadata.mode() & OTHERS_WRITE == 0 || metadata.mode() & STICKY != 0)
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, create_dir, create_dir_all, set_permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn user() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn set_mode(path: &Path, mode: u32) {
        set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o7777
    }

    /// A home of this mode in a directory of its own.
    fn home(mode: u32) -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().canonicalize().unwrap().join("home");
        create_dir(&home).unwrap();
        set_mode(&home, mode);
        (root, home)
    }

    #[test]
    fn a_cache_is_trusted_where_only_its_user_can_write() {
        for (home_mode, cache_mode, is_trusted) in [
            (0o755, 0o700, true),
            (0o700, 0o700, true),
            (0o1777, 0o700, true),
            (0o775, 0o700, false),
            (0o777, 0o700, false),
            // What wasmtime makes below it may be open to the group.
            (0o755, 0o755, false),
            (0o755, 0o770, false),
            (0o755, 0o1777, false),
        ] {
            let (_root, home) = home(home_mode);
            let directory = home.join("cache");
            create_dir(&directory).unwrap();
            set_mode(&directory, cache_mode);
            let told = private(&directory, user()).unwrap();
            assert_eq!(told.is_some(), is_trusted, "{home_mode:o} {cache_mode:o}");
        }
    }

    #[test]
    fn a_cache_that_is_missing_is_made_for_its_user_alone() {
        let (_root, home) = home(0o755);
        let directory = home.join(".cache/tandem/compiled");
        assert_eq!(private(&directory, user()).unwrap().as_deref(), Some(&*directory));
        assert_eq!(mode(&directory), 0o700);
    }

    #[test]
    fn nothing_is_made_where_it_would_not_be_trusted() {
        let (_root, home) = home(0o777);
        assert_eq!(private(&home.join("tandem/compiled"), user()).unwrap(), None);
        assert!(!home.join("tandem").exists());
    }

    #[test]
    fn a_link_counts_as_what_it_leads_to() {
        let (_root, home) = home(0o755);
        let (open, link) = (home.join("open"), home.join("link"));
        create_dir_all(open.join("cache")).unwrap();
        set_mode(&open.join("cache"), 0o700);
        symlink(&open, &link).unwrap();
        assert!(private(&link.join("cache"), user()).unwrap().is_some());
        set_mode(&open, 0o777);
        assert_eq!(private(&link.join("cache"), user()).unwrap(), None);
    }

    #[test]
    fn a_cache_of_another_user_is_not_trusted() {
        let (_root, home) = home(0o700);
        let metadata = home.metadata().unwrap();
        assert!(is_out_of_reach(&metadata, user()));
        // What root owns is as good as one's own.
        assert_eq!(is_out_of_reach(&metadata, user() + 1), user() == 0);
    }
}
