//! The JSON document: checked, indented and merged as text, so that the order of keys and the text
//! of numbers and strings stay what the caller wrote.

use std::borrow::Cow;
use std::collections::BinaryHeap;

use serde::de::IgnoredAny;

use crate::error::{Channel, Error};

/// The deepest nesting of a document or a patch.
pub const MAX_DEPTH: usize = 128;

/// A line's end and the indentation of the deepest level, cut to what is needed.
static NEW_LINE: [u8; 1 + 2 * MAX_DEPTH] = {
    let mut line = [b' '; 1 + 2 * MAX_DEPTH];
    line[0] = b'\n';
    line
};

/// A document as its file holds it: a JSON object, indented by two spaces, with one newline at
/// the end.
///
/// # Errors
/// [`Error::TooLarge`] if `text` or the result is above `limit` bytes, [`Error::InvalidInput`] if
/// `text` is no JSON object.
pub fn format(text: &str, limit: u64) -> Result<String, Error> {
    check(text, "document", limit)?;
    indented(text, limit)
}

/// Applies a merge patch (RFC 7396) to a document and formats the result as [`format()`] does.
///
/// # Errors
/// As [`format()`], for the patch and for the result.
pub fn merge(document: Option<&str>, patch: &str, limit: u64) -> Result<String, Error> {
    check(patch, "patch", limit)?;
    check_depth(patch)?;
    let mut merged = String::with_capacity(document.map_or(0, str::len) + patch.len());
    merge_object(document, patch, &mut merged);
    indented(&merged, limit)
}

/// Whether a file holds a document: a JSON object that nests no deeper than [`MAX_DEPTH`]. How it
/// is indented is the affair of who wrote it.
pub fn is_document(text: &str) -> bool {
    check(text, "document", u64::MAX).is_ok() && check_depth(text).is_ok()
}

/// Checks the size and that the text is a JSON object.
fn check(text: &str, what: &'static str, limit: u64) -> Result<(), Error> {
    if text.len() as u64 > limit {
        let bytes = text.len() as u64;
        return Err(Error::TooLarge { what, path: None, bytes, limit });
    }
    serde_json::from_str::<IgnoredAny>(text).map_err(|e| not_json(what, &e))?;
    if !is_object(text) {
        return Err(Error::invalid_manifest(format!("{what} is no JSON object")));
    }
    Ok(())
}

fn not_json(what: &str, error: &serde_json::Error) -> Error {
    Error::InvalidInput {
        channel: Some(Channel::Manifest),
        message: format!("{what} is no valid JSON: {error}"),
    }
}

fn too_deep() -> Error {
    Error::invalid_manifest(format!("document nests deeper than {MAX_DEPTH} levels"))
}

fn is_object(json: &str) -> bool {
    json.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{')
}

/// Indents valid JSON. Bounded by `limit`, because deep nesting multiplies the size.
fn indented(json: &str, limit: u64) -> Result<String, Error> {
    let bytes = json.as_bytes();
    let mut out = Vec::with_capacity(json.len() + json.len() / 2 + 1);
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'{' | b'[' => {
                out.push(byte);
                at = skip_space(bytes, at);
                if let Some(&close @ (b'}' | b']')) = bytes.get(at) {
                    out.push(close);
                    at += 1;
                } else {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err(too_deep());
                    }
                    new_line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(byte);
            }
            b',' => {
                out.push(b',');
                new_line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            _ => {
                at = if byte == b'"' {
                    end_of_string(bytes, start)
                } else {
                    end_of_scalar(bytes, start)
                };
                out.extend_from_slice(&bytes[start..at]);
            }
        }
        // One byte is kept for the newline at the end.
        if out.len() as u64 >= limit {
            return Err(Error::TooLarge {
                what: "indented document",
                path: None,
                bytes: out.len() as u64 + 1,
                limit,
            });
        }
    }
    out.push(b'\n');
    // Pieces of a text, cut at ASCII characters, are a text.
    String::from_utf8(out).map_err(|_| Error::invalid_manifest("document is no valid UTF-8"))
}

