//! What a store must hold, as tests that anyone can run against an implementation.
//!
//! They need an empty prefix of a store that answers: they write some thousand small documents below
//! it, and leave them there. What only failures show, that a lost answer is told as such and that an
//! acknowledgement survives what it promises, they cannot try: cut the store off, and kill it.
//!
//! ```
//! use tandem_documents::{MemoryDocuments, contract};
//!
//! # #[tokio::main]
//! # async fn main() {
//! let broken = contract::check(&MemoryDocuments::new(), "contract/1").await;
//! assert!(broken.is_empty(), "{broken:?}");
//! # }
//! ```

mod changes;
mod conditions;
mod kept;
mod lists;
#[cfg(test)]
mod tests;
mod together;

use std::fmt;
use std::sync::Arc;

use crate::{Document, Documents, Expect, Level, Trouble, Version};

/// A rule that a store breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broken {
    /// The rule's name, one of [`RULES`].
    pub rule: &'static str,
    /// What was seen in its place.
    pub seen: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule.replace('_', " "), self.seen)
    }
}

/// Why a rule does not hold.
enum Fault {
    Seen(String),
    Trouble(Trouble),
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        Fault::Trouble(trouble)
    }
}

type Held = Result<(), Fault>;

macro_rules! rules {
    ($($room:ident::$rule:ident,)*) => {
        /// Every rule, by its name.
        pub const RULES: &[&str] = &[$(stringify!($rule),)*];

        /// Tries every rule below a prefix in which nothing is, and tells which are broken.
        pub async fn check<D: Documents>(store: &D, prefix: &str) -> Vec<Broken> {
            let mut broken = Vec::new();
            $(
                let place = Place { store, prefix: format!("{prefix}/{}", stringify!($rule)) };
                if let Err(fault) = $room::$rule(&place).await {
                    let seen = match fault {
                        Fault::Seen(seen) => seen,
                        Fault::Trouble(trouble) => format!("the store failed: {trouble}"),
                    };
                    broken.push(Broken { rule: stringify!($rule), seen });
                }
            )*
            broken
        }
    };
}

rules! {
    conditions::what_is_not_there_is_none,
    conditions::of_several_that_create_one_does,
    conditions::a_document_that_is_there_is_not_created,
    conditions::a_read_shows_what_was_answered,
    conditions::of_several_that_follow_one_version_one_is_made,
    conditions::what_follows_an_old_version_is_not_made,
    conditions::a_removal_leaves_a_mark_with_a_version,
    conditions::versions_of_a_key_grow_and_never_come_again,
    kept::bodies_are_kept_to_the_byte,
    kept::keys_are_told_apart_by_their_bytes,
    kept::the_time_moves_with_the_version,
    kept::a_promise_says_why,
    lists::a_list_has_what_is_below_its_prefix_in_order,
    lists::a_list_goes_on_behind_a_key,
    lists::a_prefix_is_no_pattern,
    together::all_are_written_or_none,
    together::what_is_moved_keeps_its_time,
    together::of_several_that_overlap_one_is_made,
    together::sixty_four_are_written_together,
    changes::changes_begin_with_all_that_stands_there,
    changes::what_changed_is_told_with_what_stands_there,
    changes::no_change_is_missed_while_others_write,
}

/// Where a rule is tried.
struct Place<'a, D> {
    store: &'a D,
    prefix: String,
}

impl<D: Documents> Place<'_, D> {
    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    async fn put(
        &self,
        name: &str,
        body: &[u8],
        expect: Expect,
    ) -> Result<Option<Version>, Trouble> {
        self.store.replace(&self.key(name), Some(body.into()), expect, Level::Durable).await
    }

    /// Creates a document.
    async fn create(&self, name: &str, body: &[u8]) -> Result<Version, Fault> {
        made(self.put(name, body, Expect::Absent).await?)
    }

    /// Writes over a version.
    async fn follow(&self, name: &str, body: &[u8], after: Version) -> Result<Version, Fault> {
        made(self.put(name, body, Expect::Is(after)).await?)
    }

    async fn remove(&self, name: &str, after: Version) -> Result<Version, Fault> {
        let key = self.key(name);
        made(self.store.replace(&key, None, Expect::Is(after), Level::Durable).await?)
    }

    async fn get(&self, name: &str) -> Result<Option<Document>, Fault> {
        Ok(self.store.get(&self.key(name)).await?)
    }

    /// Whether a document stands there as it should.
    async fn shows(&self, name: &str, version: Version, body: Option<&[u8]>) -> Held {
        let found = self.get(name).await?.ok_or_else(|| seen("nothing is read"))?;
        ensure(found.body.as_deref() == body, || match (&found.body, body) {
            (Some(found), Some(body)) => {
                format!("{} bytes are read that are not the {} written", found.len(), body.len())
            }
            (None, _) => "a mark is read in place of a body".to_owned(),
            (_, None) => "a body is read in place of a mark".to_owned(),
        })?;
        ensure(found.version == version, || {
            format!("version {} is read, {} was answered", found.version.0, version.0)
        })
    }
}

fn made(answer: Option<Version>) -> Result<Version, Fault> {
    answer.ok_or_else(|| seen("a write is not made although what it follows is there"))
}

fn seen(what: impl Into<String>) -> Fault {
    Fault::Seen(what.into())
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Held {
    if holds { Ok(()) } else { Err(Fault::Seen(what())) }
}

/// Bytes that no text has, and each different.
fn bytes(len: usize, seed: u64) -> Arc<[u8]> {
    let mut random = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| random.u8(..)).take(len).collect()
}
