//! Renames of what is in the store: a corrupt file that is set aside, the directories of a run that
//! is removed.

use std::sync::Arc;
use std::time::SystemTime;

use tandem_host::disk::ErrorCode;

use super::{DocumentsDisk, LOOKS, path, told};
use crate::{Document, Documents, Expect, Write};

/// A run has a handful of documents. Each takes two writes, and a store takes so many together.
const DOCUMENTS_MAX: usize = 32;

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
        for _ in 0..LOOKS {
            let moving = self.find_moving(from, to).await?;
            let writes = moving.iter().flat_map(Moving::writes).collect();
            let is_made = match self.store().replace_all(writes).await {
                Ok(is_made) => is_made,
                Err(trouble) => {
                    let code = told(from, &trouble);
                    match trouble.is_refused() {
                        true => return Err(code),
                        // All or none: one tells of all.
                        false => self.has_moved(&moving, code).await?,
                    }
                }
            };
            if is_made {
                return Ok(());
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
        let page = self.store().list(&prefix, None).await;
        let page = page.map_err(|trouble| told(from, &trouble))?;
        if page.entries.len() > DOCUMENTS_MAX || page.has_more {
            return Err(ErrorCode::FileTooLarge);
        }
        let moved = page.entries.into_iter().map(|listed| {
            let below = listed.key.strip_prefix(&prefix).unwrap_or(&listed.key);
            let to = format!("{}{below}", path::below(to));
            (listed.key, to)
        });
        Ok(moved.collect())
    }

    /// Whether a move whose answer was lost was made. If not it may come late, and then it fails:
    /// what is asked for next changes what it follows, or is the same.
    async fn has_moved(&self, moving: &[Moving], code: ErrorCode) -> Result<bool, ErrorCode> {
        let Some(first) = moving.first() else { return Ok(true) };
        let there = self.get(&first.to).await.map_err(|_| code)?;
        let body = there.and_then(|document| document.body);
        Ok(body.is_some_and(|body| body == first.body))
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
