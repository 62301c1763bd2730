//! Several writes at once.

use futures::future::join_all;

use super::{Held, Place, ensure, seen};
use crate::{Documents, Expect, Write};

pub(super) async fn all_are_written_or_none<D: Documents>(place: &Place<'_, D>) -> Held {
    let one = place.create("one", b"1").await?;
    let two = place.create("two", b"2").await?;
    let newer = place.follow("two", b"2b", two).await?;
    let writes = |two| {
        vec![
            write(place, "moved", Some(b"1"), Expect::Absent),
            write(place, "one", None, Expect::Is(one)),
            write(place, "two", Some(b"2c"), Expect::Is(two)),
        ]
    };
    let is_made = place.store.replace_all(writes(two)).await?;
    ensure(!is_made, || "it is made although a condition does not hold".to_owned())?;
    place.shows("one", one, Some(b"1")).await?;
    place.shows("two", newer, Some(b"2b")).await?;
    ensure(place.get("moved").await?.is_none(), || "a part of it is made".to_owned())?;

    let is_made = place.store.replace_all(writes(newer)).await?;
    ensure(is_made, || "it is not made although every condition holds".to_owned())?;
    for (name, body) in [("moved", Some(b"1".as_slice())), ("one", None), ("two", Some(b"2c"))] {
        let found = place.get(name).await?.ok_or_else(|| seen("a part of it is not made"))?;
        ensure(found.body.as_deref() == body, || "a part of it is not made".to_owned())?;
        place.shows(name, found.version, body).await?;
    }
    Ok(())
}

pub(super) async fn what_is_moved_keeps_its_time<D: Documents>(place: &Place<'_, D>) -> Held {
    let old = place.create("old", b"1").await?;
    let was = place.get("old").await?.and_then(|document| document.modified);
    // So that now is another time.
    place.create("other", b"1").await?;
    let moved = Write { modified: was, ..write(place, "new", Some(b"1"), Expect::Absent) };
    let writes = vec![moved, write(place, "old", None, Expect::Is(old))];
    ensure(place.store.replace_all(writes).await?, || "it is not made".to_owned())?;
    let is = place.get("new").await?.and_then(|document| document.modified);
    ensure(is == was, || format!("it has the time {is:?}, and {was:?} was told"))
}

pub(super) async fn of_several_that_overlap_one_is_made<D: Documents>(
    place: &Place<'_, D>,
) -> Held {
    let one = place.create("one", b"1").await?;
    let two = place.create("two", b"2").await?;
    // In either order, so that who locks one after the other must do so in one order.
    let moves = (0..16_u8).map(|turn| {
        let body = [turn];
        let mut writes = vec![
            write(place, "one", Some(&body), Expect::Is(one)),
            write(place, "two", Some(&body), Expect::Is(two)),
        ];
        if turn % 2 == 1 {
            writes.reverse();
        }
        place.store.replace_all(writes)
    });
    let mut made = 0;
    for answer in join_all(moves).await {
        made += usize::from(answer?);
    }
    ensure(made == 1, || format!("{made} of 16 are made"))?;
    let (one, two) = (place.get("one").await?, place.get("two").await?);
    let body = |document: Option<crate::Document>| document.and_then(|document| document.body);
    ensure(body(one) == body(two), || "two are made in part".to_owned())
}

pub(super) async fn sixty_four_are_written_together<D: Documents>(place: &Place<'_, D>) -> Held {
    let names: Vec<String> = (0..64).map(|at| format!("{at}")).collect();
    let writes = names.iter().map(|name| write(place, name, Some(name.as_bytes()), Expect::Absent));
    ensure(place.store.replace_all(writes.collect()).await?, || "it is not made".to_owned())?;
    for name in &names {
        let found = place.get(name).await?.and_then(|document| document.body);
        ensure(found.as_deref() == Some(name.as_bytes()), || format!("{name} is not there"))?;
    }
    Ok(())
}

fn write<D: Documents>(
    place: &Place<'_, D>,
    name: &str,
    body: Option<&[u8]>,
    expect: Expect,
) -> Write {
    Write { key: place.key(name), body: body.map(Into::into), expect, modified: None }
}
