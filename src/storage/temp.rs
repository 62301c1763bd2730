//! Temporary files: unpredictable names beside their target, and the sweep of abandoned ones.

use std::time::Duration;

use super::{Kind, Storage};
use crate::error::{Code, Failure, Operation};

const SUFFIX: &str = ".tandem-tmp";
const RANDOM_DIGITS: usize = 32;

/// A new name for a temporary file of `target`: `.<target>.<32 hex digits>.tandem-tmp`.
pub fn name<S: Storage>(storage: &S, target: &str) -> String {
    let target = target.trim_start_matches('.');
    format!(".{target}.{:016x}{:016x}{SUFFIX}", storage.random(), storage.random())
}

/// The name under which a corrupt file is kept: `<target>.corrupt-<16 hex digits>`.
pub fn corrupt_name<S: Storage>(storage: &S, target: &str) -> String {
    format!("{target}.corrupt-{:016x}", storage.random())
}

/// Whether this is a name that [`name`] makes, for any target.
fn is_temp_name(name: &str) -> bool {
    let Some(stem) = name.strip_prefix('.').and_then(|n| n.strip_suffix(SUFFIX)) else {
        return false;
    };
    stem.rsplit_once('.').is_some_and(|(_, random)| {
        random.len() == RANDOM_DIGITS
            && random.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// The file system's own time: the mtime of a file just created in `dir`, and removed again.
///
/// # Errors
/// The step that failed, with `path` as its path.
pub async fn disk_time<S: Storage>(
    storage: &S,
    dir: &S::Dir,
    path: &str,
) -> Result<Duration, Failure> {
    let failure =
        |operation| move |code| Failure { channel: None, operation, path: path.to_owned(), code };
    let probe = name(storage, "probe");
    let file = storage.create_file(dir, &probe).await.map_err(failure(Operation::Open))?;
    drop(file);
    let stat = storage.stat(dir, &probe).await;
    // A probe that cannot be removed is swept later.
    let _ = storage.remove(dir, &probe).await;
    Ok(stat.map_err(failure(Operation::Stat))?.modified)
}

/// Removes temporary files that are older than `age` at the time `now`, and counts them. One that
/// cannot be looked at or removed is left for the next sweep.
///
/// # Errors
/// The code of the listing.
pub async fn sweep<S: Storage>(
    storage: &S,
    dir: &S::Dir,
    now: Duration,
    age: Duration,
) -> Result<u32, Code> {
    let mut swept = 0;
    for name in storage.list(dir).await?.iter().filter(|name| is_temp_name(name)) {
        let Ok(stat) = storage.stat(dir, name).await else { continue };
        let is_old = now.saturating_sub(stat.modified) > age;
        if stat.kind == Kind::File && is_old && storage.remove(dir, name).await.is_ok() {
            swept += 1;
        }
    }
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::memory::Memory;

    #[test]
    fn temp_names_are_recognised_and_nothing_else_is() {
        let storage = Memory::new();
        for target in ["manifest.json", ".heartbeat", "runs.json"] {
            let name = name(&storage, target);
            assert!(is_temp_name(&name), "{name}");
            assert!(!name.starts_with(".."), "{name}");
        }
        for name in [
            "manifest.json",
            ".heartbeat",
            ".manifest.json.tandem-tmp",
            ".manifest.json.0123.tandem-tmp",
            "manifest.json.0123456789abcdef0123456789abcdef.tandem-tmp",
            ".manifest.json.0123456789ABCDEF0123456789abcdef.tandem-tmp",
        ] {
            assert!(!is_temp_name(name), "{name}");
        }
    }

    #[test]
    fn temp_names_do_not_repeat() {
        let storage = Memory::new();
        assert_ne!(name(&storage, "a"), name(&storage, "a"));
    }
}
