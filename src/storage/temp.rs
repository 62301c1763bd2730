//! Temporary files: unpredictable names beside their target, and the sweep of abandoned ones.

use std::time::Duration;

use super::{Kind, Storage};
use crate::error::{Code, Failure, Operation};

const SUFFIX: &str = ".tandem-tmp";
const RANDOM_DIGITS: usize = 32;
/// The default age from which a temporary file is abandoned.
pub const SWEEP_AFTER_MS: u64 = 3_600_000;

/// A new name for a temporary file of `target`.
pub fn name<S: Storage>(storage: &S, target: &str) -> String {
    named(target, &random(storage))
}

/// `.<target>.<32 hex digits>.tandem-tmp`.
pub fn named(target: &str, random: &str) -> String {
    format!(".{}.{random}{SUFFIX}", target.trim_start_matches('.'))
}

/// 32 hex digits.
pub fn random<S: Storage>(storage: &S) -> String {
    format!("{:016x}{:016x}", storage.random(), storage.random())
}

/// The name under which a corrupt file is kept: `<target>.corrupt-<16 hex digits>`.
pub fn corrupt_name<S: Storage>(storage: &S, target: &str) -> String {
    format!("{target}.corrupt-{:016x}", storage.random())
}

/// The target and the random part of a name that [`named`] makes; the target's own leading dots are
/// not kept.
pub fn parts(name: &str) -> Option<(&str, &str)> {
    let stem = name.strip_prefix('.')?.strip_suffix(SUFFIX)?;
    stem.rsplit_once('.').filter(|(_, random)| {
        random.len() == RANDOM_DIGITS
            && random.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Removes the temporary files of `target` but for the one with the random part `kept`, so that
/// whoever made them cannot put them in the target's place any more.
///
/// # Errors
/// The code of the first removal that failed.
pub async fn revoke<S: Storage>(
    storage: &S,
    dir: &S::Dir,
    names: &[String],
    target: &str,
    kept: &str,
) -> Result<(), Code> {
    let target = target.trim_start_matches('.');
    let others =
        |name: &&String| parts(name).is_some_and(|(of, random)| of == target && random != kept);
    for name in names.iter().filter(others) {
        match storage.remove(dir, name).await {
            // No directory can be put in a file's place.
            Ok(()) | Err(Code::NO_ENTRY | Code::IS_DIRECTORY) => {}
            Err(code) => return Err(code),
        }
    }
    Ok(())
}

/// Always the same, so that one that stays in a directory that nobody sweeps is found by the next.
pub const PROBE: &str = ".probe.00000000000000000000000000000000.tandem-tmp";

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

/// Removes the temporary files among `names` that are older than `age` at the time `now`, and counts
/// them. One that cannot be looked at or removed is left for the next sweep.
pub async fn sweep<S: Storage>(
    storage: &S,
    dir: &S::Dir,
    names: &[String],
    now: Duration,
    age: Duration,
) -> u32 {
    let mut swept = 0;
    for name in names.iter().filter(|name| parts(name).is_some()) {
        let Ok(stat) = storage.stat(dir, name).await else { continue };
        let is_old = now.saturating_sub(stat.modified) > age;
        if stat.kind == Kind::File && is_old && storage.remove(dir, name).await.is_ok() {
            swept += 1;
        }
    }
    swept
}

/// Sweeps where nobody needs to know of an error: what cannot be swept now is swept later. The time
/// is asked for only if there is something to sweep.
pub async fn sweep_names<S: Storage>(
    storage: &S,
    dir: &S::Dir,
    path: &str,
    names: &[String],
    age: Duration,
) -> u32 {
    if !names.iter().any(|name| parts(name).is_some()) {
        return 0;
    }
    match disk_time(storage, dir, path).await {
        Ok(now) => sweep(storage, dir, names, now, age).await,
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::memory::Memory;

    #[test]
    fn temp_names_are_recognised_and_nothing_else_is() {
        let storage = &*Memory::new();
        for target in ["manifest.json", ".heartbeat", "runs.json"] {
            let name = name(storage, target);
            assert_eq!(
                parts(&name).map(|(of, _)| of),
                Some(target.trim_start_matches('.')),
                "{name}"
            );
            assert!(!name.starts_with(".."), "{name}");
        }
        assert!(parts(PROBE).is_some());
        for name in [
            "manifest.json",
            ".heartbeat",
            ".manifest.json.tandem-tmp",
            ".manifest.json.0123.tandem-tmp",
            "manifest.json.0123456789abcdef0123456789abcdef.tandem-tmp",
            ".manifest.json.0123456789ABCDEF0123456789abcdef.tandem-tmp",
        ] {
            assert_eq!(parts(name), None, "{name}");
        }
    }

    #[test]
    fn temp_names_do_not_repeat() {
        let storage = &*Memory::new();
        assert_ne!(name(storage, "a"), name(storage, "a"));
    }
}
