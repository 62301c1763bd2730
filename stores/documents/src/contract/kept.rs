//! What is kept of a document, and what is told of the store.

use super::{Held, Place, bytes, ensure, seen};
use crate::Documents;

pub(super) async fn bodies_are_kept_to_the_byte<D: Documents>(place: &Place<'_, D>) -> Held {
    for (name, len) in
        [("empty", 0), ("one", 1), ("page", 8192), ("large", 65_537), ("mib", 1 << 20)]
    {
        let body = bytes(len, 1);
        let version = place.create(name, &body).await?;
        place.shows(name, version, Some(&body)).await?;
    }
    let zeros = [0; 100];
    let version = place.create("zeros", &zeros).await?;
    place.shows("zeros", version, Some(&zeros)).await
}

pub(super) async fn keys_are_told_apart_by_their_bytes<D: Documents>(place: &Place<'_, D>) -> Held {
    let rest = 4096_usize.saturating_sub(place.key("").len()).max(2);
    let (long, other) = ("k".repeat(rest), format!("{}l", "k".repeat(rest - 1)));
    let names = [
        "a",
        "A",
        "a ",
        " a",
        "a.",
        ".a",
        "a/b",
        "a%b",
        "a_b",
        "a'b",
        "a\"b",
        "a\\b",
        "\u{e9}",
        "e\u{301}",
        "\u{1f600}",
        "ss",
        "\u{df}",
        &long,
        &other,
    ];
    let mut versions = Vec::new();
    for name in names {
        versions.push(place.create(name, name.as_bytes()).await?);
    }
    for (name, version) in names.into_iter().zip(versions) {
        place.shows(name, version, Some(name.as_bytes())).await?;
    }
    Ok(())
}

pub(super) async fn the_time_moves_with_the_version<D: Documents>(place: &Place<'_, D>) -> Held {
    let before = place.store.time().await?;
    let mut version = place.create("timed", b"0").await?;
    let mut last = None;
    for turn in 0..20_u8 {
        let found = place.get("timed").await?.ok_or_else(|| seen("nothing is read"))?;
        let modified = found.modified.ok_or_else(|| seen("a document has no time"))?;
        ensure(last != Some(modified), || "two versions have the same time".to_owned())?;
        ensure(before <= modified, || "a document is older than its writing".to_owned())?;
        last = Some(modified);
        version = place.follow("timed", &[turn], version).await?;
    }
    let after = place.store.time().await?;
    ensure(last.is_none_or(|last| last <= after), || "a document is from the future".to_owned())
}

pub(super) async fn a_promise_says_why<D: Documents>(place: &Place<'_, D>) -> Held {
    let promise = place.store.promise().await?;
    ensure(!promise.because.trim().is_empty(), || "no reason is told".to_owned())
}
