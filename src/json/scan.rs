//! Pieces of valid JSON, found without building a tree.

use std::borrow::Cow;

/// A walk over the values of an object or an array in valid JSON, in their order.
pub struct Walk<'a> {
    json: &'a str,
    is_object: bool,
    at: usize,
}

impl<'a> Walk<'a> {
    /// A walk over the object or array that opens at `at`.
    pub fn new(json: &'a str, at: usize) -> Self {
        Walk { json, is_object: json.as_bytes().get(at) == Some(&b'{'), at: at + 1 }
    }

    /// The text of the next key, empty in an array, and the index at which its value starts. The
    /// caller tells [`Walk::go_on`] where that ends.
    pub fn next_value(&mut self) -> Option<(&'a str, usize)> {
        let bytes = self.json.as_bytes();
        let mut at = skip_space(bytes, self.at);
        if bytes.get(at) == Some(&b',') {
            at = skip_space(bytes, at + 1);
        }
        self.at = at;
        if matches!(bytes.get(at), None | Some(b'}' | b']')) {
            return None;
        }
        if !self.is_object {
            return Some(("", at));
        }
        let end = end_of_string(bytes, at);
        // Behind the colon.
        let value = skip_space(bytes, skip_space(bytes, end) + 1);
        Some((self.json.get(at..end)?, value))
    }

    /// Goes on behind a value.
    pub fn go_on(&mut self, end: usize) {
        self.at = end;
    }

    /// The index after the closing bracket, when there is no next value.
    pub fn end(&self) -> usize {
        self.at + 1
    }
}

/// The text of every key and value of a valid JSON object, in their order.
pub fn members(json: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut walk = Walk::new(json, skip_space(json.as_bytes(), 0));
    std::iter::from_fn(move || {
        let (key, at) = walk.next_value()?;
        let end = end_of_value(json.as_bytes(), at);
        walk.go_on(end);
        Some((key, json.get(at..end)?))
    })
}

/// Whether valid JSON is an object.
pub fn is_object(json: &str) -> bool {
    json.as_bytes().get(skip_space(json.as_bytes(), 0)) == Some(&b'{')
}

/// What a JSON string stands for; nothing for any other value.
pub fn string(json: &str) -> Option<Cow<'_, str>> {
    json.starts_with('"').then(|| decoded(json))
}

/// The text that a JSON string stands for, its escapes resolved; what is no Unicode (a lone
/// surrogate) stands as U+FFFD.
pub fn decoded(text: &str) -> Cow<'_, str> {
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

pub fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The index after the closing quote of the string that opens at `at`.
pub(super) fn end_of_string(bytes: &[u8], at: usize) -> usize {
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
pub(super) fn end_of_scalar(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let is_end = |b: &u8| matches!(b, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
    rest.iter().position(is_end).map_or(bytes.len(), |end| at + end)
}

/// The index after the value that starts at `at`.
pub fn end_of_value(bytes: &[u8], mut at: usize) -> usize {
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
