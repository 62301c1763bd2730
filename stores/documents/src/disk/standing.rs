//! What stands at a key.

use crate::{Document, Expect, Version};

/// What stands at a key: a document, the mark that a removal has left, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// What a write over it follows.
    pub is: Expect,
    /// Whether it is a document.
    pub has_body: bool,
}

impl Standing {
    pub(super) const NOTHING: Standing = Standing { is: Expect::Absent, has_body: false };

    pub(super) fn of(found: Option<&Document>) -> Self {
        let has_body = found.is_some_and(|document| document.body.is_some());
        Standing { is: Expect::of(found), has_body }
    }

    pub(super) fn document(version: Version) -> Self {
        Standing { is: Expect::Is(version), has_body: true }
    }

    pub(super) fn mark(version: Version) -> Self {
        Standing { is: Expect::Is(version), has_body: false }
    }

    /// Whether this is older than what was known: a store that crashed takes back what was visible
    /// only, and so does one that a standby takes the place of. Nobody else has written then.
    pub(super) fn is_before(self, known: Expect) -> bool {
        match (self.is, known) {
            (Expect::Absent, Expect::Is(_)) => true,
            (Expect::Is(found), Expect::Is(known)) => found < known,
            (_, Expect::Absent) => false,
        }
    }
}
