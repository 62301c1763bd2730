//! The JSON document of an open run.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use crate::error::{Channel, Error};
use crate::json::check::{self, Stop};
use crate::json::scan::{decoded, members_at, start};
use crate::json::{self, Indented, MAX_DEPTH, Rules};

/// A document as its file holds it: a JSON object, indented by two spaces, with one newline at
/// the end.
///
/// # Errors
/// [`Error::TooLarge`] if `text` or the result is above `limit` bytes, [`Error::InvalidInput`] if
/// `text` is no JSON object.
pub fn format(text: &str, limit: u64) -> Result<Vec<u8>, Error> {
    json::indent(json::unmarked(text), &rules("document", limit), "\n")
}

/// A document to which a patch is applied.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// A JSON object.
    text: &'a str,
    /// Whether it is as [`format()`] makes it: then what does not change is copied as it is.
    is_formatted: bool,
}

impl<'a> Target<'a> {
    /// A document that was checked when it came.
    ///
    /// # Errors
    /// As [`Rules::text`].
    pub fn new(document: &'a [u8], is_formatted: bool) -> Result<Self, Error> {
        let text = rules("document", u64::MAX).text(document)?;
        Ok(Target { text, is_formatted })
    }
}

/// Applies a merge patch (RFC 7396) to a document and formats the result as [`format()`] does.
///
/// # Errors
/// As [`format()`], for the patch and for the result.
pub fn merge(target: Option<Target<'_>>, patch: &str, limit: u64) -> Result<Vec<u8>, Error> {
    let patch = json::unmarked(patch);
    json::check_object(patch, &rules("patch", limit))?;
    let rules = rules("document", limit);
    let bytes = target.map_or(0, |target| target.text.len()) + patch.len();
    let mut merged = Indented::new(bytes, limit, rules.max_depth);
    let at = target.map(|target| start(target.text));
    Merge { target, patch }
        .object(at, start(patch), &mut merged)
        .and_then(|()| merged.finish("\n"))
        .map_err(|stop| rules.stopped(stop, merged.length()))
}

/// Whether a file holds a document: a JSON object that nests no deeper than [`MAX_DEPTH`]. How it
/// is indented is the affair of who wrote it.
pub fn is_document(text: &str) -> bool {
    let rules = rules("document", u64::MAX);
    json::check_object(text, &rules).is_ok()
}

fn rules(what: &'static str, max_bytes: u64) -> Rules {
    Rules {
        channel: Channel::Manifest,
        what,
        indented: "indented document",
        option: "max_document_bytes",
        max_bytes,
        max_depth: MAX_DEPTH,
    }
}

/// A member of a patch.
struct Change<'a> {
    /// The key's text.
    key: &'a str,
    /// Where the value is in the patch.
    value: Range<usize>,
    /// Whether it has its place in the result already.
    is_done: bool,
}

/// Both whole texts.
struct Merge<'a> {
    target: Option<Target<'a>>,
    patch: &'a str,
}

