//! What changed since a cursor: first a list of what stands there in one revision, in parts, then
//! what was written behind it, by a watch.

use std::collections::BTreeMap;
use std::time::Duration;

use tandem_disk::ErrorCode;
use tandem_documents::{Changed, Changes, Cursor, Document, Version};
use tokio::time::{Instant, timeout, timeout_at};

use crate::connection::Lines;
use crate::cursor::Position;
use crate::failure::{Failure, Reason};
use crate::keys;
use crate::reads::{self, Part};
use crate::shared::{ANSWER_BYTES_MAX, Shared};
use crate::wire::{
    Bytes, Event, EventKind, Header, Number, RangeRequest, Watch, WatchAnswer, WatchLine,
    WatchRequest,
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
        Some(after) => list(shared, prefix, after, &position).await,
        None => follow(shared, prefix, &position).await,
    };
    match told {
        Ok(Some(changes)) => Ok(changes),
        // The cursor is from another cluster, or from this one before it was set back to a backup.
        Ok(None) => begin(shared, prefix).await,
        Err(failure) if failure.reason == Reason::Compacted => begin(shared, prefix).await,
        Err(failure) => Err(failure),
    }
}

async fn begin(shared: &Shared, prefix: &str) -> Result<Changes, Failure> {
    let part = reads::part(shared, prefix, None, None).await?;
    Ok(listed(part).anew())
}

/// The next part of what stood there in the revision of the position, behind a key; none if the
/// position is of another cluster, or of later than a backup that was taken back.
async fn list(
    shared: &Shared,
    prefix: &str,
    after: &str,
    from: &Position,
) -> Result<Option<Changes>, Failure> {
    let part = match reads::part(shared, prefix, Some(after), Some(from.revision)).await {
        // The revision is not there yet.
        Err(failure) if failure.reason == Reason::Future => return Ok(None),
        part => part?,
    };
    // Where nothing was left to ask for, nobody was asked.
    let part = if part.cluster == 0 { Part { cluster: from.cluster, ..part } } else { part };
    Ok((part.cluster == from.cluster).then(|| listed(part)))
}

/// A part of what stands there, with where to go on.
fn listed(part: Part) -> Changes {
    let last = part.documents.last().map(|(key, _)| key.clone());
    let Part { cluster, revision, has_more, .. } = part;
    let next = Position { cluster, revision, listed: last.filter(|_| has_more) };
    let changed = part.documents.into_iter().map(|(key, document)| Changed::new(key, document));
    Changes::new(changed.collect(), next.cursor(), has_more)
}

/// What was written behind a position; none if it is of another cluster, or of later than a backup
/// that was taken back.
async fn follow(
    shared: &Shared,
    prefix: &str,
    from: &Position,
) -> Result<Option<Changes>, Failure> {
    // A server that is cut off from the majority would say for ever that nothing changes.
    let now = newest(shared, prefix).await?;
    if now.cluster_id.0 != from.cluster || now.revision.0 < from.revision {
        return Ok(None);
    }
    let mut changes = watch(shared, prefix, from).await?;
    if changes.changed.is_empty() && now.revision.0 - from.revision > BEHIND {
        // Where that fails, the next one comes to know it.
        if let Ok(Some(revision)) = unchanged_until(shared, prefix, from.revision).await {
            changes.next = Position { revision, ..from.clone() }.cursor();
        }
    }
    Ok(Some(changes))
}

/// What stands at the head of a linearizable answer.
async fn newest(shared: &Shared, prefix: &str) -> Result<Header, Failure> {
    let key = Bytes(keys::full(shared.pool.prefix(), prefix));
    let request =
        RangeRequest { key, limit: Number(1), keys_only: true, ..RangeRequest::default() };
    Ok(shared.range(&request).await?.header)
}

/// The newest revision, if nothing below the prefix was written or deleted behind an older one.
async fn unchanged_until(
    shared: &Shared,
    prefix: &str,
    since: u64,
) -> Result<Option<u64>, Failure> {
    let key = keys::full(shared.pool.prefix(), prefix);
    let all = RangeRequest {
        range_end: Some(Bytes(keys::end(&key))),
        key: Bytes(key),
        ..RangeRequest::default()
    };
    let written = RangeRequest {
        min_mod_revision: Number(since + 1),
        limit: Number(1),
        keys_only: true,
        ..all.clone()
    };
    let written = shared.range(&written).await?;
    let until = written.header.revision.0;
    if !written.kvs.is_empty() || until < since {
        return Ok(None);
    }
    // What was deleted was not written: as many keys are there as were.
    let count = async |revision| {
        let request = RangeRequest { revision: Number(revision), count_only: true, ..all.clone() };
        Ok::<_, Failure>(shared.range(&request).await?.count)
    };
    Ok((count(since).await? == count(until).await?).then_some(until))
}

