//! Lists of keys.

use futures::future::join_all;

use super::{Fault, Held, Place, ensure};
use crate::{Documents, Version};

pub(super) async fn a_list_has_what_is_below_its_prefix_in_order<D: Documents>(
    place: &Place<'_, D>,
) -> Held {
    // Neither by the rules of a language nor by case.
    let names =
        ["in/B", "in/Z", "in/a", "in/a b", "in/a-b", "in/a.b", "in/a/b", "in/ab", "in/\u{e9}"];
    let mut versions = Vec::new();
    for name in names.iter().rev() {
        versions.push(place.create(name, b"x").await?);
    }
    versions.reverse();
    for name in ["in", "inside", "im/a", "io/a"] {
        place.create(name, b"x").await?;
    }
    let gone = place.create("in/a-gone", b"x").await?;
    place.remove("in/a-gone", gone).await?;
    let found = all(place, "in/").await?;
    let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
    let wanted: Vec<String> = names.iter().map(|name| place.key(name)).collect();
    ensure(keys == wanted, || format!("the list has {keys:?}, not {wanted:?}"))?;
    let told = found.iter().map(|(_, version)| *version).eq(versions);
    ensure(told, || "the list has other versions than those answered".to_owned())
}

pub(super) async fn a_list_goes_on_behind_a_key<D: Documents>(place: &Place<'_, D>) -> Held {
    let names: Vec<String> = (0..1100).map(|at| format!("many/{at:05}")).collect();
    for names in names.chunks(100) {
        let created = names.iter().map(|name| place.create(name, b"x"));
        join_all(created).await.into_iter().collect::<Result<Vec<_>, Fault>>()?;
    }
    let found = all(place, "many/").await?;
    let is_whole = found.iter().map(|(key, _)| key).eq(names
        .iter()
        .map(|name| place.key(name))
        .collect::<Vec<_>>()
        .iter());
    ensure(is_whole, || format!("the pages have {} keys of {}", found.len(), names.len()))?;
    // Behind a key that is not there, too.
    let after = place.key("many/01098x");
    let page = place.store.list(&place.key("many/"), Some(&after)).await?;
    let last: Vec<&str> = page.entries.iter().map(|listed| listed.key.as_str()).collect();
    ensure(last == [place.key("many/01099")], || format!("behind the last but one is {last:?}"))
}

pub(super) async fn a_prefix_is_no_pattern<D: Documents>(place: &Place<'_, D>) -> Held {
    for name in ["a_b/1", "axb/2", "a%b/3", "a\\b/4", "a*b/5", "aab/6"] {
        place.create(name, b"x").await?;
    }
    for (prefix, name) in
        [("a_b/", "a_b/1"), ("a%b/", "a%b/3"), ("a\\b/", "a\\b/4"), ("a*b/", "a*b/5")]
    {
        let found = all(place, prefix).await?;
        let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
        ensure(keys == [place.key(name)], || format!("below {prefix} is {keys:?}"))?;
    }
    Ok(())
}

/// All pages below a prefix.
async fn all<D: Documents>(
    place: &Place<'_, D>,
    prefix: &str,
) -> Result<Vec<(String, Version)>, Fault> {
    let prefix = place.key(prefix);
    let mut found: Vec<(String, Version)> = Vec::new();
    loop {
        let after = found.last().map(|(key, _)| key.clone());
        let page = place.store.list(&prefix, after.as_deref()).await?;
        let is_over = !page.has_more || page.entries.is_empty();
        found.extend(page.entries.into_iter().map(|listed| (listed.key, listed.version)));
        if is_over {
            return Ok(found);
        }
    }
}
