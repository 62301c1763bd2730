//! Whether a store keeps conditions, tried on one document before anything is kept in it.

use std::sync::Arc;

use crate::{Documents, Expect, Level, OpenError, Version};

/// Everybody's, so that probes leave one mark and not many. No task has its name.
const KEY: &str = ".tandem/probe";

/// Others that open the store at the same time write the same document.
const TRIES: usize = 16;

/// Tries what everything else stands on: a write that follows what is not there is not made, one
/// that follows what is there is, once, and is read then.
///
/// # Errors
/// [`OpenError::Store`], [`OpenError::IgnoresConditions`].
pub(crate) async fn probe<D: Documents>(store: &D) -> Result<(), OpenError> {
    let body = || -> Arc<[u8]> { format!("{:032x}\n", rand()).into_bytes().into() };
    for _ in 0..TRIES {
        let found = store.get(KEY).await?;
        let follows = Expect::of(found.as_ref());
        let first = body();
        let Some(one) = put(store, &first, follows).await? else { continue };
        if let Expect::Is(before) = follows
            && one <= before
        {
            return Err(broken("a version does not grow"));
        }
        // It was true, and is not any more.
        if put(store, &body(), follows).await?.is_some() {
            return Err(broken("a write is made although the version that it follows is gone"));
        }
        if put(store, &body(), Expect::Absent).await?.is_some() {
            return Err(broken("a document is created although it is there"));
        }
        let second = body();
        let Some(two) = put(store, &second, Expect::Is(one)).await? else { continue };
        if two <= one {
            return Err(broken("a version does not grow"));
        }
        let Some(read) = store.get(KEY).await? else {
            return Err(broken("what was written is not read"));
        };
        if read.version < two || (read.version == two && read.body != Some(second)) {
            return Err(broken("what was written is not read"));
        }
        // Whoever probes next goes on from whatever stands here.
        store.replace(KEY, None, Expect::Is(two), Level::Visible).await?;
        return Ok(());
    }
    Err(broken("a write that follows the version just read is not made, 16 times"))
}

async fn put<D: Documents>(
    store: &D,
    body: &Arc<[u8]>,
    expect: Expect,
) -> Result<Option<Version>, OpenError> {
    Ok(store.replace(KEY, Some(body.clone()), expect, Level::Durable).await?)
}

fn broken(what: &str) -> OpenError {
    OpenError::IgnoresConditions(what.to_owned())
}

/// What no other prober writes.
fn rand() -> u128 {
    fastrand::u128(..)
}