fn new_line(out: &mut Vec<u8>, depth: usize) {
    out.extend_from_slice(&NEW_LINE[..1 + 2 * depth]);
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The index after the closing quote of the string that opens at `at`.
fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The index after the number or literal that starts at `at`.
fn end_of_scalar(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let is_end = |b: &u8| matches!(b, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
    rest.iter().position(is_end).map_or(bytes.len(), |end| at + end)
}

/// Bounds the nesting as [`indented`] does, for what is not indented: an empty object or array
/// adds no level.
fn check_depth(json: &str) -> Result<(), Error> {
    let bytes = json.as_bytes();
    let (mut depth, mut at) = (0usize, 0);
    while let Some(byte) = bytes.get(at) {
        at = match byte {
            b'"' => end_of_string(bytes, at),
            b'{' | b'[' => {
                let inside = skip_space(bytes, at + 1);
                if matches!(bytes.get(inside), Some(b'}' | b']')) {
                    inside + 1
                } else {
                    depth += 1;
                    inside
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at + 1
            }
            _ => at + 1,
        };
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
    }
    Ok(())
}

/// A member of a patch, ordered by name and place.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Change<'a> {
    /// The decoded key.
    name: Cow<'a, str>,
    /// The place among the patch's members.
    at: usize,
    /// The key's text.
    key: &'a str,
    /// The value's text.
    value: &'a str,
    /// Whether the target has the key.
    met: bool,
}

/// Writes `target` changed by `patch`. A key that the target holds twice is changed in both
/// places, so that every reader sees the new value; of a patch's doubled keys the last counts.
fn merge_object(target: Option<&str>, patch: &str, out: &mut String) {
    let changes: Vec<Change<'_>> = members(patch)
        .enumerate()
        .map(|(at, (key, value))| Change { name: decoded(key), at, key, value, met: false })
        .collect();
    // Found by name, written in the patch's order. A heap, because `sort` takes 9 KB of the
    // component.
    let mut changes = BinaryHeap::from(changes).into_sorted_vec();
    changes.dedup_by(|later, first| {
        let is_same = later.name == first.name;
        if is_same {
            first.value = later.value;
        }
        is_same
    });

    out.push('{');
    let mut is_first = true;
    for (key, value) in target.into_iter().flat_map(members) {
        let found = changes.binary_search_by(|change| change.name.as_ref().cmp(&decoded(key)));
        let Some(change) = found.ok().map(|at| &mut changes[at]) else {
            push_key(out, &mut is_first, key);
            out.push_str(value);
            continue;
        };
        change.met = true;
        if change.value != "null" {
            push_key(out, &mut is_first, key);
            push_value(Some(value), change.value, out);
        }
    }
    changes.retain(|change| !change.met && change.value != "null");
    // All names alike: what is left sorts by place.
    changes.iter_mut().for_each(|change| change.name = Cow::Borrowed(""));
    for change in &BinaryHeap::from(changes).into_sorted_vec() {
        push_key(out, &mut is_first, change.key);
        push_value(None, change.value, out);
    }
    out.push('}');
}

fn push_key(out: &mut String, is_first: &mut bool, key: &str) {
    if !std::mem::take(is_first) {
        out.push(',');
    }
    out.push_str(key);
    out.push(':');
}

fn push_value(old: Option<&str>, new: &str, out: &mut String) {
    if is_object(new) {
        merge_object(old.filter(|old| is_object(old)), new, out);
    } else {
        out.push_str(new);
    }
}

/// The key that a JSON string stands for, its escapes resolved; what is no Unicode (a lone
/// surrogate) stands as U+FFFD.
fn decoded(text: &str) -> Cow<'_, str> {
    let inner = text.get(1..text.len() - 1).unwrap_or_default();
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut key = String::with_capacity(inner.len());
    let mut units: Vec<u16> = Vec::new();
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        let is_unicode = rest[at + 1..].starts_with('u');
        if at > 0 || !is_unicode {
            push_units(&mut key, &mut units);
        }
        key.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let length = if is_unicode { 5 } else { 1 };
        let (escape, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        match escape {
            "b" => key.push('\u{8}'),
            "f" => key.push('\u{c}'),
            "n" => key.push('\n'),
            "r" => key.push('\r'),
            "t" => key.push('\t'),
            _ if is_unicode => units.push(u16::from_str_radix(&escape[1..], 16).unwrap_or(0xFFFD)),
            literal => key.push_str(literal),
        }
    }
    push_units(&mut key, &mut units);
    key.push_str(rest);
    Cow::Owned(key)
}

/// Adjacent `\u` escapes form one UTF-16 text.
fn push_units(key: &mut String, units: &mut Vec<u16>) {
    let chars = char::decode_utf16(units.drain(..));
    key.extend(chars.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
}

/// The text of every key and value of a valid JSON object, in their order.
fn members(json: &str) -> impl Iterator<Item = (&str, &str)> {
    let bytes = json.as_bytes();
    // Behind the opening brace.
    let mut at = skip_space(bytes, 0) + 1;
    std::iter::from_fn(move || {
        at = skip_space(bytes, at);
        if bytes.get(at) == Some(&b',') {
            at = skip_space(bytes, at + 1);
        }
        if bytes.get(at) != Some(&b'"') {
            return None;
        }
        let key = at..end_of_string(bytes, at);
        // Behind the colon.
        let value = skip_space(bytes, skip_space(bytes, key.end) + 1);
        at = end_of_value(bytes, value);
        Some((&json[key], &json[value..at]))
    })
}

/// The index after the value that starts at `at`.
fn end_of_value(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0usize;
    while let Some(byte) = bytes.get(at) {
        at = match byte {
            b'"' => end_of_string(bytes, at),
            b'{' | b'[' => {
                depth += 1;
                at + 1
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at + 1
            }
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => {
                at += 1;
                continue;
            }
            _ => end_of_scalar(bytes, at),
        };
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    const LIMIT: u64 = 1 << 20;

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
        for text in ["", "{", "nul", "{\"a\":1,}", "{} {}", "\u{feff}{}", "{'a':1}"] {
            assert!(message(format(text, LIMIT)).contains("no valid JSON"), "{text}");
        }
        for text in ["null", "[]", "1", "\"{}\""] {
            assert!(message(format(text, LIMIT)).contains("no JSON object"), "{text}");
            assert!(message(merge(None, text, LIMIT)).contains("patch is no JSON object"));
        }
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
            let merged = merge(Some(target), patch, LIMIT).unwrap();
            assert_eq!(merged, format(result, LIMIT).unwrap(), "{target} {patch}");
        }
    }

    #[test]
    fn a_merge_keeps_order_and_text_and_finds_escaped_keys() {
        let merged = merge(
            Some(r#"{"z":1.0,"\u0061":{"k":1e3,"l":2},"m":3}"#),
            r#"{"a":{"l":7.50},"n":-0}"#,
            LIMIT,
        );
        let expected = format(r#"{"z":1.0,"\u0061":{"k":1e3,"l":7.50},"m":3,"n":-0}"#, LIMIT);
        assert_eq!(merged, expected);
    }

    #[test]
    fn a_merge_into_no_document_starts_from_the_empty_object() {
        let merged = merge(None, r#"{"a":{"b":null,"c":1},"d":null}"#, LIMIT).unwrap();
        assert_eq!(merged, format(r#"{"a":{"c":1}}"#, LIMIT).unwrap());
    }

    #[test]
    fn doubled_keys_are_changed_in_every_place() {
        let merged = merge(Some(r#"{"a":1,"a":2}"#), r#"{"a":3,"a":4}"#, LIMIT).unwrap();
        assert_eq!(merged, format(r#"{"a":4,"a":4}"#, LIMIT).unwrap());
        assert_eq!(merge(Some(r#"{"a":1,"a":2}"#), r#"{"a":null}"#, LIMIT).unwrap(), "{}\n");
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
            let merged = merge(Some(&target.to_string()), &patch.to_string(), LIMIT).unwrap();
            let merged: Value = serde_json::from_str(&merged).unwrap();
            prop_assert_eq!(merged, model(&target, &patch));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}", patch in "[{}\\[\\]\",:a0\\\\n ul-]{0,30}") {
            let _ = format(&text, 100);
            let _ = format(&patch, 100);
            let _ = merge(Some("{\"a\":[1]}"), &patch, 100);
        }
    }

    #[test]
    fn the_model_agrees_with_the_rfc() {
        assert_eq!(model(&json!({"a": "foo"}), &json!("bar")), json!("bar"));
    }
}
