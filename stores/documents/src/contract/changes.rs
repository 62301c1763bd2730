//! Who follows what changes.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use futures::future::{join, join_all};

use super::{Fault, Held, Place, ensure, seen};
use crate::{Cursor, Document, Documents, Version};

/// A store may answer that nothing has changed, but not for ever once all is written.
const ANSWERS_MAX: usize = 1_000;

pub(super) async fn changes_begin_with_all_that_stands_there<D: Documents>(
    place: &Place<'_, D>,
) -> Held {
    // More than a store would tell at once.
    let names: Vec<String> = (0..1_100).map(|at| format!("in/{at}")).collect();
    let mut versions = Vec::new();
    for names in names.chunks(100) {
        let created = names.iter().map(|name| place.create(name, name.as_bytes()));
        versions
            .extend(join_all(created).await.into_iter().collect::<Result<Vec<Version>, Fault>>()?);
    }
    let gone = place.create("in/gone", b"1").await?;
    place.remove("in/gone", gone).await?;
    place.create("out/other", b"1").await?;

    let mut follower = Follower::new(place, "in/");
    follower.all().await?;
    ensure(follower.begun == 1, || {
        format!("who has no cursor is told {} times that everything follows", follower.begun)
    })?;
    follower.found.retain(|_, document| document.body.is_some());
    ensure(follower.found.len() == names.len(), || {
        format!("of {} documents {} are told", names.len(), follower.found.len())
    })?;
    for (name, version) in names.iter().zip(versions) {
        let found = follower.found.get(&place.key(name));
        let is_right = found.is_some_and(|found| {
            found.version == version && found.body.as_deref() == Some(name.as_bytes())
        });
        ensure(is_right, || format!("{name} is not told as it stands there"))?;
    }
    let new = place.create("in/new", b"2").await?;
    follower.until(|found| is_told(place, found, &[("in/new", new)])).await?;
    ensure(follower.begun == 1, || "it begins anew though nothing was forgotten".to_owned())
}

pub(super) async fn what_changed_is_told_with_what_stands_there<D: Documents>(
    place: &Place<'_, D>,
) -> Held {
    let old = place.create("in/changed", b"1").await?;
    let removed = place.create("in/removed", b"1").await?;
    place.create("in/kept", b"1").await?;
    let mut follower = Follower::new(place, "in/");
    follower.all().await?;
    follower.found.clear();
    let changed = place.follow("in/changed", b"2", old).await?;
    let mark = place.remove("in/removed", removed).await?;
    let new = place.create("in/new", b"3").await?;
    place.create("out/new", b"4").await?;

    let wanted = [("in/changed", changed), ("in/new", new), ("in/removed", mark)];
    follower.until(|found| is_told(place, found, &wanted)).await?;
    let bodies = [Some(b"2".as_slice()), Some(b"3".as_slice()), None];
    for ((name, version), body) in wanted.into_iter().zip(bodies) {
        let found = follower.found.get(&place.key(name));
        let found = found.ok_or_else(|| seen(format!("a change of {name} is not told")))?;
        let is_right = found.version == version && found.body.as_deref() == body;
        ensure(is_right, || format!("a change of {name} is told with what does not stand there"))?;
    }
    let others = follower.found.keys().find(|key| !key.starts_with(&place.key("in/")));
    ensure(others.is_none(), || format!("a change elsewhere is told: {others:?}"))
}

pub(super) async fn no_change_is_missed_while_others_write<D: Documents>(
    place: &Place<'_, D>,
) -> Held {
    const WRITERS: usize = 8;
    const TURNS: u8 = 40;
    let names: Vec<String> = (0..WRITERS).map(|writer| format!("by/{writer}")).collect();
    let writing = names.iter().map(|name| async move {
        let mut version = place.create(name, &[0]).await?;
        for turn in 1..TURNS {
            version = place.follow(name, &[turn], version).await?;
        }
        Ok::<Version, Fault>(version)
    });
    let mut follower = Follower::new(place, "by/");
    follower.all().await?;
    let is_written = follower.is_written.clone();
    is_written.set(false);
    let writing = async {
        let written = join_all(writing).await;
        is_written.set(true);
        written
    };
    let last = [TURNS - 1];
    let is_over = |found: &BTreeMap<String, Document>| {
        let is_last = |document: &&Document| document.body.as_deref() == Some(&last);
        found.values().filter(is_last).count() == WRITERS
    };
    let (written, followed) = join(writing, follower.until(is_over)).await;
    let written = written.into_iter().collect::<Result<Vec<_>, Fault>>()?;
    followed?;
    let wanted: Vec<_> = names.iter().map(String::as_str).zip(written).collect();
    ensure(is_told(place, &follower.found, &wanted), || {
        "a change is told with another version than the one answered".to_owned()
    })
}

/// Follows what changes below a prefix.
struct Follower<'a, D> {
    place: &'a Place<'a, D>,
    prefix: String,
    cursor: Option<Cursor>,
    /// How often everything was to follow.
    begun: usize,
    /// The newest that was told of each document.
    found: BTreeMap<String, Document>,
    /// Whether nothing is written any more.
    is_written: Rc<Cell<bool>>,
}

impl<'a, D: Documents> Follower<'a, D> {
    fn new(place: &'a Place<'a, D>, prefix: &str) -> Self {
        Follower {
            place,
            prefix: place.key(prefix),
            cursor: None,
            begun: 0,
            found: BTreeMap::new(),
            is_written: Rc::new(Cell::new(true)),
        }
    }

    /// Everything that stands there.
    async fn all(&mut self) -> Held {
        while self.part().await? {}
        Ok(())
    }

    /// What is told next. Answers whether more is known already.
    async fn part(&mut self) -> Result<bool, Fault> {
        let changes = self.place.store.changes(&self.prefix, self.cursor.as_ref()).await?;
        self.cursor = Some(changes.next);
        if changes.is_anew {
            self.begun += 1;
            self.found.clear();
        }
        for change in changes.changed {
            let known = self.found.get(&change.key).map(|document| document.version);
            if known.is_none_or(|known| known < change.document.version) {
                self.found.insert(change.key, change.document);
            }
        }
        Ok(changes.has_more)
    }

    async fn until(&mut self, is_over: impl Fn(&BTreeMap<String, Document>) -> bool) -> Held {
        let mut answers = 0;
        while answers < ANSWERS_MAX {
            answers += usize::from(self.is_written.get());
            self.part().await?;
            if is_over(&self.found) {
                return Ok(());
            }
            // A store that answers at once lets the writers write.
            yield_now().await;
        }
        Err(seen(format!("after {ANSWERS_MAX} answers a change is still not told")))
    }
}

fn is_told<D: Documents>(
    place: &Place<'_, D>,
    found: &BTreeMap<String, Document>,
    wanted: &[(&str, Version)],
) -> bool {
    wanted.iter().all(|(name, version)| {
        found.get(&place.key(name)).is_some_and(|document| document.version >= *version)
    })
}

/// Lets others be polled.
async fn yield_now() {
    let mut has_yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut has_yielded, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