impl Merge<'_> {
    /// Writes the object at `target`, if there is one, changed by that at `patch`. A key that the
    /// target holds twice is changed in both places, so that every reader sees the new value; of a
    /// patch's doubled keys the last counts.
    fn object(&self, target: Option<usize>, patch: usize, out: &mut Indented) -> Result<(), Stop> {
        let mut changes: Vec<Change<'_>> = Vec::new();
        let mut places: BTreeMap<Cow<'_, str>, usize> = BTreeMap::new();
        for (key, value) in members_at(self.patch, patch) {
            match places.entry(decoded(key)) {
                Entry::Occupied(place) => changes[*place.get()].value = value,
                Entry::Vacant(place) => {
                    place.insert(changes.len());
                    changes.push(Change { key, value, is_done: false });
                }
            }
        }
        let is_kept = |change: &Change<'_>| &self.patch[change.value.clone()] != "null";

        out.push("{");
        out.depth += 1;
        let mut is_first = true;
        if let (Some(target), Some(at)) = (self.target, target) {
            for (key, value) in members_at(target.text, at) {
                let Some(change) = places.get(&decoded(key)).map(|&at| &mut changes[at]) else {
                    out.member(std::mem::take(&mut is_first), key)?;
                    if target.is_formatted {
                        out.push(&target.text[value]);
                    } else {
                        check::value(target.text.as_bytes(), value.start, out)?;
                    }
                    continue;
                };
                change.is_done = true;
                if is_kept(change) {
                    out.member(std::mem::take(&mut is_first), key)?;
                    self.value(Some(value.start), change.value.start, out)?;
                }
            }
        }
        for change in changes.iter().filter(|change| !change.is_done && is_kept(change)) {
            out.member(std::mem::take(&mut is_first), change.key)?;
            self.value(None, change.value.start, out)?;
        }
        out.depth -= 1;
        if !is_first {
            out.new_line(0)?;
        }
        out.push("}");
        Ok(())
    }

    fn value(&self, old: Option<usize>, new: usize, out: &mut Indented) -> Result<(), Stop> {
        let patch = self.patch.as_bytes();
        if patch.get(new) == Some(&b'{') {
            self.object(old, new, out)
        } else {
            check::value(patch, new, out).map(drop)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    const LIMIT: u64 = 1 << 20;

    fn text(document: Result<Vec<u8>, Error>) -> Result<String, Error> {
        document.map(|document| String::from_utf8(document).expect("a text"))
    }

    fn format(text: &str, limit: u64) -> Result<String, Error> {
        self::text(super::format(text, limit))
    }

    fn merge(document: Option<&str>, patch: &str, limit: u64) -> Result<String, Error> {
        let target = |text| Target { text, is_formatted: true };
        let merged = super::merge(document.map(target), patch, limit);
        let target = |text| Target { text, is_formatted: false };
        assert_eq!(super::merge(document.map(target), patch, limit), merged);
        text(merged)
    }

    fn message(result: Result<String, Error>) -> String {
        result.expect_err("refused").to_string()
    }

    #[test]
    fn a_document_is_indented_by_two_and_ends_with_one_newline() {
        let text = r#"{"b":[1,{"c":null}],"a":{},"d":[ ],"e":"x"}"#;
        let file = "{\n  \"b\": [\n    1,\n    {\n      \"c\": null\n    }\n  ],\n  \"a\": {},\n  \"d\": [],\n  \"e\": \"x\"\n}\n";
        assert_eq!(format(text, LIMIT).unwrap(), file);
        assert_eq!(format(file, LIMIT).unwrap(), file);
        assert_eq!(format(" {} ", LIMIT).unwrap(), "{}\n");
    }

    #[test]
    fn the_text_of_numbers_and_strings_is_kept() {
        let text =
            r#"{"n":[1.0,1e400,-0,123456789012345678901234567890],"s":"\u00e9\/\ud800 { \" \\"}"#;
        let file = format(text, LIMIT).unwrap();
        for part in ["1.0", "1e400", "-0", "123456789012345678901234567890"] {
            assert!(file.contains(part), "{part}");
        }
        assert!(file.contains(r#""\u00e9\/\ud800 { \" \\""#));
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        for text in ["", "{", "nul", "{\"a\":1,}", "{} {}", "\u{feff}\u{feff}{}", "{'a':1}"] {
            assert!(message(format(text, LIMIT)).contains("no valid JSON"), "{text}");
        }
        for text in ["null", "[]", "1", "\"{}\""] {
            assert!(message(format(text, LIMIT)).contains("no JSON object"), "{text}");
            assert!(message(merge(None, text, LIMIT)).contains("patch is no JSON object"));
        }
    }

    #[test]
    fn a_byte_order_mark_is_read_and_not_kept() {
        assert_eq!(format("\u{feff}{}", 3).unwrap(), "{}\n");
        let merged = merge(Some("{}\n"), "\u{feff}{\"\\ufeffa\":\"\u{feff}\"}", LIMIT).unwrap();
        assert_eq!(merged, "{\n  \"\\ufeffa\": \"\u{feff}\"\n}\n");
    }

    #[test]
    fn the_size_limit_holds_for_the_text_and_for_the_file() {
        let text = format!("{{\"a\":\"{}\"}}", "x".repeat(100));
        assert!(matches!(format(&text, 50), Err(Error::TooLarge { what: "document", .. })));
        assert!(matches!(merge(None, &text, 50), Err(Error::TooLarge { what: "patch", .. })));
        let file = format(&text, LIMIT).unwrap();
        assert_eq!(format(&text, file.len() as u64).unwrap(), file);
        assert!(matches!(
            format(&text, file.len() as u64 - 1),
            Err(Error::TooLarge { what: "indented document", .. })
        ));
        // What is too large is refused before it is parsed.
        assert!(matches!(format(&"[".repeat(99), 50), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |n: usize| format!("{{\"a\":{}1{}}}", "[".repeat(n), "]".repeat(n));
        format(&nested(MAX_DEPTH - 1), LIMIT).unwrap();
        assert!(message(format(&nested(MAX_DEPTH), LIMIT)).contains("deeper than 128"));
        assert!(message(merge(None, &nested(MAX_DEPTH), LIMIT)).contains("deeper than 128"));
        let endless = format!("{{\"a\":{}", "[".repeat(100_000));
        assert!(message(format(&endless, LIMIT)).contains("no valid JSON"));
    }

    #[test]
    fn what_was_formatted_is_a_document_and_checking_it_builds_nothing() {
        let nested =
            |n: usize, inner: &str| format!("{{\"a\":{}{inner}{}}}", "[".repeat(n), "]".repeat(n));
        for (depth, inner) in [(127, "1"), (127, "[ ]"), (127, "{}"), (126, "1,1,1")] {
            let file = format(&nested(depth, inner), LIMIT).unwrap();
            assert!(is_document(&file), "{depth} {inner}");
        }
        assert!(!is_document(&nested(128, "1")));
        assert!(!is_document("[]") && !is_document("{") && !is_document(""));
    }

    #[test]
    fn a_merge_patch_follows_rfc_7396() {
        // The examples of the RFC's appendix A whose target and patch are objects.
        for (target, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, r#"{}"#),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            (r#"{}"#, r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let merged = merge(Some(&format(target, LIMIT).unwrap()), patch, LIMIT).unwrap();
            assert_eq!(merged, format(result, LIMIT).unwrap(), "{target} {patch}");
        }
    }

    #[test]
    fn a_merge_keeps_order_and_text_and_finds_escaped_keys() {
        let target = format(r#"{"z":1.0,"\u0061":{"k":1e3,"l":2},"m":3}"#, LIMIT).unwrap();
        let merged = merge(Some(&target), r#"{"a":{"l":7.50},"n":-0}"#, LIMIT);
        let expected = format(r#"{"z":1.0,"\u0061":{"k":1e3,"l":7.50},"m":3,"n":-0}"#, LIMIT);
        assert_eq!(merged, expected);
    }

    #[test]
    fn a_limit_holds_for_the_result_of_a_merge_alone_and_a_bad_patch_is_told_first() {
        // Indented it is above the limit, and was not written by Tandem.
        let text = r#"{"a":[1,1,1,1,1,1],"b":1}"#;
        let target = Target { text, is_formatted: false };
        let merge = |patch| self::text(super::merge(Some(target), patch, 30));
        assert_eq!(merge(r#"{"a":null}"#).unwrap(), "{\n  \"b\": 1\n}\n");
        assert!(message(merge("{")).contains("patch is no valid JSON"));
        assert!(message(merge("{}")).contains("indented document"));
    }

    #[test]
    fn a_merge_into_no_document_starts_from_the_empty_object() {
        let merged = merge(None, r#"{"a":{"b":null,"c":1},"d":null}"#, LIMIT).unwrap();
        assert_eq!(merged, format(r#"{"a":{"c":1}}"#, LIMIT).unwrap());
    }

    #[test]
    fn doubled_keys_are_changed_in_every_place() {
        let target = format(r#"{"a":1,"a":2}"#, LIMIT).unwrap();
        let merged = merge(Some(&target), r#"{"a":3,"a":4}"#, LIMIT).unwrap();
        assert_eq!(merged, format(r#"{"a":4,"a":4}"#, LIMIT).unwrap());
        assert_eq!(merge(Some(&target), r#"{"a":null}"#, LIMIT).unwrap(), "{}\n");
    }

    /// RFC 7396, section 2, on trees.
    fn model(target: &Value, patch: &Value) -> Value {
        let Value::Object(patch) = patch else { return patch.clone() };
        let mut result = match target {
            Value::Object(map) => map.clone(),
            _ => Map::new(),
        };
        for (key, value) in patch {
            if value.is_null() {
                result.remove(key);
            } else {
                let old = result.get(key).cloned().unwrap_or(Value::Null);
                result.insert(key.clone(), model(&old, value));
            }
        }
        Value::Object(result)
    }

    fn object() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-c\"\\\\{}:,é]{0,4}".prop_map(Value::from),
            // Characters of each length, across the chunks that are copied.
            "[aé€😀\"\\\\]{0,40}".prop_map(Value::from),
        ];
        let value = leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c\"\\\\]{0,2}", inner, 0..4)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        });
        prop::collection::btree_map("[a-c\"\\\\]{0,2}", value, 0..4)
            .prop_map(|m| Value::Object(m.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn formatting_changes_no_value(value in object()) {
            let file = format(&value.to_string(), LIMIT).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&file).unwrap(), value.clone());
            prop_assert_eq!(file, format!("{value:#}\n"));
        }

        #[test]
        fn a_merge_gives_what_the_rfc_says(target in object(), patch in object()) {
            let target_file = format(&target.to_string(), LIMIT).unwrap();
            let merged = merge(Some(&target_file), &patch.to_string(), LIMIT).unwrap();
            prop_assert_eq!(&merged, &format(&merged, LIMIT).unwrap());
            let merged: Value = serde_json::from_str(&merged).unwrap();
            prop_assert_eq!(merged, model(&target, &patch));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}", patch in "[{}\\[\\]\",:a0\\\\n ul-]{0,30}") {
            let _ = format(&text, 100);
            let _ = format(&patch, 100);
            let _ = merge(Some("{\n  \"a\": [\n    1\n  ]\n}\n"), &patch, 100);
        }
    }

    #[test]
    fn the_model_agrees_with_the_rfc() {
        assert_eq!(model(&json!({"a": "foo"}), &json!("bar")), json!("bar"));
    }
}
