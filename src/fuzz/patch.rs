//! Merge patches.

use serde_json::{Map, Value};

use super::disk::{self, MANIFEST_FILE};
use super::document::{LIMITS, file_of, is_told, unmarked};
use super::pieces::pieces;
use super::tree::{Tree, unescaped};
use crate::json::MAX_DEPTH;
use crate::runs::Registry;
use crate::storage::memory::Memory;

/// More patches find nothing more.
const PATCHES_MAX: usize = 4;

/// The pieces of the input are the document, if it is one, and patches of it.
pub fn patch(input: &[u8]) {
    let pieces = pieces(input);
    LIMITS.iter().for_each(|&limit| merge(&pieces, limit));
}

fn merge(pieces: &[&[u8]], limit: u64) {
    let (disk, registry) = (Memory::new(), Registry::default());
    let (run, _) = disk::open(&disk, &registry, disk::options(limit)).expect("open");
    let _ = run.set(&String::from_utf8_lossy(pieces[0]));
    disk::flush(&disk, &run);

    for patch in pieces[1..].iter().take(PATCHES_MAX) {
        let patch = String::from_utf8_lossy(patch);
        let before = disk.file(MANIFEST_FILE);
        let merged = run.merge(&patch);
        assert_eq!(disk::is_dirty(&run), merged.is_ok());
        let _ = merged.as_ref().map_err(|error| is_told(error, limit));
        disk::flush(&disk, &run);
        let after = disk.file(MANIFEST_FILE);
        let expected = file_after(before.as_deref(), &patch, limit);
        assert_eq!(merged.is_ok(), expected.is_some(), "{merged:?}");
        if merged.is_ok() {
            compare_values(before.as_deref(), &patch, after.as_deref().expect("a manifest"));
            assert_eq!(after, expected);
        } else {
            assert_eq!(after, before);
        }
    }
}

/// What the file must hold after a patch; none if the patch must be refused.
fn file_after(before: Option<&str>, patch: &str, limit: u64) -> Option<String> {
    let patch = unmarked(patch);
    let patched = Tree::parse(patch).ok().filter(|tree| tree.members().is_some())?;
    if patched.depth() > MAX_DEPTH || patch.len() as u64 > limit {
        return None;
    }
    let target = before.map(|text| Tree::parse(text).expect("a manifest"));
    let file = format!("{}\n", merged(target.as_ref(), &patched).indented(0));
    file_of(&file, limit)
}

/// RFC 7396, section 2, with every key and number as it was written. A key that the target has
/// twice is changed in both places; of a key that the patch has twice the last value counts, where
/// the first stood.
fn merged<'a>(target: Option<&Tree<'a>>, patch: &Tree<'a>) -> Tree<'a> {
    let Tree::Object(patch) = patch else { return patch.clone() };
    let null = Tree::Scalar("null");
    let mut changes: Vec<(&str, &Tree<'a>)> = Vec::new();
    for (key, value) in patch {
        match changes.iter_mut().find(|(known, _)| unescaped(known) == unescaped(key)) {
            Some(change) => change.1 = value,
            None => changes.push((key, value)),
        }
    }
    let mut members = Vec::new();
    let mut found = Vec::new();
    for (key, old) in target.and_then(Tree::members).unwrap_or_default() {
        match changes.iter().find(|(changed, _)| unescaped(changed) == unescaped(key)) {
            None => members.push((*key, old.clone())),
            Some((changed, new)) => {
                found.push(*changed);
                if **new != null {
                    members.push((key, merged(Some(old), new)));
                }
            }
        }
    }
    for (key, new) in changes {
        if !found.contains(&key) && *new != null {
            members.push((key, merged(None, new)));
        }
    }
    Tree::Object(members)
}

/// What other readers of JSON see must be what the RFC says, too. Those of texts that not everybody
/// can read are left out.
fn compare_values(before: Option<&str>, patch: &str, after: &str) {
    let read = serde_json::from_str::<Value>;
    let (Ok(before), Ok(patch)) = (read(before.unwrap_or("{}")), read(unmarked(patch))) else {
        return;
    };
    assert_eq!(read(after).expect("JSON"), rfc_7396(before, patch));
}

fn rfc_7396(target: Value, patch: Value) -> Value {
    let Value::Object(patch) = patch else { return patch };
    let mut target = if let Value::Object(members) = target { members } else { Map::new() };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(&key);
        } else {
            let old = target.remove(&key).unwrap_or_default();
            target.insert(key, rfc_7396(old, value));
        }
    }
    Value::Object(target)
}
