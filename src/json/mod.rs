//! JSON as text: checked, indented and taken apart without a tree, so that the order of keys and the
//! text of numbers and strings stay what the caller wrote.

pub mod scan;

use serde::de::IgnoredAny;

use crate::error::{Channel, Error};
use scan::{end_of_scalar, end_of_string, is_object, skip_space};

/// The deepest nesting of a file.
pub const MAX_DEPTH: usize = 128;

/// A line's end and the indentation of the deepest level, cut to what is needed.
static NEW_LINE: [u8; 1 + 2 * MAX_DEPTH] = {
    let mut line = [b' '; 1 + 2 * MAX_DEPTH];
    line[0] = b'\n';
    line
};

/// What a text must keep, and how errors name it.
pub struct Rules {
    /// The file that it is for.
    pub channel: Channel,
    /// What it is.
    pub what: &'static str,
    /// What it is after [`indent`].
    pub indented: &'static str,
    /// The option that limits its size.
    pub option: &'static str,
    /// The largest text, before and after [`indent`].
    pub max_bytes: u64,
    /// The deepest nesting.
    pub max_depth: usize,
}

impl Rules {
    /// An error about the text.
    pub fn invalid(&self, rule: &str) -> Error {
        Error::invalid(self.channel, format!("{} {rule}", self.what))
    }

    fn too_deep(&self) -> Error {
        self.invalid(&format!("nests deeper than {} levels", self.max_depth))
    }

    fn too_large(&self, what: &'static str, bytes: usize) -> Error {
        let Rules { channel, option, max_bytes, .. } = *self;
        Error::TooLarge { channel, what, option, path: None, bytes: bytes as u64, limit: max_bytes }
    }
}

/// Checks the size, then that the text is a JSON object.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::InvalidInput`].
pub fn check_object(text: &str, rules: &Rules) -> Result<(), Error> {
    if text.len() as u64 > rules.max_bytes {
        return Err(rules.too_large(rules.what, text.len()));
    }
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let (line, column) = (error.line(), error.column());
        return Err(rules.invalid(&format!("is no valid JSON: line {line}, column {column}")));
    }
    if is_object(text) { Ok(()) } else { Err(rules.invalid("is no JSON object")) }
}

/// A text without the byte order mark that some programs write before it.
pub fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{FEFF}').unwrap_or(text)
}

/// Whether a text is valid JSON.
pub fn is_valid(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Indents valid JSON by two spaces, with `end` behind it. Bounded by the limit, because deep nesting
/// multiplies the size.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::InvalidInput`] if it nests too deep.
pub fn indent(json: &str, rules: &Rules, end: &str) -> Result<String, Error> {
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
                    if depth > rules.max_depth {
                        return Err(rules.too_deep());
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
        if (out.len() + end.len()) as u64 > rules.max_bytes {
            return Err(rules.too_large(rules.indented, out.len() + end.len()));
        }
    }
    out.extend_from_slice(end.as_bytes());
    // Pieces of a text, cut at ASCII characters, are a text.
    String::from_utf8(out).map_err(|_| rules.invalid("is no valid UTF-8"))
}

fn new_line(out: &mut Vec<u8>, depth: usize) {
    out.extend_from_slice(&NEW_LINE[..1 + 2 * depth]);
}

/// Bounds the nesting as [`indent`] does, for what is not indented: an empty object or array adds no
/// level.
///
/// # Errors
/// [`Error::InvalidInput`].
pub fn check_depth(json: &str, rules: &Rules) -> Result<(), Error> {
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
        if depth > rules.max_depth {
            return Err(rules.too_deep());
        }
    }
    Ok(())
}
