//! Reads of one document, and lists.

use tandem_disk::ErrorCode;
use tandem_documents::{Document, Listed, Page, Version};

use crate::failure::{Failure, Reason};
use crate::keys;
use crate::shared::Shared;
use crate::value;
use crate::wire::{Bytes, KeyValue, Number, RangeRequest};

/// How many documents a part of a list has at most.
const PART_DOCUMENTS_MAX: usize = 1000;

/// After how many bytes of values a part of a list ends.
const PART_BYTES: usize = 4 << 20;

/// How many bytes one answer of a list is to have about.
const ANSWER_BYTES: usize = 1 << 20;

/// How many keys the first answer of a list has at most, when nobody knows how large they are.
const FIRST_KEYS: u64 = 8;

/// What stands at a key in etcd, and the revision of its last write.
pub(crate) async fn value(shared: &Shared, key: &str) -> Result<Option<KeyValue>, Failure> {
    let key = Bytes(keys::full(shared.pool.prefix(), key));
    let request = RangeRequest { key, ..RangeRequest::default() };
    Ok(shared.range(&request).await?.kvs.into_iter().next())
}

/// The document or the mark at a key.
pub(crate) async fn get(shared: &Shared, key: &str) -> Result<Option<Document>, Failure> {
    let Some(found) = value(shared, key).await? else { return Ok(None) };
    document(&found).map(Some).ok_or_else(|| foreign(key))
}

/// What a value says, of the version that its key has; none if no store of runs wrote it.
pub(crate) fn document(found: &KeyValue) -> Option<Document> {
    let said = value::decode(&found.value.0)?;
    Some(Document::new(said.body, Version(found.mod_revision.0), Some(said.modified)))
}

fn foreign(key: &str) -> Failure {
    Failure::refused(ErrorCode::Io, format!("a key has what no store of runs wrote: {key}"))
}

/// A part of what stands below a prefix, in the order of the keys.
pub(crate) struct Part {
    /// The cluster that has answered.
    pub cluster: u64,
    /// The revision in which it stood there.
    pub revision: u64,
    /// No marks.
    pub documents: Vec<(String, Document)>,
    /// Whether more may follow the last one.
    pub has_more: bool,
}

/// A part of what stands below a prefix, from behind a key on, in a revision or in the newest.
pub(crate) async fn part(
    shared: &Shared,
    prefix: &str,
    after: Option<&str>,
    revision: Option<u64>,
) -> Result<Part, Failure> {
    let store = shared.pool.prefix();
    let beginning = keys::full(store, prefix);
    let end = keys::end(&beginning);
    // A key in front of all those with the prefix leaves out none of them.
    let mut from = after
        .map_or(beginning.clone(), |after| keys::behind(keys::full(store, after)).max(beginning));
    let mut part = Part {
        cluster: 0,
        revision: revision.unwrap_or_default(),
        documents: Vec::new(),
        has_more: false,
    };
    if end != [0] && from >= end {
        return Ok(part);
    }
    let (mut keys_seen, mut bytes) = (0, 0);
    let mut limit = FIRST_KEYS;
    loop {
        let request = RangeRequest {
            key: Bytes(from.clone()),
            range_end: Some(Bytes(end.clone())),
            limit: Number(limit),
            revision: Number(part.revision),
            ..RangeRequest::default()
        };
        let answer = match shared.range(&request).await {
            Err(failure) if failure.reason == Reason::TooLarge && limit > 1 => {
                limit /= 2;
                continue;
            }
            answer => answer?,
        };
        if part.revision == 0 {
            part.revision = answer.header.revision.0;
        }
        part.cluster = answer.header.cluster_id.0;
        keys_seen += answer.kvs.len();
        part.has_more = answer.more;
        for mut found in answer.kvs {
            bytes += found.value.0.len();
            from = keys::behind(found.key.0.clone());
            let full = std::mem::take(&mut found.key.0);
            // What others have put there hides nothing.
            let Some(key) = keys::document(store, full) else { continue };
            let document = document(&found).filter(|document| document.body.is_some());
            part.documents.extend(document.map(|document| (key, document)));
        }
        // One at least, or nobody could ask for what is behind it.
        let is_full = part.documents.len() >= PART_DOCUMENTS_MAX || bytes >= PART_BYTES;
        if !part.has_more || (is_full && !part.documents.is_empty()) {
            return Ok(part);
        }
        let room = PART_DOCUMENTS_MAX.saturating_sub(part.documents.len()).max(1);
        limit = limit_of(keys_seen, bytes).min(room as u64);
    }
}

/// How many keys to ask for, so that the answer has about as many bytes as it should.
fn limit_of(keys: usize, bytes: usize) -> u64 {
    let each = (bytes / keys.max(1)).max(1);
    (ANSWER_BYTES / each).clamp(1, PART_DOCUMENTS_MAX) as u64
}

/// A part of a list.
pub(crate) async fn list(
    shared: &Shared,
    prefix: &str,
    after: Option<&str>,
) -> Result<Page, Failure> {
    let part = part(shared, prefix, after, None).await?;
    let listed = |(key, document): (String, Document)| Listed::new(key, document.version);
    Ok(Page::new(part.documents.into_iter().map(listed).collect(), part.has_more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_about_as_many_bytes_as_they_should() {
        assert_eq!(limit_of(16, 16 * 100), 1000);
        assert_eq!(limit_of(16, 16 << 10), 1000);
        assert_eq!(limit_of(16, 16 << 16), 16);
        assert_eq!(limit_of(1, 8 << 20), 1);
        assert_eq!(limit_of(0, 0), 1000);
    }
}
