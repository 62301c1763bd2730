//! Each rule, broken by a store that looks as if it kept it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use futures::executor::block_on;
use tandem_disk::ErrorCode;

use super::{Broken, RULES, check};
use crate::{
    Changes, Cursor, Document, Documents, Expect, Level, MemoryDocuments, Page, Promise, Survives,
    Trouble, Version, Write,
};

/// What a store does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    WritesWithoutCondition,
    CreatesWhatIsThere,
    CreatesOverMarks,
    ComparesBodies,
    ReadsFromReplica,
    AnswersAndForgets,
    ForgetsMarks,
    VersionsBegin,
    VisibleUnread,
    BodiesAreText,
    EmptyIsMark,
    BodiesEndAtMib,
    KeysIgnoreCase,
    KeysAreTrimmed,
    KeysEndAt255,
    TimeStands,
    TimeIsAhead,
    NoReason,
    ListHasMarks,
    ListIsReversed,
    ListEndsEarly,
    ListBeginsAgain,
    PrefixIsPattern,
    AllInParts,
    AllWithoutCondition,
    FewTogether,
    MovesAtNow,
    ChangesWithoutRemovals,
    ChangesOfOthers,
    ChangesAreSkipped,
    ChangesBeginNow,
    BeginningIsUntold,
}

use Flaw::*;

/// Each flaw, and a rule that it breaks.
const FLAWS: &[(Flaw, &str)] = &[
    (WritesWithoutCondition, "what_follows_an_old_version_is_not_made"),
    (CreatesWhatIsThere, "a_document_that_is_there_is_not_created"),
    (CreatesOverMarks, "a_removal_leaves_a_mark_with_a_version"),
    (ComparesBodies, "what_follows_an_old_version_is_not_made"),
    (ReadsFromReplica, "a_read_shows_what_was_answered"),
    (AnswersAndForgets, "of_several_that_create_one_does"),
    (ForgetsMarks, "a_removal_leaves_a_mark_with_a_version"),
    (VersionsBegin, "versions_of_a_key_grow_and_never_come_again"),
    (VisibleUnread, "a_read_shows_what_was_answered"),
    (BodiesAreText, "bodies_are_kept_to_the_byte"),
    (EmptyIsMark, "bodies_are_kept_to_the_byte"),
    (BodiesEndAtMib, "bodies_are_kept_to_the_byte"),
    (KeysIgnoreCase, "keys_are_told_apart_by_their_bytes"),
    (KeysAreTrimmed, "keys_are_told_apart_by_their_bytes"),
    (KeysEndAt255, "keys_are_told_apart_by_their_bytes"),
    (TimeStands, "the_time_moves_with_the_version"),
    (TimeIsAhead, "the_time_moves_with_the_version"),
    (NoReason, "a_promise_says_why"),
    (ListHasMarks, "a_list_has_what_is_below_its_prefix_in_order"),
    (ListIsReversed, "a_list_has_what_is_below_its_prefix_in_order"),
    (ListEndsEarly, "a_list_goes_on_behind_a_key"),
    (ListBeginsAgain, "a_list_goes_on_behind_a_key"),
    (PrefixIsPattern, "a_prefix_is_no_pattern"),
    (AllInParts, "all_are_written_or_none"),
    (AllWithoutCondition, "of_several_that_overlap_one_is_made"),
    (FewTogether, "sixty_four_are_written_together"),
    (MovesAtNow, "what_is_moved_keeps_its_time"),
    (ChangesWithoutRemovals, "what_changed_is_told_with_what_stands_there"),
    (ChangesOfOthers, "what_changed_is_told_with_what_stands_there"),
    (ChangesAreSkipped, "no_change_is_missed_while_others_write"),
    (ChangesBeginNow, "changes_begin_with_all_that_stands_there"),
    (BeginningIsUntold, "changes_begin_with_all_that_stands_there"),
];

