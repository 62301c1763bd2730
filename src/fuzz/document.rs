//! A document that a caller sets.

use super::disk::{self, MANIFEST_FILE};
use super::tree::Tree;
use crate::error::{Channel, Error};
use crate::json::MAX_DEPTH;
use crate::runs::Registry;
use crate::storage::memory::Memory;

/// The largest document: one that inputs reach, and one above what is too deep.
pub const LIMITS: [u64; 2] = [2048, 1 << 16];
const OLD: &str = "{\n  \"old\": 0\n}\n";

/// What a document's file must hold; none if the document must be refused.
pub fn file_of(text: &str, limit: u64) -> Option<String> {
    let text = unmarked(text);
    let tree = Tree::parse(text).ok().filter(|tree| tree.members().is_some())?;
    let file = format!("{}\n", tree.indented(0));
    let is_short = text.len() as u64 <= limit && file.len() as u64 <= limit;
    (is_short && tree.depth() <= MAX_DEPTH).then_some(file)
}

/// A text without one byte order mark at its start.
pub fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{FEFF}').unwrap_or(text)
}

/// Checks that an error is one about the manifest that a caller can understand.
pub fn is_told(error: &Error, max_bytes: u64) {
    match error {
        Error::InvalidInput { channel: Some(Channel::Manifest), message } => {
            assert!(message.len() < 200 && !message.contains(char::is_control), "{message}");
        }
        Error::TooLarge { channel: Channel::Manifest, bytes, limit, path: None, .. } => {
            assert!(*limit == max_bytes && *bytes > max_bytes);
        }
        other => panic!("{other}"),
    }
}

/// The input is the document.
pub fn document(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    LIMITS.iter().for_each(|&limit| set(&text, limit));
}

fn set(text: &str, limit: u64) {
    let (disk, registry) = (Memory::new(), Registry::default());
    let (run, _) = disk::open(&disk, &registry, disk::options(limit)).expect("open");
    run.set(OLD).expect("set");
    disk::flush(&disk, &run);

    let set = run.set(text);
    assert_eq!(disk::is_dirty(&run), set.is_ok());
    let _ = set.as_ref().map_err(|error| is_told(error, limit));
    disk::flush(&disk, &run);
    let expected = file_of(text, limit);
    assert_eq!(set.is_ok(), expected.is_some(), "{set:?}");
    let file = disk.file(MANIFEST_FILE).expect("a manifest");
    assert_eq!(file, expected.unwrap_or_else(|| OLD.to_owned()));

    // What was written is found as it is, and is its own document.
    disk::close(&disk, run);
    let (run, recovery) = disk::open(&disk, &registry, disk::options(limit)).expect("open");
    assert_eq!(recovery.document.as_ref(), Some(&file));
    run.set(&file).expect("set");
    disk::flush(&disk, &run);
    assert_eq!(disk.file(MANIFEST_FILE), Some(file));
}
