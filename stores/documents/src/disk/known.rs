//! What this disk knows of the documents that it has written.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};

use super::path;
use super::standing::Standing;
use crate::Expect;

/// Of more directories the least recently used are forgotten: of a run that has written nothing while
/// so many others did, another owner is not noticed.
const DIRECTORIES_MAX: usize = 16_384;

/// A directory with more documents is none of a run: what was known of locks can be asked anew.
const DOCUMENTS_MAX: usize = 1024;

/// Of more writes whose answers were lost the oldest are forgotten.
const UNSETTLED_MAX: usize = 16;

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
    standing: Standing,
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
            Some(Own { standing, is_claimed, .. }) => {
                Follows { expect: standing.is, is_claimed: *is_claimed }
            }
            None => Follows { expect: Expect::Absent, is_claimed: false },
        }
    }

    /// The mark that stands at a key.
    pub(super) fn mark(&self, key: &str) -> Option<Expect> {
        self.find(key).map(|own| own.standing).filter(|it| !it.has_body).map(|it| it.is)
    }

    /// Claims a key: it was looked at by whoever is about to write it, and is theirs until others
    /// write.
    pub(super) fn claim(&mut self, key: &str, standing: Standing) {
        let own = self.own(key);
        if own.standing.is != standing.is {
            own.unsettled.clear();
        }
        (own.standing, own.is_claimed) = (standing, true);
    }

    /// Remembers what was written at a key. Whatever was not settled is.
    pub(super) fn set(&mut self, key: &str, standing: Standing) {
        let own = self.own(key);
        own.standing = standing;
        own.unsettled.clear();
    }

    /// Remembers a write that follows `expect` and whose answer was lost.
    pub(super) fn set_unsettled(&mut self, key: &str, expect: Expect, body: &[u8]) {
        let fingerprint = self.fingerprint(body);
        let own = self.own(key);
        if own.standing.is != expect {
            own.standing = Standing { is: expect, has_body: expect != Expect::Absent };
            own.unsettled.clear();
        }
        if !own.unsettled.contains(&fingerprint) {
            if own.unsettled.len() >= UNSETTLED_MAX {
                own.unsettled.remove(0);
            }
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
        if directory.documents.len() >= DOCUMENTS_MAX && !directory.documents.contains_key(name) {
            directory.documents.clear();
        }
        let standing = Standing::NOTHING;
        let new = || Own { standing, is_claimed: false, unsettled: Vec::new() };
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

    const IS_ONE: Expect = Expect::Is(Version(1));
    const ONE: Standing = Standing { is: IS_ONE, has_body: true };

    #[test]
    fn the_least_recently_written_are_forgotten() {
        let mut known = Known::default();
        for run in 0..=DIRECTORIES_MAX {
            known.claim("kept/manifest.json", ONE);
            known.claim(&format!("{run}/manifest.json"), ONE);
        }
        assert!(known.directories.len() < DIRECTORIES_MAX);
        let claimed = Follows { expect: IS_ONE, is_claimed: true };
        assert_eq!(known.follows("kept/manifest.json"), claimed);
        assert_eq!(known.follows(&format!("{DIRECTORIES_MAX}/manifest.json")), claimed);
        let unknown = Follows { expect: Expect::Absent, is_claimed: false };
        assert_eq!(known.follows("0/manifest.json"), unknown);
    }

    #[test]
    fn what_grows_has_an_end() {
        let mut known = Known::default();
        for at in 0..=DOCUMENTS_MAX {
            known.claim(&format!(".runs/{at}.lock"), ONE);
        }
        assert!(known.directories[".runs"].documents.len() < DOCUMENTS_MAX);
        for at in 0..100_u8 {
            known.set_unsettled("a", IS_ONE, &[at]);
        }
        assert_eq!(known.find("a").map(|own| own.unsettled.len()), Some(UNSETTLED_MAX));
        assert!(known.is_unsettled("a", &[99]) && !known.is_unsettled("a", &[0]));
    }

    #[test]
    fn a_mark_is_known_as_one() {
        let mut known = Known::default();
        known.claim("a", ONE);
        assert_eq!(known.mark("a"), None);
        known.set("a", Standing::mark(Version(2)));
        assert_eq!(known.mark("a"), Some(Expect::Is(Version(2))));
        assert_eq!(known.mark("b"), None);
    }

    #[test]
    fn a_write_is_unsettled_until_something_is_known() {
        let mut known = Known::default();
        known.claim("a", ONE);
        known.set_unsettled("a", IS_ONE, b"late");
        assert!(known.is_unsettled("a", b"late"));
        assert!(!known.is_unsettled("a", b"other"));
        assert!(!known.is_unsettled("b", b"late"));
        // Whoever opens the run again has seen nothing of it yet.
        known.claim("a", ONE);
        assert!(known.is_unsettled("a", b"late"));
        known.set("a", Standing::document(Version(2)));
        assert!(!known.is_unsettled("a", b"late"));
        assert!(known.follows("a").is_claimed);
    }
}