/// A store with a flaw.
struct Flawed {
    store: MemoryDocuments,
    flaw: Flaw,
    /// Counts what the flaw needs to count.
    count: AtomicUsize,
}

impl Flawed {
    fn new(flaw: Flaw) -> Self {
        Flawed { store: MemoryDocuments::new(), flaw, count: AtomicUsize::new(0) }
    }

    fn key(&self, key: &str) -> String {
        match self.flaw {
            KeysIgnoreCase => key.to_lowercase(),
            KeysAreTrimmed => key.trim_end_matches([' ', '.']).to_owned(),
            KeysEndAt255 => key.chars().take(255).collect(),
            _ => key.to_owned(),
        }
    }

    fn body(&self, body: Option<Arc<[u8]>>) -> Option<Arc<[u8]>> {
        let body = body?;
        match self.flaw {
            BodiesAreText => Some(String::from_utf8_lossy(&body).as_bytes().into()),
            EmptyIsMark if body.is_empty() => None,
            BodiesEndAtMib => Some(body[..body.len().min((1 << 20) - 1)].into()),
            _ => Some(body),
        }
    }

    /// The n-th of so many is another.
    fn is_nth(&self, of: usize) -> bool {
        self.count.fetch_add(1, Ordering::Relaxed) % of == of - 1
    }

    async fn expected(&self, key: &str, body: &Option<Arc<[u8]>>, expect: Expect) -> Expect {
        let found = self.store.get(key).await.ok().flatten();
        let is = Expect::of(found.as_ref());
        let is_mark = found.as_ref().is_some_and(|document| document.body.is_none());
        match self.flaw {
            WritesWithoutCondition if expect != Expect::Absent => is,
            CreatesWhatIsThere if expect == Expect::Absent && !is_mark => is,
            CreatesOverMarks | ForgetsMarks if expect == Expect::Absent && is_mark => is,
            // The same content is the same state.
            ComparesBodies if found.and_then(|it| it.body) == *body => is,
            _ => expect,
        }
    }
}

impl Documents for Flawed {
    async fn get(&self, key: &str) -> Result<Option<Document>, Trouble> {
        let found = self.store.get(&self.key(key)).await?;
        if self.flaw == ReadsFromReplica && self.is_nth(7) {
            return Ok(None);
        }
        Ok(found.and_then(|mut document| {
            match self.flaw {
                ForgetsMarks if document.body.is_none() => return None,
                TimeStands => document.modified = Some(SystemTime::UNIX_EPOCH),
                TimeIsAhead => {
                    document.modified = document.modified.map(|at| at + Duration::from_secs(9))
                }
                VersionsBegin => document.version = Version(document.version.0 % 5),
                _ => {}
            }
            Some(document)
        }))
    }

    async fn replace(
        &self,
        key: &str,
        body: Option<Arc<[u8]>>,
        expect: Expect,
        level: Level,
    ) -> Result<Option<Version>, Trouble> {
        let (key, body) = (self.key(key), self.body(body));
        if self.flaw == AnswersAndForgets && self.is_nth(17) {
            return Ok(Some(Version(1 << 40)));
        }
        if self.flaw == VisibleUnread && level == Level::Visible {
            return Ok(Some(Version(1 << 40)));
        }
        let found = self.store.get(&key).await?;
        if self.flaw == ComparesBodies
            && body.is_some()
            && found.as_ref().and_then(|it| it.body.as_ref()) == body.as_ref()
        {
            return Ok(found.map(|document| document.version));
        }
        let expect = self.expected(&key, &body, expect).await;
        let made = self.store.replace(&key, body, expect, level).await?;
        Ok(made.map(|version| match self.flaw {
            VersionsBegin => Version(version.0 % 5),
            _ => version,
        }))
    }

