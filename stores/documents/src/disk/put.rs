//! The rename of a temporary file: one write of its target.

use std::sync::Arc;

use tandem_disk::ErrorCode;

use super::commit::{Commit, Committed};
use super::file::{Content, Stored};
use super::standing::Standing;
use super::{DocumentsDir, DocumentsDisk, DocumentsFile, LOOKS, told};
use crate::{Document, Documents, Expect, Level, Trouble};

impl<D: Documents> DocumentsDisk<D> {
    /// Puts a temporary file in the place of a document, or of none.
    ///
    /// # Errors
    /// `NoEntry`: another version stands there than the one that was read or written before. It is as
    /// if whoever wrote that one had removed the temporary file.
    pub(super) async fn put(
        &self,
        from: &str,
        file: &DocumentsFile,
        to_dir: &DocumentsDir,
        to: &str,
    ) -> Result<(), ErrorCode> {
        let taken = file.with_temporary(|it| (Arc::<[u8]>::from(&*it.bytes), it.level));
        let (body, level) = taken.ok_or(ErrorCode::NoEntry)?;
        to_dir.look_away();
        let committed = match to_dir.shown(to) {
            Some(Standing { is: expect, .. }) => {
                let commit = Commit { key: to, body: Some(body.clone()), expect, level };
                let made = commit.make(self.store()).await;
                self.note_lost(&made, to, expect, &body);
                made
            }
            None => self.follow(to, &body, level).await,
        };
        let committed = committed.map_err(|trouble| told(to, &trouble))?;
        self.temporaries().remove(from);
        match committed {
            Committed::Made(version) => {
                let standing = Standing::document(version);
                if to_dir.shown(to).is_some() {
                    to_dir.show(to, standing);
                }
                self.known().set(to, standing);
                file.set(Content::Stored(Stored { key: to.to_owned(), version, body, at: None }));
                Ok(())
            }
            Committed::Overtaken => Err(ErrorCode::NoEntry),
        }
    }

    /// Writes over what this disk knows to stand there: of a document that it has claimed over nothing
    /// else, of any other over whatever is there.
    async fn follow(
        &self,
        key: &str,
        body: &Arc<[u8]>,
        level: Level,
    ) -> Result<Committed, Trouble> {
        let follows = self.known().follows(key);
        let mut expect = follows.expect;
        for _ in 0..LOOKS {
            let commit = Commit { key, body: Some(body.clone()), expect, level };
            let made = commit.make(self.store()).await;
            self.note_lost(&made, key, expect, body);
            match made? {
                Committed::Overtaken => {}
                made => return Ok(made),
            }
            let found = self.store().get(key).await?;
            let standing = Standing::of(found.as_ref());
            let is_own = standing.is_before(expect) || self.is_late(key, found.as_ref());
            if follows.is_claimed && !is_own {
                return Ok(Committed::Overtaken);
            }
            expect = standing.is;
        }
        Ok(Committed::Overtaken)
    }

    /// Whether what stands at a key is an earlier write of this disk that came late.
    fn is_late(&self, key: &str, found: Option<&Document>) -> bool {
        let body = found.and_then(|document| document.body.as_ref());
        body.is_some_and(|body| self.known().is_unsettled(key, body))
    }

    /// Remembers a write whose answer was lost, so that it is known again when it comes late.
    fn note_lost(
        &self,
        made: &Result<Committed, Trouble>,
        key: &str,
        expect: Expect,
        body: &Arc<[u8]>,
    ) {
        if made.as_ref().is_err_and(|trouble| !trouble.is_refused()) {
            self.known().set_unsettled(key, expect, body);
        }
    }
}
