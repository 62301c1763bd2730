//! A manifest and a heartbeat that another writer left.

use super::disk::{self, HEARTBEAT_FILE, MANIFEST_FILE, RUN_DIR};
use super::document::{file_of, is_told, unmarked};
use super::pieces::pieces;
use super::time::is_timestamp;
use super::tree::{No, Tree};
use crate::error::Error;
use crate::json::MAX_DEPTH;
use crate::runs::Registry;
use crate::storage::memory::Memory;

/// The largest manifest, so that inputs reach it.
const LIMIT: u64 = 3072;
/// The largest heartbeat that is read at all.
const HEARTBEAT_BYTES_MAX: usize = 4096;
const AGE_MS: u64 = 7;

/// The first piece of the input is the manifest's file, the second the heartbeat's, if there is one.
pub fn recovery(input: &[u8]) {
    let pieces = pieces(input);
    let (manifest, heartbeat) = (pieces[0], pieces.get(1).copied());
    let (disk, registry) = (Memory::new(), Registry::default());
    disk.put(MANIFEST_FILE, manifest, AGE_MS);
    if let Some(heartbeat) = heartbeat {
        disk.put(HEARTBEAT_FILE, heartbeat, AGE_MS);
    }
    let before = disk::files(&disk);
    let opened = disk::open(&disk, &registry, disk::options(LIMIT));

    if manifest.len() as u64 > LIMIT {
        assert!(matches!(opened, Err(Error::TooLarge { bytes, .. }) if bytes > LIMIT));
        assert_eq!(disk::files(&disk), before);
        return;
    }
    let (run, recovery) = opened.expect("no content stops an open");
    assert_eq!((recovery.directory.as_str(), recovery.swept), (RUN_DIR, 0));
    assert_eq!(recovery.document.as_deref(), document_in(manifest));
    let good = heartbeat.and_then(heartbeat_in);
    assert_eq!(recovery.heartbeat.as_deref(), good);
    assert_eq!(recovery.heartbeat_age_ms, good.map(|_| AGE_MS));

    // Each file is where it was, or set aside, and has its bytes.
    let after = disk::files(&disk);
    assert_eq!(after.len(), before.len());
    let mut aside = Vec::new();
    for (path, bytes) in &before {
        let is_good = if path == MANIFEST_FILE {
            recovery.document.is_some()
        } else {
            recovery.heartbeat.is_some()
        };
        let kept = |other: &&(String, Vec<u8>)| {
            if is_good { other.0 == *path } else { disk::is_aside(&other.0, path) }
        };
        let (kept, kept_bytes) = after.iter().find(kept).expect("the file is kept");
        assert_eq!(kept_bytes, bytes);
        if !is_good {
            aside.push(kept.clone());
        }
    }
    aside.sort();
    let mut told = recovery.set_aside.clone();
    told.sort();
    assert_eq!(told, aside);

    // The next open finds the same, and has nothing to set aside.
    drop(run);
    let (run, again) = disk::open(&disk, &registry, disk::options(LIMIT)).expect("open");
    assert_eq!(again.document, recovery.document);
    assert_eq!(again.heartbeat, recovery.heartbeat);
    assert!(again.set_aside.is_empty());

    // However it is indented, what a patch does not change is written as Tandem writes it.
    let _ = run.merge("{}").map_err(|error| is_told(&error, LIMIT));
    let merged = file_of(recovery.document.as_deref().unwrap_or("{}"), LIMIT);
    assert_eq!(disk::is_dirty(&run), merged.is_some());
    disk::close(&disk, run);
    if merged.is_some() {
        assert_eq!(disk.file(MANIFEST_FILE), merged);
    }
}

fn document_in(file: &[u8]) -> Option<&str> {
    let text = unmarked(std::str::from_utf8(file).ok()?);
    match Tree::parse(text) {
        Ok(tree) => (tree.members().is_some() && tree.depth() <= MAX_DEPTH).then_some(text),
        Err(No::Json | No::Depth) => None,
    }
}

fn heartbeat_in(file: &[u8]) -> Option<&str> {
    let text = unmarked(std::str::from_utf8(file).ok()?).strip_suffix('\n')?;
    (file.len() <= HEARTBEAT_BYTES_MAX && is_timestamp(text)).then_some(text)
}
