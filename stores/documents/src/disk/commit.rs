//! One conditional write, with a look where an answer was lost.

use std::sync::Arc;

use crate::{Document, Documents, Expect, Level, Trouble, Version};

/// How often one write is asked for while nobody knows what became of it. A store has its own
/// patience; whoever wanted the write tries again later.
const TRIES: usize = 3;

/// What became of a write.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Committed {
    /// It was made.
    Made(Version),
    /// What it follows is not there any more.
    Overtaken,
}

/// One write.
pub(super) struct Commit<'a> {
    pub key: &'a str,
    /// None for a mark.
    pub body: Option<Arc<[u8]>>,
    pub expect: Expect,
    pub level: Level,
}

impl Commit<'_> {
    /// Makes the write. An answer that is lost is never taken for a failure: only the document itself
    /// tells whether the write was made, and a write that is asked for again follows the same
    /// version, so that it is made once. Of a durable one that was made an answer is still needed: the
    /// same content is written once more, over what was found.
    ///
    /// # Errors
    /// The store refused it; or nobody knows, and it may be made later: [`Trouble::is_refused`] tells
    /// which.
    pub(super) async fn make<D: Documents>(&self, store: &D) -> Result<Committed, Trouble> {
        let mut lost: Option<Trouble> = None;
        let mut expect = self.expect;
        for _ in 0..TRIES {
            let made = store.replace(self.key, self.body.clone(), expect, self.level).await;
            match (made, &lost) {
                (Ok(Some(version)), _) => return Ok(Committed::Made(version)),
                (Ok(None), None) => return Ok(Committed::Overtaken),
                (Err(trouble), None) if trouble.is_refused() => return Err(trouble),
                (Ok(None), Some(_)) => {}
                (Err(trouble), _) if trouble.is_refused() => {}
                (Err(trouble), _) => lost = Some(trouble),
            }
            let found = match store.get(self.key).await {
                Ok(found) => found,
                // The first one says what went wrong.
                Err(_) => break,
            };
            if expect.holds(found.as_ref()) {
                continue;
            }
            match found {
                Some(Document { version, body, .. }) if body == self.body => match self.level {
                    Level::Visible => return Ok(Committed::Made(version)),
                    // It is seen, and nobody has said what it survives: an answer to the next one does.
                    Level::Durable => expect = Expect::Is(version),
                },
                _ => return Ok(Committed::Overtaken),
            }
        }
        Err(lost.unwrap_or_else(|| Trouble::unknown("the store does not answer")))
    }
}

impl Expect {
    /// Whether this is what stands there.
    pub(crate) fn holds(self, found: Option<&Document>) -> bool {
        Expect::of(found) == self
    }

    /// What a write over this follows.
    pub(crate) fn of(found: Option<&Document>) -> Self {
        found.map_or(Expect::Absent, |document| Expect::Is(document.version))
    }
}
