//! Renames of what is in the store: a corrupt file that is set aside, the directories of a run that
//! is removed.

use std::sync::Arc;
use std::time::SystemTime;

use tandem_disk::ErrorCode;

use super::{DocumentsDisk, LOOKS, path, told};
use crate::{Document, Documents, Expect, Write};

/// A run has a handful of documents. Each takes two writes, and a store takes so many together.
const DOCUMENTS_MAX: usize = 32;

/// How often one move is asked for while nobody knows what became of it.
const LOST_MAX: usize = 3;

/// One document on its way.
struct Moving {
    from: String,
    to: String,
    body: Arc<[u8]>,
    expect: Expect,
    modified: Option<SystemTime>,
    /// What stands where it goes.
    over: Expect,
}

impl<D: Documents> DocumentsDisk<D> {
    /// Moves a document, or all below a directory, at once. Nothing may stand where it goes.
    ///
    /// # Errors
    /// `NoEntry`: nothing is there. `NotEmpty`. `Busy`: it is written all the time. `FileTooLarge`:
    /// more documents than can be moved at once.
    pub(super) async fn move_documents(&self, from: &str, to: &str) -> Result<(), ErrorCode> {
        // Of a move whose answer was lost: it may be made at any time.
        let (mut lost, mut lost_count): (Vec<Moving>, usize) = (Vec::new(), 0);
        for _ in 0..LOOKS {
            let moving = match self.find_moving(from, to).await {
                Err(ErrorCode::NoEntry | ErrorCode::NotEmpty) if self.has_moved(&lost).await? => {
                    return self.confirm(&lost).await;
                }
                moving => moving?,
            };
            let writes = moving.iter().flat_map(Moving::writes).collect();
            match self.store().replace_all(writes).await {
                Ok(true) => return self.move_stragglers(from, &moving).await,
                // What another has written is looked at again, unless it was the lost one.
                Ok(false) if self.has_moved(&lost).await? => return self.confirm(&lost).await,
                Ok(false) => {}
                Err(trouble) => {
                    let code = told(from, &trouble);
                    if trouble.is_refused() {
                        return Err(code);
                    }
                    if self.has_moved(&moving).await.map_err(|_| code)? {
                        return self.confirm(&moving).await;
                    }
                    lost_count += 1;
                    if lost_count == LOST_MAX {
                        return Err(code);
                    }
                    lost = moving;
                }
            }
        }
        Err(ErrorCode::Busy)
    }

    async fn find_moving(&self, from: &str, to: &str) -> Result<Vec<Moving>, ErrorCode> {
        let keys = match self.get(from).await? {
            Some(Document { body: Some(_), .. }) => vec![(from.to_owned(), to.to_owned())],
            _ => self.moved_keys(from, to).await?,
        };
        let mut moving = Vec::with_capacity(keys.len());
        for (from, to) in keys {
            let Some(Document { body: Some(body), version, modified }) = self.get(&from).await?
            else {
                continue;
            };
            let over = self.get(&to).await?;
            if over.as_ref().is_some_and(|document| document.body.is_some()) {
                return Err(ErrorCode::NotEmpty);
            }
            let (expect, over) = (Expect::Is(version), Expect::of(over.as_ref()));
            moving.push(Moving { from, to, body, expect, modified, over });
        }
        if moving.is_empty() { Err(ErrorCode::NoEntry) } else { Ok(moving) }
    }

    async fn moved_keys(&self, from: &str, to: &str) -> Result<Vec<(String, String)>, ErrorCode> {
        let prefix = path::below(from);
        let mut keys = Vec::new();
        self.keys_below(&prefix, &mut |key| keys.push(key.to_owned())).await?;
        if keys.len() > DOCUMENTS_MAX {
            return Err(ErrorCode::FileTooLarge);
        }
        let moved = keys.into_iter().map(|key| {
            let below = key.strip_prefix(&prefix).unwrap_or(&key);
            let to = format!("{}{below}", path::below(to));
            (key, to)
        });
        Ok(moved.collect())
    }

    /// Moves what was created below a directory after it was listed and before the others were moved:
    /// it was in the directory too. What came later is whoever's who has made the directory anew.
    async fn move_stragglers(&self, from: &str, moved: &[Moving]) -> Result<(), ErrorCode> {
        let Some(first) = moved.first().filter(|first| first.from != from) else { return Ok(()) };
        let moved_at = self.get(&first.from).await?.and_then(|mark| mark.modified);
        let directory = first.to.strip_suffix(first.from.strip_prefix(from).unwrap_or(""));
        let (Some(moved_at), Some(to)) = (moved_at, directory) else { return Ok(()) };
        for _ in 0..LOOKS {
            let mut late = Vec::new();
            for (from, to) in self.moved_keys(from, to).await? {
                let Some(Document { body: Some(body), version, modified }) =
                    self.get(&from).await?
                else {
                    continue;
                };
                let over = self.get(&to).await?;
                let is_free = over.as_ref().is_none_or(|document| document.body.is_none());
                if is_free && modified.is_some_and(|modified| modified <= moved_at) {
                    let (expect, over) = (Expect::Is(version), Expect::of(over.as_ref()));
                    late.push(Moving { from, to, body, expect, modified, over });
                }
            }
            if late.is_empty() {
                return Ok(());
            }
            let writes = late.iter().flat_map(Moving::writes).collect();
            match self.store().replace_all(writes).await {
                Ok(_) => {}
                Err(trouble) if self.has_moved(&late).await? => drop(trouble),
                Err(trouble) => return Err(told(from, &trouble)),
            }
        }
        Ok(())
    }

    /// Whether a move whose answer was lost was made. All or none: one tells of all.
    async fn has_moved(&self, moving: &[Moving]) -> Result<bool, ErrorCode> {
        let Some(first) = moving.first() else { return Ok(false) };
        let there = self.get(&first.to).await?.and_then(|document| document.body);
        Ok(there.is_some_and(|body| body == first.body))
    }

    /// Has the store answer for a move that was made and whose answer was lost: what follows it is
    /// durable only if it is.
    async fn confirm(&self, moved: &[Moving]) -> Result<(), ErrorCode> {
        let Some(first) = moved.first() else { return Ok(()) };
        let found = self.get(&first.to).await?;
        let Some(Document { body: Some(body), version, modified }) = found else { return Ok(()) };
        let (key, expect) = (first.to.clone(), Expect::Is(version));
        let again = Write { key, body: Some(body), expect, modified };
        // If another has written it by now, that one's answer stands for it.
        let confirmed = self.store().replace_all(vec![again]).await;
        confirmed.map(drop).map_err(|trouble| told(&first.to, &trouble))
    }
}

impl Moving {
    fn writes(&self) -> [Write; 2] {
        let Moving { from, to, body, expect, modified, over } = self;
        [
            Write { key: to.clone(), body: Some(body.clone()), expect: *over, modified: *modified },
            Write { key: from.clone(), body: None, expect: *expect, modified: None },
        ]
    }
}