    async fn replace_all(&self, writes: Vec<Write>) -> Result<bool, Trouble> {
        if self.flaw == FewTogether && writes.len() > 32 {
            return Err(Trouble::refused(ErrorCode::Io, "too many writes at once"));
        }
        match self.flaw {
            AllInParts => {
                let mut are_all = true;
                for Write { key, body, expect, .. } in writes {
                    let made = self.store.replace(&key, body, expect, Level::Durable).await?;
                    are_all &= made.is_some();
                }
                Ok(are_all)
            }
            AllWithoutCondition => {
                for Write { key, body, .. } in writes {
                    let found = self.store.get(&key).await?;
                    let is = Expect::of(found.as_ref());
                    self.store.replace(&key, body, is, Level::Durable).await?;
                }
                Ok(true)
            }
            MovesAtNow => {
                let at_now = writes.into_iter().map(|write| Write { modified: None, ..write });
                self.store.replace_all(at_now.collect()).await
            }
            _ => self.store.replace_all(writes).await,
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Page, Trouble> {
        let mut page = match self.flaw {
            PrefixIsPattern if prefix.contains("a_b") => {
                let above = prefix.rsplit_once("a_b").map_or("", |(above, _)| above);
                self.store.list(above, after).await?
            }
            ListBeginsAgain => self.store.list(prefix, None).await?,
            _ => self.store.list(prefix, after).await?,
        };
        match self.flaw {
            ListHasMarks => {
                let cursor = Cursor("0".to_owned());
                let changes = self.store.changes(prefix, Some(&cursor)).await?;
                let all = changes.changed.into_iter();
                page.entries =
                    all.map(|it| crate::Listed::new(it.key, it.document.version)).collect();
                page.has_more = false;
            }
            ListIsReversed => page.entries.reverse(),
            ListEndsEarly => page.has_more = false,
            ListBeginsAgain if after.is_some() => page.has_more = false,
            _ => {}
        }
        Ok(page)
    }

    async fn changes(&self, prefix: &str, since: Option<&Cursor>) -> Result<Changes, Trouble> {
        let prefix = if self.flaw == ChangesOfOthers { "" } else { prefix };
        let mut changes = self.store.changes(prefix, since).await?;
        match self.flaw {
            ChangesWithoutRemovals => changes.changed.retain(|it| it.document.body.is_some()),
            // What is committed late is behind the cursor.
            ChangesAreSkipped if changes.changed.len() > 4 => changes.changed.clear(),
            ChangesBeginNow if since.is_none() => changes.changed.clear(),
            BeginningIsUntold => changes.is_anew = false,
            _ => {}
        }
        Ok(changes)
    }

    async fn time(&self) -> Result<SystemTime, Trouble> {
        self.store.time().await
    }

    async fn promise(&self) -> Result<Promise, Trouble> {
        let because = if self.flaw == NoReason { " " } else { "a test says so" };
        Ok(Promise::new(Survives::Nothing, because))
    }
}

fn broken(store: &impl Documents) -> Vec<Broken> {
    block_on(check(store, "contract"))
}

#[test]
fn a_store_that_keeps_every_rule_breaks_none() {
    assert_eq!(broken(&MemoryDocuments::new()), []);
}

#[test]
fn each_flaw_breaks_its_rule_and_each_rule_is_broken() {
    let mut found = Vec::new();
    for (flaw, rule) in FLAWS {
        let broken = broken(&Flawed::new(*flaw));
        let rules: Vec<&str> = broken.iter().map(|broken| broken.rule).collect();
        assert!(rules.contains(rule), "{flaw:?} breaks {rules:?}, not {rule}");
        found.extend(rules);
    }
    for rule in RULES {
        assert!(found.contains(rule), "no flaw breaks it: {rule}");
    }
}

#[test]
fn a_broken_rule_is_told_in_words() {
    let broken = broken(&Flawed::new(CreatesWhatIsThere));
    let told = broken.iter().find(|it| it.rule == "a_document_that_is_there_is_not_created");
    assert_eq!(
        told.map(ToString::to_string).as_deref(),
        Some("a document that is there is not created: it is created again")
    );
}
