//! What changed since a cursor: first a list of what stands there in one revision, in parts, then
//! what was written behind it, by a watch.

use std::collections::BTreeMap;
use std::time::Duration;

use tandem_documents::{Changed, Changes, Cursor, Document, Version};
use tandem_host::disk::ErrorCode;
use tokio::time::{Instant, timeout, timeout_at};

use crate::connection::Lines;
use crate::cursor::Position;
use crate::failure::{Failure, Reason};
use crate::keys;
use crate::reads::{self, RANGE};
use crate::shared::{ANSWER_BYTES_MAX, Shared};
use crate::wire::{
    Bytes, Event, EventKind, Header, Number, RangeAnswer, RangeRequest, Watch, WatchAnswer,
    WatchLine, WatchRequest,
};

/// Where watches are asked for.
const WATCH: &str = "/v3/watch";

/// How long it waits if nothing has changed.
const WAIT: Duration = Duration::from_secs(2);

/// After how many bytes of values no more is told at once.
const BYTES: usize = 8 << 20;

/// From so many revisions on, in which others have written and nothing below the prefix may have
/// changed, it is worth a look to forget them: a server keeps old ones only for a while.
const BEHIND: u64 = 1_000;

/// What changed below a prefix since a cursor.
pub(crate) async fn changes(
    shared: &Shared,
    prefix: &str,
    since: Option<&Cursor>,
) -> Result<Changes, Failure> {
    let Some(since) = since else { return begin(shared, prefix).await };
    let position = Position::of(since).ok_or_else(|| {
        Failure::refused(ErrorCode::Io, "the cursor is from another kind of store")
    })?;
    let told = match &position.listed {
        Some(after) => list(shared, prefix, Some(after), Some(&position)).await,
        None => follow(shared, prefix, &position).await,
    };
    match told {
        Ok(Some(changes)) => Ok(changes),
        // Another cluster, or the same one set back to an older state.
        Ok(None) => begin(shared, prefix).await,
        Err(failure) if failure.reason == Reason::Compacted => begin(shared, prefix).await,
        Err(failure) => Err(failure),
    }
}

async fn begin(shared: &Shared, prefix: &str) -> Result<Changes, Failure> {
    let changes = list(shared, prefix, None, None).await?;
    let changes = changes.ok_or_else(|| Failure::unknown("the cluster was replaced meanwhile"))?;
    Ok(changes.anew())
}

/// The next part of what stood there in the revision of the position; none if it is no longer the
/// same cluster.
async fn list(
    shared: &Shared,
    prefix: &str,
    after: Option<&str>,
    from: Option<&Position>,
) -> Result<Option<Changes>, Failure> {
    let part = match reads::part(shared, prefix, after, from.map(|from| from.revision)).await {
        // The revision is not there yet: a backup was taken back.
        Err(failure) if failure.reason == Reason::Future => return Ok(None),
        part => part?,
    };
    if from.is_some_and(|from| part.cluster != 0 && from.cluster != part.cluster) {
        return Ok(None);
    }
    let last = part.documents.last().map(|(key, _)| key.clone());
    let next = Position {
        cluster: from.map_or(part.cluster, |from| from.cluster),
        revision: part.revision,
        listed: last.filter(|_| part.has_more),
    };
    let changed = part.documents.into_iter().map(|(key, document)| Changed::new(key, document));
    Ok(Some(Changes::new(changed.collect(), next.cursor(), part.has_more)))
}

/// What was written behind a position; none if its cluster is no longer there.
async fn follow(
    shared: &Shared,
    prefix: &str,
    from: &Position,
) -> Result<Option<Changes>, Failure> {
    // A server that is cut off from the majority would say for ever that nothing changes.
    let now = newest(shared, prefix, Number(0)).await?;
    if now.cluster_id.0 != from.cluster || now.revision.0 < from.revision {
        return Ok(None);
    }
    let mut from = from.clone();
    if now.revision.0 - from.revision > BEHIND {
        from = forget(shared, prefix, from).await?;
    }
    watch(shared, prefix, &from).await.map(Some)
}

