//! Whether a store keeps conditions, tried on one document before anything is kept in it.

use std::sync::Arc;

use crate::{Documents, Expect, Level, OpenError, Trouble, Version};

/// Everybody's, so that probes leave a few marks and not one each. No task has its name.
const KEYS: &str = ".tandem/probe-";

/// So many of them that hosts which open the store at the same time seldom meet on one.
const KEYS_MAX: u32 = 64;

/// Others may write the same document.
const TRIES: usize = 16;

/// Tries what everything else stands on: a write that follows what is not there is not made, one
/// that follows what is there is, once, and is read then.
///
/// # Errors
/// [`OpenError::Store`], [`OpenError::IgnoresConditions`].
pub(crate) async fn probe<D: Documents>(store: &D) -> Result<(), OpenError> {
    for _ in 0..TRIES {
        let key = format!("{KEYS}{:02x}", fastrand::u32(..KEYS_MAX));
        if try_on(store, &key).await? {
            return Ok(());
        }
    }
    let told = "each probe was overtaken by another host's, try again";
    Err(OpenError::Store(Trouble::unknown(told)))
}

/// Tries it on one document. It is `false` if another host wrote it meanwhile.
async fn try_on<D: Documents>(store: &D, key: &str) -> Result<bool, OpenError> {
    let put = async |body: &Arc<[u8]>, expect, level| -> Result<Option<Version>, OpenError> {
        Ok(store.replace(key, Some(body.clone()), expect, level).await?)
    };
    let found = store.get(key).await?;
    let follows = Expect::of(found.as_ref());
    let Some(one) = put(&body(), follows, Level::Visible).await? else {
        // Somebody else's write is there, or this one should have been made.
        let now = Expect::of(store.get(key).await?.as_ref());
        return match now == follows {
            true => Err(broken("a write that follows the version just read is not made")),
            false => Ok(false),
        };
    };
    if let Expect::Is(before) = follows
        && one <= before
    {
        return Err(broken("a version does not grow"));
    }
    // It was true, and is not any more.
    if put(&body(), follows, Level::Visible).await?.is_some() {
        return Err(broken("a write is made although the version that it follows is gone"));
    }
    if put(&body(), Expect::Absent, Level::Visible).await?.is_some() {
        return Err(broken("a document is created although it is there"));
    }
    let second = body();
    // Durable, so that a store that cannot answer for one is noticed now.
    let Some(two) = put(&second, Expect::Is(one), Level::Durable).await? else { return Ok(false) };
    if two <= one {
        return Err(broken("a version does not grow"));
    }
    let Some(read) = store.get(key).await? else {
        return Err(broken("what was written is not read"));
    };
    if read.version < two || (read.version == two && read.body != Some(second)) {
        return Err(broken("what was written is not read"));
    }
    // Whoever probes next goes on from whatever stands here.
    store.replace(key, None, Expect::Is(two), Level::Visible).await?;
    Ok(true)
}

/// What no other prober writes.
fn body() -> Arc<[u8]> {
    format!("{:032x}\n", fastrand::u128(..)).into_bytes().into()
}

fn broken(what: &str) -> OpenError {
    OpenError::IgnoresConditions(what.to_owned())
}