/// What was written behind a position, as soon as something was.
async fn watch(shared: &Shared, prefix: &str, from: &Position) -> Result<Changes, Failure> {
    let (mut connection, server, token) = shared.pool.apart().await?;
    let key = keys::full(shared.pool.prefix(), prefix);
    let watch = Watch {
        range_end: Bytes(keys::end(&key)),
        key: Bytes(key),
        start_revision: Number(from.revision + 1),
        fragment: true,
    };
    let request = WatchRequest { create_request: watch };
    let begun = async {
        let (token, deadline) = (token.as_ref(), shared.pool.deadline());
        shared.greet(&mut connection, server, token, deadline).await?;
        let mut lines = connection.follow(WATCH, &request, token).await?;
        answer(shared, &mut lines).await?;
        Ok::<Lines, Failure>(lines)
    };
    let begun = timeout(shared.pool.read_within(), begun).await;
    let begun = begun.unwrap_or_else(|_| Err(Failure::unknown("the server begins no watch")));
    let told = match begun {
        Ok(lines) => told(shared, lines, from).await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = &told {
        shared.pool.learn(server, token, failure).await;
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
            true => timeout(shared.pool.read_within(), answer(shared, &mut lines)).await.map_err(
                |_| Failure::unknown("the server does not go on with what it has begun to tell"),
            )?,
            false => match timeout_at(until, answer(shared, &mut lines)).await {
                Ok(answer) => answer,
                Err(_) => break,
            },
        }?;
        let is_whole = !answer.fragment;
        for event in answer.events {
            heard.hear(shared.pool.prefix(), event);
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
async fn answer(shared: &Shared, lines: &mut Lines) -> Result<WatchAnswer, Failure> {
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
    shared.check(answer.header)?;
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

    fn hear(&mut self, store: &str, event: Event) {
        let Event { kind, mut kv } = event;
        self.bytes += kv.value.0.len();
        self.newest = self.newest.max(kv.mod_revision.0);
        let Some(key) = keys::document(store, std::mem::take(&mut kv.key.0)) else { return };
        let document = match kind {
            EventKind::Put => reads::document(&kv),
            EventKind::Delete => None,
        };
        // Somebody has removed it from etcd itself, or has written there what is no document.
        let gone = || Document::new(None, Version(kv.mod_revision.0), None);
        self.changed.insert(key, document.unwrap_or_else(gone));
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
            heard.hear("t/", event);
        }
        let told: Vec<_> =
            heard.changed.iter().map(|(key, it)| (key.as_str(), it.version.0)).collect();
        assert_eq!(told, [("a", 7), ("b", 5)]);
        assert_eq!(heard.revision(), 7);
    }

    #[test]
    fn a_revision_that_was_heard_in_part_is_told_again() {
        let mut heard = Heard::new(4);
        heard.hear("t/", event("a", 5, &[0; BYTES]));
        // To stop here would begin with the same again, for ever.
        assert!(!heard.is_enough());
        heard.hear("t/", event("b", 6, b"1"));
        assert!(heard.is_enough());
        heard.is_whole = false;
        assert_eq!(heard.revision(), 5);
    }

    #[test]
    fn what_was_removed_from_etcd_itself_is_told_as_removed() {
        let mut heard = Heard::new(4);
        heard.hear("t/", event("a", 5, b"1"));
        let kv = KeyValue {
            key: Bytes(keys::full("t/", "a")),
            mod_revision: Number(6),
            ..KeyValue::default()
        };
        heard.hear("t/", Event { kind: EventKind::Delete, kv });
        assert_eq!(heard.changed["a"], Document::new(None, Version(6), None));
    }

    #[test]
    fn what_no_store_wrote_hides_nothing_and_takes_the_place_of_what_was_there() {
        let mut heard = Heard::new(4);
        heard.hear("t/", event("a", 5, b"1"));
        heard.hear("t/", event("b", 6, b"1"));
        let value = Bytes(b"{}".to_vec());
        for (key, revision) in [(keys::full("t/", "a"), 7), (b"t/\xff".to_vec(), 8)] {
            let kv =
                KeyValue { key: Bytes(key), value: value.clone(), mod_revision: Number(revision) };
            heard.hear("t/", Event { kind: EventKind::Put, kv });
        }
        assert_eq!(heard.changed["a"], Document::new(None, Version(7), None));
        assert_eq!((heard.changed.len(), heard.changed["b"].version), (2, Version(6)));
        assert_eq!(heard.revision(), 8);
    }
}
