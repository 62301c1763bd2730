//! What another writer left at the lock's place.

use std::rc::Rc;

use super::disk::{self, HISTORY_FILE, LOCK_FILE, Recorder};
use super::document::unmarked;
use super::pieces::pieces;
use super::tree::Tree;
use crate::error::Error;
use crate::storage::memory::Memory;

/// What is granted to a lock that tells no lease.
const OWN_LEASE_MS: u64 = 10_000;
const LEASES_MS: std::ops::RangeInclusive<u64> = 10..=3_600_000;
/// A lock that is read as a record is not larger.
const RECORD_BYTES_MAX: usize = 4096;
/// More locks, one after the other, find nothing more.
const LOCKS_MAX: usize = 2;

/// The pieces of the input are locks, each in the place of the one before.
pub fn lock(input: &[u8]) {
    let contents: Vec<_> = pieces(input).into_iter().take(LOCKS_MAX).collect();
    let Some(leases) = contents.iter().map(|content| lease_ms(content)).collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let disk = Memory::new();
    let recorder = Recorder::on(&disk);
    recorder.record(&disk::summary("r0", 0)).expect("nobody holds the lock");

    // Nobody gets it a moment before its lease is over, and everybody a moment after.
    for (content, lease_ms) in contents.iter().zip(&leases) {
        disk.put(LOCK_FILE, content, 0);
        is_locked(&recorder, 1);
        disk.advance_ms(lease_ms - 1);
        is_locked(&recorder, 1);
        assert_eq!(disk.bytes(LOCK_FILE).as_deref(), Some(*content));
    }
    disk.advance_ms(1);
    recorder.record(&disk::summary("r1", 1)).expect("the lock has expired");
    assert_eq!(ids(&disk), ["r0", "r1"]);
    let paths = [".runs/task/r0/manifest.json", ".runs/task/r1/manifest.json", HISTORY_FILE];
    assert_eq!(disk.paths(), paths);

    // A holder that finds it in the place of its own writes nothing.
    let history = disk.file(HISTORY_FILE);
    let holder = Recorder::on(&disk);
    disk.hold("sync-data out/task");
    let call = holder.start(&disk::summary("r2", 2));
    disk.settle();
    disk.put(LOCK_FILE, contents[0], 0);
    disk.release("sync-data out/task");
    assert!(is_locked_out(call.take().expect("an outcome").err().as_ref()));
    assert_eq!(disk.file(HISTORY_FILE), history);
    is_locked(&holder, 2);
    disk.advance_ms(leases[0]);
    holder.record(&disk::summary("r2", 2)).expect("the lock has expired");
    assert_eq!(ids(&disk), ["r0", "r1", "r2"]);
    assert!(disk.paths().iter().all(|path| path != LOCK_FILE && !path.contains("tandem-tmp")));
}

fn is_locked(recorder: &Recorder, n: u32) {
    let error = recorder.record(&disk::summary(&format!("r{n}"), n)).err();
    assert!(is_locked_out(error.as_ref()), "{error:?}");
}

fn is_locked_out(error: Option<&Error>) -> bool {
    matches!(error, Some(Error::Locked { .. }))
}

/// The ids in the history, the oldest first.
fn ids(disk: &Rc<Memory>) -> Vec<String> {
    let file = disk.file(HISTORY_FILE).expect("a history");
    let tree = Tree::parse(&file).expect("JSON");
    let [Tree::Array(runs)] = tree.all("runs")[..] else { panic!("no runs") };
    runs.iter().map(|run| run.all("runId")[0].string().expect("an id")).collect()
}

/// For how long a lock must be left alone; none if it nests too deep to tell.
fn lease_ms(content: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(content).ok().filter(|text| text.len() <= RECORD_BYTES_MAX);
    let told = match text.map(unmarked).map(Tree::parse) {
        Some(Err(super::tree::No::Depth)) => return None,
        Some(Ok(tree)) => match tree.all("lease_ms").first() {
            Some(Tree::Scalar(text)) => text.parse().ok(),
            _ => None,
        },
        _ => None,
    };
    Some(told.filter(|lease| LEASES_MS.contains(lease)).unwrap_or(OWN_LEASE_MS))
}