/// What stands at the head of a linearizable answer; with a revision, if nothing below the prefix
/// was written from it on, else no revision.
async fn newest(shared: &Shared, prefix: &str, written_from: Number) -> Result<Header, Failure> {
    let key = keys::full(shared.pool.prefix(), prefix);
    let range_end = (written_from != Number(0)).then(|| Bytes(keys::end(&key)));
    let request = RangeRequest {
        key: Bytes(key),
        range_end,
        limit: Number(1),
        min_mod_revision: written_from,
        keys_only: true,
        ..RangeRequest::default()
    };
    let answer: RangeAnswer = shared.read(RANGE, &request, ANSWER_BYTES_MAX).await?;
    let is_written = written_from != Number(0) && !answer.kvs.is_empty();
    Ok(Header {
        revision: if is_written { Number(0) } else { answer.header.revision },
        ..answer.header
    })
}

/// Moves a position on over revisions in which nothing below the prefix was written.
async fn forget(shared: &Shared, prefix: &str, from: Position) -> Result<Position, Failure> {
    let newest = newest(shared, prefix, Number(from.revision + 1)).await?;
    let revision = newest.revision.0.max(from.revision);
    Ok(Position { revision, ..from })
}

/// What was written behind a position, as soon as something was.
async fn watch(shared: &Shared, prefix: &str, from: &Position) -> Result<Changes, Failure> {
    let (connection, server, token) = shared.pool.apart().await?;
    let key = keys::full(shared.pool.prefix(), prefix);
    let watch = Watch {
        range_end: Bytes(keys::end(&key)),
        key: Bytes(key),
        start_revision: Number(from.revision + 1),
        fragment: true,
    };
    let request = WatchRequest { create_request: watch };
    let begun = async {
        let mut lines = connection.follow(WATCH, &request, token.as_ref()).await?;
        answer(&mut lines).await?;
        Ok::<Lines, Failure>(lines)
    };
    let begun = timeout(shared.pool.read_within(), begun).await;
    let begun = begun.unwrap_or_else(|_| Err(Failure::unknown("the server begins no watch")));
    let told = match begun {
        Ok(lines) => told(shared, lines, from).await,
        Err(failure) => Err(failure),
    };
    match &told {
        Err(failure) if failure.is_silent => shared.pool.suspect(server),
        Err(failure) if failure.reason == Reason::Token => shared.pool.forget(token).await,
        _ => {}
    }
    told
}

/// What a watch tells first.
async fn told(shared: &Shared, mut lines: Lines, from: &Position) -> Result<Changes, Failure> {
    let mut heard = Heard::new(from.revision);
    let until = Instant::now() + WAIT;
    loop {
        let answer = match heard.is_begun() {
            // The rest of an answer follows at once.
            true => timeout(shared.pool.read_within(), answer(&mut lines)).await.map_err(|_| {
                Failure::unknown("the server does not go on with what it has begun to tell")
            })?,
            false => match timeout_at(until, answer(&mut lines)).await {
                Ok(answer) => answer,
                Err(_) => break,
            },
        }?;
        let is_whole = !answer.fragment;
        for event in answer.events {
            heard.hear(shared.pool.prefix(), event)?;
        }
        if heard.is_begun() && (is_whole || heard.is_enough()) {
            heard.is_whole = is_whole;
            break;
        }
    }
    let next = Position { revision: heard.revision(), ..from.clone() };
    // What was written while this was told comes by the next watch.
    let has_more = !heard.is_whole;
    let changed = heard.changed.into_iter();
    let changed = changed.map(|(key, document)| Changed::new(key, document)).collect();
    Ok(Changes::new(changed, next.cursor(), has_more))
}

