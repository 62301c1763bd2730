//! Names in a directory that may be those of temporary files.

use super::disk::{self, RUN_DIR};
use crate::runs::Registry;
use crate::storage::memory::Memory;
use crate::storage::temp::{named, parts};

const HOUR_MS: u64 = 3_600_000;

/// Each line of the input is the name of a file.
pub fn temp(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let is_name = |name: &&str| {
        !name.is_empty() && !name.contains('/') && !["manifest.json", ".heartbeat"].contains(name)
    };
    let mut names: Vec<&str> = text.split('\n').filter(is_name).collect();
    names.sort_unstable();
    names.dedup();

    let (disk, registry) = (Memory::new(), Registry::default());
    for (at, name) in names.iter().enumerate() {
        assert_eq!(parts(name).is_some(), is_temp(name), "{name:?}");
        if let Some((target, random)) = parts(name) {
            let again = named(target, random);
            // A target without leading dots is found again.
            assert_eq!(again == *name, !target.starts_with('.'), "{name:?}");
        }
        // Every other file is too young.
        let age_ms = if at % 2 == 0 { HOUR_MS + 1 } else { HOUR_MS };
        disk.put(&format!("{RUN_DIR}/{name}"), name.as_bytes(), age_ms);
    }
    disk.put_dir(RUN_DIR);
    for (dir, _) in RUN_DIR.match_indices('/') {
        disk.put_dir(&RUN_DIR[..dir]);
    }
    let (_run, recovery) = disk::open(&disk, &registry, disk::options(1)).expect("open");

    let stays = |(at, name): (usize, &&str)| {
        (at % 2 == 1 || !is_temp(name))
            .then(|| (format!("{RUN_DIR}/{name}"), name.as_bytes().to_vec()))
    };
    let expected: Vec<_> = names.iter().enumerate().filter_map(stays).collect();
    assert_eq!(disk::files(&disk), expected);
    assert_eq!(recovery.swept as usize, names.len() - expected.len());
}

/// `.<target>.<32 hex digits>.tandem-tmp`.
fn is_temp(name: &str) -> bool {
    let bytes = name.as_bytes();
    let Some(at) = bytes.len().checked_sub(".".len() + 32 + ".tandem-tmp".len()) else {
        return false;
    };
    let is_digit = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
    at > 0
        && bytes[0] == b'.'
        && bytes[at] == b'.'
        && bytes[at + 1..at + 33].iter().all(is_digit)
        && bytes[at + 33..] == *b".tandem-tmp"
}
