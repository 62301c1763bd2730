//! One document: what a write follows.

use futures::future::join_all;

use super::{Held, Place, ensure, seen};
use crate::{Documents, Expect, Level, Version};

/// So many write at once.
const WRITERS: usize = 16;

pub(super) async fn what_is_not_there_is_none<D: Documents>(place: &Place<'_, D>) -> Held {
    ensure(place.get("nothing").await?.is_none(), || "something is read".to_owned())?;
    let after = Expect::Is(Version(1));
    let written = place.put("nothing", b"x", after).await?;
    ensure(written.is_none(), || "a write follows a version that is not there".to_owned())?;
    ensure(place.get("nothing").await?.is_none(), || "what was not made is read".to_owned())
}

pub(super) async fn of_several_that_create_one_does<D: Documents>(place: &Place<'_, D>) -> Held {
    of_several(place, "created", Expect::Absent).await
}

pub(super) async fn a_document_that_is_there_is_not_created<D: Documents>(
    place: &Place<'_, D>,
) -> Held {
    let version = place.create("there", b"first").await?;
    let again = place.put("there", b"second", Expect::Absent).await?;
    ensure(again.is_none(), || "it is created again".to_owned())?;
    place.shows("there", version, Some(b"first")).await
}

pub(super) async fn a_read_shows_what_was_answered<D: Documents>(place: &Place<'_, D>) -> Held {
    let mut version = place.create("read", b"0").await?;
    for turn in 1..50_u8 {
        version = place.follow("read", &[turn], version).await?;
        place.shows("read", version, Some(&[turn])).await?;
        // A heartbeat is read at once too.
        let (key, expect) = (place.key("read"), Expect::Is(version));
        let body = Some([turn, turn].as_slice().into());
        let seen_by_others = place.store.replace(&key, body, expect, Level::Visible).await?;
        version = super::made(seen_by_others)?;
        place.shows("read", version, Some(&[turn, turn])).await?;
    }
    Ok(())
}

pub(super) async fn of_several_that_follow_one_version_one_is_made<D: Documents>(
    place: &Place<'_, D>,
) -> Held {
    let mut version = place.create("followed", b"first").await?;
    for _ in 0..20 {
        of_several(place, "followed", Expect::Is(version)).await?;
        let found = place.get("followed").await?.ok_or_else(|| seen("nothing is read"))?;
        version = found.version;
    }
    Ok(())
}

pub(super) async fn what_follows_an_old_version_is_not_made<D: Documents>(
    place: &Place<'_, D>,
) -> Held {
    let old = place.create("old", b"first").await?;
    let new = place.follow("old", b"second", old).await?;
    for level in [Level::Durable, Level::Visible] {
        let body = Some(b"third".as_slice().into());
        let late = place.store.replace(&place.key("old"), body, Expect::Is(old), level).await?;
        ensure(late.is_none(), || format!("a {level:?} write follows an old version"))?;
    }
    place.shows("old", new, Some(b"second")).await?;
    // The same content is another state.
    let same = place.follow("old", b"second", new).await?;
    let late = place.put("old", b"third", Expect::Is(new)).await?;
    ensure(late.is_none(), || "a write of the same content changes no version".to_owned())?;
    place.shows("old", same, Some(b"second")).await
}

pub(super) async fn a_removal_leaves_a_mark_with_a_version<D: Documents>(
    place: &Place<'_, D>,
) -> Held {
    let old = place.create("removed", b"first").await?;
    let mark = place.remove("removed", old).await?;
    place.shows("removed", mark, None).await?;
    for (expect, what) in [(Expect::Is(old), "the removed version"), (Expect::Absent, "absence")] {
        let late = place.put("removed", b"late", expect).await?;
        ensure(late.is_none(), || format!("a write over a mark follows {what}"))?;
    }
    let again = place.follow("removed", b"second", mark).await?;
    place.shows("removed", again, Some(b"second")).await
}

pub(super) async fn versions_of_a_key_grow_and_never_come_again<D: Documents>(
    place: &Place<'_, D>,
) -> Held {
    let mut last = place.create("grows", b"0").await?;
    for turn in 1..40_u8 {
        let next = match turn % 3 {
            0 => place.remove("grows", last).await?,
            _ => place.follow("grows", &[turn], last).await?,
        };
        ensure(next > last, || format!("version {} comes after {}", next.0, last.0))?;
        last = next;
    }
    Ok(())
}

/// Several write at once what follows the same.
async fn of_several<D: Documents>(place: &Place<'_, D>, name: &str, expect: Expect) -> Held {
    let bodies: Vec<Vec<u8>> =
        (0..WRITERS).map(|writer| format!("by writer {writer}").into_bytes()).collect();
    let answers = join_all(bodies.iter().map(|body| place.put(name, body, expect))).await;
    let mut winners = Vec::new();
    for (body, answer) in bodies.iter().zip(answers) {
        winners.extend(answer?.map(|version| (body, version)));
    }
    match &winners[..] {
        [(body, version)] => place.shows(name, *version, Some(body)).await,
        [] => Err(seen("none is made")),
        more => Err(seen(format!("{} of {WRITERS} are made", more.len()))),
    }
}