/// The next answer of a watch.
async fn answer(lines: &mut Lines) -> Result<WatchAnswer, Failure> {
    let Some(line) = lines.next(ANSWER_BYTES_MAX).await? else {
        return Err(Failure::unknown("the server has ended a watch"));
    };
    let line: WatchLine = serde_json::from_slice(&line)
        .map_err(|error| Failure::unknown("a line of a watch cannot be read").because(error))?;
    let answer = match (line.result, line.error) {
        (Some(answer), None) => answer,
        (_, Some(refusal)) => return Err(Failure::said(&refusal)),
        (None, None) => return Err(Failure::unknown("a line of a watch says nothing")),
    };
    if answer.compact_revision != Number(0) {
        return Err(Failure::compacted());
    }
    if answer.canceled {
        return Err(Failure::canceled(&answer.cancel_reason));
    }
    Ok(answer)
}

/// What was heard of a watch: of each key the newest.
struct Heard {
    changed: BTreeMap<String, Document>,
    bytes: usize,
    /// Everything up to it was told before.
    since: u64,
    /// The newest one that something was heard of.
    newest: u64,
    /// Whether all of the newest revision was heard.
    is_whole: bool,
}

impl Heard {
    fn new(since: u64) -> Self {
        Heard { changed: BTreeMap::new(), bytes: 0, since, newest: since, is_whole: true }
    }

    fn is_begun(&self) -> bool {
        self.newest > self.since
    }

    /// Whether it is enough for once. One revision at least must be whole, or nobody came on.
    fn is_enough(&self) -> bool {
        self.bytes >= BYTES && self.newest > self.since + 1
    }

    /// Everything up to it was told.
    fn revision(&self) -> u64 {
        if self.is_whole { self.newest } else { self.newest - 1 }
    }

    fn hear(&mut self, store: &str, event: Event) -> Result<(), Failure> {
        let Event { kind, mut kv } = event;
        self.bytes += kv.value.0.len();
        self.newest = self.newest.max(kv.mod_revision.0);
        let key = keys::document(store, std::mem::take(&mut kv.key.0)).ok_or_else(|| {
            let what = "a key below the prefix of the store is no text";
            Failure::refused(ErrorCode::Io, format!("{what}: {store}"))
        })?;
        let document = match kind {
            EventKind::Put => reads::document(&key, &kv)?,
            // Somebody has removed it from etcd itself.
            EventKind::Delete => Document::new(None, Version(kv.mod_revision.0), None),
        };
        self.changed.insert(key, document);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::value;
    use crate::wire::KeyValue;

    fn event(key: &str, revision: u64, body: &[u8]) -> Event {
        let value = Bytes(value::encode(Some(body), SystemTime::UNIX_EPOCH));
        let key = Bytes(keys::full("t/", key));
        Event { kind: EventKind::Put, kv: KeyValue { key, value, mod_revision: Number(revision) } }
    }

    #[test]
    fn the_newest_of_each_key_is_told() {
        let mut heard = Heard::new(4);
        assert!(!heard.is_begun());
        for event in [event("a", 5, b"1"), event("b", 5, b"1"), event("a", 7, b"2")] {
            heard.hear("t/", event).unwrap();
        }
        let told: Vec<_> =
            heard.changed.iter().map(|(key, it)| (key.as_str(), it.version.0)).collect();
        assert_eq!(told, [("a", 7), ("b", 5)]);
        assert_eq!(heard.revision(), 7);
    }

    #[test]
    fn a_revision_that_was_heard_in_part_is_told_again() {
        let mut heard = Heard::new(4);
        heard.hear("t/", event("a", 5, &[0; BYTES])).unwrap();
        // To stop here would begin with the same again, for ever.
        assert!(!heard.is_enough());
        heard.hear("t/", event("b", 6, b"1")).unwrap();
        assert!(heard.is_enough());
        heard.is_whole = false;
        assert_eq!(heard.revision(), 5);
    }

    #[test]
    fn what_was_removed_from_etcd_itself_is_told_as_removed() {
        let mut heard = Heard::new(4);
        heard.hear("t/", event("a", 5, b"1")).unwrap();
        let kv = KeyValue {
            key: Bytes(keys::full("t/", "a")),
            mod_revision: Number(6),
            ..KeyValue::default()
        };
        heard.hear("t/", Event { kind: EventKind::Delete, kv }).unwrap();
        assert_eq!(heard.changed["a"], Document::new(None, Version(6), None));
    }
}
