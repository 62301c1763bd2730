//! Which of the writes that wait go together.

use std::collections::{BTreeSet, VecDeque};

/// How many writes one statement has at most.
const WRITES_MAX: usize = 512;

/// How many bytes of bodies one statement has at most, unless one write alone has more.
const BYTES_MAX: usize = 4 << 20;

/// A larger body does not wait for others, and has none wait for it.
pub(crate) const ALONE_BYTES: usize = 64 << 10;

/// What is asked of something that goes with others.
pub(crate) trait Batched {
    /// Its key.
    fn key(&self) -> &str;
    /// How many bytes its body has.
    fn bytes(&self) -> usize;
}

/// Takes out those that go next, ordered by their keys, which are different: hosts that write the
/// same rows then wait for each other in one order. The others stay in their order.
pub(crate) fn take<W: Batched>(waiting: &mut VecDeque<W>) -> Vec<W> {
    let mut batch: Vec<W> = Vec::new();
    let mut keys = BTreeSet::new();
    let mut bytes = 0;
    let mut left = VecDeque::new();
    while let Some(write) = waiting.pop_front() {
        let is_first = batch.is_empty();
        let is_room = batch.len() < WRITES_MAX && bytes + write.bytes() <= BYTES_MAX;
        // The key of one that stays is taken too, so that later ones do not overtake it.
        if keys.insert(write.key().to_owned()) && (is_first || is_room) {
            bytes += write.bytes();
            batch.push(write);
        } else {
            left.push_back(write);
        }
    }
    *waiting = left;
    batch.sort_by(|a, b| a.key().cmp(b.key()));
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Batched for (&str, usize) {
        fn key(&self) -> &str {
            self.0
        }

        fn bytes(&self) -> usize {
            self.1
        }
    }

    #[test]
    fn a_batch_is_ordered_and_has_each_key_once() {
        let mut waiting = VecDeque::from([("b", 1), ("a", 1), ("b", 2), ("c", 1)]);
        assert_eq!(take(&mut waiting), [("a", 1), ("b", 1), ("c", 1)]);
        assert_eq!(waiting, [("b", 2)]);
        assert_eq!(take(&mut waiting), [("b", 2)]);
        assert_eq!(take(&mut waiting), []);
    }

    #[test]
    fn a_batch_is_bounded_and_one_goes_always() {
        let mut waiting = VecDeque::from([("a", BYTES_MAX + 1), ("b", 1), ("c", BYTES_MAX)]);
        assert_eq!(take(&mut waiting), [("a", BYTES_MAX + 1)]);
        assert_eq!(take(&mut waiting), [("b", 1)]);
        assert_eq!(take(&mut waiting), [("c", BYTES_MAX)]);
        let keys: Vec<String> = (0..WRITES_MAX + 1).map(|n| n.to_string()).collect();
        let mut waiting = keys.iter().map(|key| (key.as_str(), 0)).collect();
        assert_eq!(take(&mut waiting).len(), WRITES_MAX);
        assert_eq!(waiting.len(), 1);
    }

    #[test]
    fn a_write_does_not_overtake_one_of_its_key_that_stays() {
        let mut waiting = VecDeque::from([("a", BYTES_MAX), ("b", 1), ("b", 0)]);
        assert_eq!(take(&mut waiting), [("a", BYTES_MAX)]);
        assert_eq!(waiting, [("b", 1), ("b", 0)]);
    }
}
