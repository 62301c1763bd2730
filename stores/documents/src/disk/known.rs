//! What this disk knows of the documents that it has written.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};

use super::path;
use crate::Expect;

/// Of more directories the least recently used are forgotten: of a run that has written nothing while
/// so many others did, another owner is not noticed.
const DIRECTORIES_MAX: usize = 16_384;

/// The documents that this disk has looked at or written: what stands there as far as it knows, so
/// that it finds out if somebody else has written since.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By directory, because those of one are used together.
    directories: HashMap<String, Directory>,
    /// Grows with each use.
    use_count: u64,
    hashers: [RandomState; 2],
}

#[derive(Debug, Default)]
struct Directory {
    used: u64,
    documents: BTreeMap<String, Own>,
}

/// One document.
#[derive(Debug)]
struct Own {
    is: Expect,
    /// Whether what is written follows this and nothing else, until it is looked at again.
    is_claimed: bool,
    /// Writes of this disk of which nobody knows whether they were made, or will be.
    unsettled: Vec<Fingerprint>,
}

/// Tells one body from others without keeping it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint {
    len: usize,
    hashes: [u64; 2],
}

/// What a write follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Follows {
    pub expect: Expect,
    /// Whether nothing else will do.
    pub is_claimed: bool,
}

impl Known {
    /// What a write of a key follows: of one that is not known, that it is not there, or whatever is.
    pub(super) fn follows(&self, key: &str) -> Follows {
        match self.find(key) {
            Some(Own { is, is_claimed, .. }) => Follows { expect: *is, is_claimed: *is_claimed },
            None => Follows { expect: Expect::Absent, is_claimed: false },
        }
    }

    /// Claims a key: it was looked at by whoever is about to write it, and is theirs until others
    /// write.
    pub(super) fn claim(&mut self, key: &str, is: Expect) {
        *self.own(key) = Own { is, is_claimed: true, unsettled: Vec::new() };
    }

    /// Remembers what was written at a key. Whatever was not settled is.
    pub(super) fn set(&mut self, key: &str, is: Expect) {
        let own = self.own(key);
        own.is = is;
        own.unsettled.clear();
    }

    /// Remembers a write that follows `expect` and whose answer was lost.
    pub(super) fn set_unsettled(&mut self, key: &str, expect: Expect, body: &[u8]) {
        let fingerprint = self.fingerprint(body);
        let own = self.own(key);
        if own.is != expect {
            own.is = expect;
            own.unsettled.clear();
        }
        if !own.unsettled.contains(&fingerprint) {
            own.unsettled.push(fingerprint);
        }
    }

    /// Whether a body is that of a write whose answer was lost.
    pub(super) fn is_unsettled(&self, key: &str, body: &[u8]) -> bool {
        self.find(key).is_some_and(|own| own.unsettled.contains(&self.fingerprint(body)))
    }

    fn find(&self, key: &str) -> Option<&Own> {
        let (directory, name) = path::split(key);
        self.directories.get(directory)?.documents.get(name)
    }

    fn own(&mut self, key: &str) -> &mut Own {
        let (directory, name) = path::split(key);
        self.use_count += 1;
        let used = self.use_count;
        if self.directories.len() >= DIRECTORIES_MAX && !self.directories.contains_key(directory) {
            self.forget_half();
        }
        let directory = self.directories.entry(directory.to_owned()).or_default();
        directory.used = used;
        let new = || Own { is: Expect::Absent, is_claimed: false, unsettled: Vec::new() };
        directory.documents.entry(name.to_owned()).or_insert_with(new)
    }

    fn forget_half(&mut self) {
        let mut used: Vec<u64> = self.directories.values().map(|it| it.used).collect();
        let middle = used.len() / 2;
        let (_, &mut oldest_kept, _) = used.select_nth_unstable(middle);
        self.directories.retain(|_, directory| directory.used >= oldest_kept);
    }

    fn fingerprint(&self, body: &[u8]) -> Fingerprint {
        Fingerprint { len: body.len(), hashes: self.hashers.each_ref().map(|it| it.hash_one(body)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Version;

    const ONE: Expect = Expect::Is(Version(1));

    #[test]
    fn the_least_recently_written_are_forgotten() {
        let mut known = Known::default();
        for run in 0..=DIRECTORIES_MAX {
            known.claim("kept/manifest.json", ONE);
            known.claim(&format!("{run}/manifest.json"), ONE);
        }
        assert!(known.directories.len() < DIRECTORIES_MAX);
        let claimed = Follows { expect: ONE, is_claimed: true };
        assert_eq!(known.follows("kept/manifest.json"), claimed);
        assert_eq!(known.follows(&format!("{DIRECTORIES_MAX}/manifest.json")), claimed);
        let unknown = Follows { expect: Expect::Absent, is_claimed: false };
        assert_eq!(known.follows("0/manifest.json"), unknown);
    }

    #[test]
    fn a_write_is_unsettled_until_something_is_known() {
        let mut known = Known::default();
        known.claim("a", ONE);
        known.set_unsettled("a", ONE, b"late");
        assert!(known.is_unsettled("a", b"late"));
        assert!(!known.is_unsettled("a", b"other"));
        assert!(!known.is_unsettled("b", b"late"));
        known.set("a", Expect::Is(Version(2)));
        assert!(!known.is_unsettled("a", b"late"));
        assert!(known.follows("a").is_claimed);
    }
}
