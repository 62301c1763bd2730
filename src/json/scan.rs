//! Pieces of JSON, found without building a tree.

use std::borrow::Cow;
use std::ops::Range;

use super::bytes::skip_space;
use super::check::{self, Depth, Stop};

/// A walk over the values of an object or an array, in their order. It checks what it walks over.
pub struct Walk<'a> {
    json: &'a str,
    is_object: bool,
    is_first: bool,
    at: usize,
}

impl<'a> Walk<'a> {
    /// A walk over the object or array that opens at `at`; none if no such opens there.
    pub fn new(json: &'a str, at: usize) -> Option<Self> {
        let is_object = match json.as_bytes().get(at) {
            Some(b'{') => true,
            Some(b'[') => false,
            _ => return None,
        };
        Some(Walk { json, is_object, is_first: true, at: at + 1 })
    }

    /// The text of the next key, empty in an array, and the index at which its value starts. The
    /// caller tells [`Walk::go_on`] where that ends.
    ///
    /// # Errors
    /// What follows is no valid JSON.
    pub fn next_value(&mut self) -> Result<Option<(&'a str, usize)>, Stop> {
        let bytes = self.json.as_bytes();
        let mut at = skip_space(bytes, self.at);
        let close = if self.is_object { b'}' } else { b']' };
        match bytes.get(at) {
            Some(byte) if *byte == close => {
                self.at = at;
                return Ok(None);
            }
            Some(b',') if !self.is_first => at = skip_space(bytes, at + 1),
            Some(_) if self.is_first => {}
            _ => return Err(Stop::Invalid),
        }
        self.is_first = false;
        if !self.is_object {
            return Ok(Some(("", at)));
        }
        let end = check::string(bytes, at, &mut Depth::any()).ok_or(Stop::Invalid)?.get();
        let colon = skip_space(bytes, end);
        if bytes.get(colon) != Some(&b':') {
            return Err(Stop::Invalid);
        }
        let key = self.json.get(at..end).ok_or(Stop::Invalid)?;
        Ok(Some((key, skip_space(bytes, colon + 1))))
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

/// The text of every key of the object that opens at `at` in valid JSON, in their order, and where its
/// value is; nothing if no object opens there.
pub fn members_at(json: &str, at: usize) -> impl Iterator<Item = (&str, Range<usize>)> {
    let mut walk = Walk::new(json, at).filter(|walk| walk.is_object);
    std::iter::from_fn(move || {
        let walk = walk.as_mut()?;
        let (key, at) = walk.next_value().ok()??;
        let end = end_of_value(json.as_bytes(), at).ok()?;
        walk.go_on(end);
        Some((key, at..end))
    })
}

/// The text of every key and value of a valid JSON object, in their order.
pub fn members(json: &str) -> impl Iterator<Item = (&str, &str)> {
    members_at(json, start(json)).map(|(key, value)| (key, &json[value]))
}

/// Whether valid JSON is an object.
pub fn is_object(json: &str) -> bool {
    json.as_bytes().get(start(json)) == Some(&b'{')
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

/// The index of the value of a text, and nothing of what is around it.
pub fn start(json: &str) -> usize {
    skip_space(json.as_bytes(), 0)
}

/// Whether nothing comes from `at` on.
pub fn is_end(json: &str, at: usize) -> bool {
    skip_space(json.as_bytes(), at) >= json.len()
}

/// The index after the value that starts at `at`.
///
/// # Errors
/// It is no valid JSON.
pub fn end_of_value(bytes: &[u8], at: usize) -> Result<usize, Stop> {
    check::value(bytes, at, &mut Depth::any())
}
