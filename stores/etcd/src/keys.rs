//! Keys of documents as keys of etcd: a prefix of the store in front of them.

/// The key of a document.
pub(crate) fn full(store: &str, key: &str) -> Vec<u8> {
    [store.as_bytes(), key.as_bytes()].concat()
}

/// The key of a document out of the one in etcd; none if no store wrote it.
pub(crate) fn document(store: &str, full: Vec<u8>) -> Option<String> {
    let mut key = String::from_utf8(full).ok()?;
    if !key.starts_with(store) {
        return None;
    }
    Some(key.split_off(store.len()))
}

/// The least key that is behind all with this prefix: `\0`, which says "all", if there is none.
pub(crate) fn end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return end;
        }
    }
    vec![0]
}

/// The least key behind another one.
pub(crate) fn behind(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_the_next_key_of_the_same_length_or_shorter() {
        assert_eq!(end(b"tandem/"), b"tandem0");
        assert_eq!(end(b"a\xff\xff"), b"b");
        assert_eq!(end(b"\xff"), b"\0");
    }

    #[test]
    fn a_key_comes_back_out_of_its_full_one() {
        assert_eq!(document("tandem/", full("tandem/", "a/b")).as_deref(), Some("a/b"));
        assert_eq!(document("tandem/", full("other/", "a/b")), None);
        assert_eq!(document("t/", b"t/\xff".to_vec()), None);
    }

    #[test]
    fn nothing_is_between_a_key_and_the_one_behind_it() {
        assert_eq!(behind(b"a".to_vec()), b"a\0");
    }
}
