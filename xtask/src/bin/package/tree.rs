//! Reads what `cargo tree` prints.

use std::collections::{BTreeMap, BTreeSet};

/// A crate by its name and version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub name: String,
    pub version: String,
}

/// Each crate, with the crates that it needs itself. The root is among them.
#[derive(Debug, PartialEq, Eq)]
pub struct Tree {
    pub root: Key,
    pub needs: BTreeMap<Key, BTreeSet<Key>>,
}

/// What `cargo tree` is asked for: every line is a depth and a crate, and no crate is cut short.
pub const SHAPE: [&str; 5] = ["--prefix", "depth", "--no-dedupe", "--format", " {p}"];

impl Tree {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut path: Vec<Key> = Vec::new();
        let mut needs: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let wrong = || format!("cannot read this line of cargo tree: {line:?}");
            let (depth, key) = read(line).ok_or_else(wrong)?;
            if depth > path.len() || (depth == 0 && !path.is_empty()) {
                return Err(wrong());
            }
            path.truncate(depth);
            if let Some(parent) = path.last() {
                needs.entry(parent.clone()).or_default().insert(key.clone());
            }
            needs.entry(key.clone()).or_default();
            path.push(key);
        }
        let root = path.into_iter().next().ok_or("cargo tree prints nothing")?;
        Ok(Self { root, needs })
    }
}

/// A line such as `2 serde v1.0.229`, which may go on with where the crate is.
fn read(line: &str) -> Option<(usize, Key)> {
    let mut words = line.split(' ');
    let depth = words.next()?.parse().ok()?;
    let name = words.next()?.to_owned();
    let version = words.next()?.strip_prefix('v')?.to_owned();
    Some((depth, Key { name, version }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key { name: name.to_owned(), version: String::from("1.0.0") }
    }

    #[test]
    fn a_crate_needs_those_one_step_deeper() {
        let text = "0 a v1.0.0 (/tmp/a b)\n1 b v1.0.0\n2 c v1.0.0\n1 c v1.0.0\n1 d v1.0.0\n";
        let tree = Tree::parse(text).unwrap();
        assert_eq!(tree.root, key("a"));
        let needs = |name| tree.needs[&key(name)].iter().cloned().collect::<Vec<_>>();
        assert_eq!(needs("a"), [key("b"), key("c"), key("d")]);
        assert_eq!(needs("b"), [key("c")]);
        assert_eq!(needs("c"), []);
        assert_eq!(tree.needs.len(), 4);
    }

    #[test]
    fn two_versions_of_a_crate_are_two_crates() {
        let tree = Tree::parse("0 a v1.0.0\n1 b v1.0.0\n1 b v2.0.0+extra\n").unwrap();
        let versions = tree.needs[&key("a")].iter().map(|key| key.version.as_str());
        assert_eq!(versions.collect::<Vec<_>>(), ["1.0.0", "2.0.0+extra"]);
    }

    #[test]
    fn what_is_no_tree_is_an_error_that_shows_the_line() {
        for text in
            ["", "a v1.0.0", "0 a 1.0.0", "0 a v1.0.0\n2 b v1.0.0", "0 a v1.0.0\n0 b v1.0.0"]
        {
            assert!(Tree::parse(text).is_err(), "{text:?}");
        }
    }
}
