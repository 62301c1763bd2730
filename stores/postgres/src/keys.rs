//! Keys as the table has them, in parts: an index holds no more than 2,700 bytes of a row, and a key
//! may have 4,096.
//!
//! `head` has the first 500 characters, `tail` the others, and `tail_id` tells tails apart: nothing
//! if there is none, else its SHA-256. Head and `tail_id` are the primary key. The order of heads,
//! then tails, is that of whole keys, since all heads that have tails are of one length.

use tokio_postgres::types::ToSql;

/// The parts of a text, of this name, as columns.
pub(crate) fn parts(key: &str) -> String {
    format!(
        "left({key}, 500) as head, substr({key}, 501) as tail, case when length({key}) <= 500
            then '' else sha256(convert_to(substr({key}, 501), 'UTF8')) end as tail_id"
    )
}

/// The conditions of keys that begin with a prefix, from behind a key on, and what stands for `$`
/// and a number in them.
pub(crate) struct Range<'a> {
    pub conditions: String,
    pub parameters: Vec<&'a (dyn ToSql + Sync)>,
}

impl<'a> Range<'a> {
    /// Behind parameters that there are already; `end` is the least key behind those with the prefix.
    pub fn new(
        parameters: Vec<&'a (dyn ToSql + Sync)>,
        prefix: &'a &str,
        after: &'a Option<&str>,
        end: &'a Option<String>,
    ) -> Self {
        let mut range = Range { conditions: String::new(), parameters };
        range.add(">=", ">=", prefix);
        if after.is_some() {
            range.add(">=", ">", after);
        }
        if end.is_some() {
            range.add("<=", "<", end);
        }
        range
    }

    fn add(&mut self, heads: &str, keys: &str, parameter: &'a (dyn ToSql + Sync)) {
        self.parameters.push(parameter);
        let and = if self.conditions.is_empty() { "" } else { " and " };
        let n = self.parameters.len();
        self.conditions +=
            &format!("{and}head {heads} left(${n}::text, 500) and head || tail {keys} ${n}::text");
    }
}

/// The least text that is behind every text with this prefix; none if there is no such text.
pub(crate) fn end(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        if let Some(next) = after(last) {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

/// The next character, across the gap that UTF-8 has no bytes for.
fn after(c: char) -> Option<char> {
    if c == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(c) + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_count_on_from_the_parameters_before() {
        let (limit, prefix, after, end) = (1_i64, "a", Some("b"), end("a"));
        let range = Range::new(vec![&limit], &prefix, &after, &end);
        assert_eq!(range.parameters.len(), 4);
        assert_eq!(
            range.conditions,
            "head >= left($2::text, 500) and head || tail >= $2::text \
             and head >= left($3::text, 500) and head || tail > $3::text \
             and head <= left($4::text, 500) and head || tail < $4::text"
        );
    }

    #[test]
    fn the_end_is_the_next_text_of_the_same_length_or_shorter() {
        assert_eq!(end("runs/").as_deref(), Some("runs0"));
        assert_eq!(end("a\u{d7ff}").as_deref(), Some("a\u{e000}"));
        assert_eq!(end("a\u{10ffff}\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(end(""), None);
        assert_eq!(end("\u{10ffff}"), None);
    }

    #[test]
    fn the_end_is_behind_whatever_has_the_prefix_in_bytes_too() {
        for prefix in ["a", "aé", "a\u{d7ff}", "a\u{ffff}", "a\u{10fffe}"] {
            let end = end(prefix).unwrap();
            let last = format!("{prefix}\u{10ffff}\u{10ffff}");
            assert!(last.as_bytes() < end.as_bytes(), "{prefix:?}");
            assert!(!end.starts_with(prefix));
        }
    }
}
