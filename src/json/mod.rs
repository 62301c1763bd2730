//! JSON as text: checked, indented and taken apart without a tree and in as few passes as can be, so
//! that the order of keys and the text of numbers and strings stay what the caller wrote.

mod bytes;
pub mod check;
mod indented;
pub mod scan;

use serde::de::IgnoredAny;

use crate::error::{Channel, Error};
use check::{Depth, Stop};
pub use indented::Indented;
use scan::is_object;

/// The deepest nesting of a file.
pub const MAX_DEPTH: usize = 128;

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

    /// What [`indent`] or [`Indented`] made, as a text.
    ///
    /// # Errors
    /// [`Error::InvalidInput`], but by a fault of theirs alone.
    pub fn text<'a>(&self, made: &'a [u8]) -> Result<&'a str, Error> {
        let is_ours = |_| self.invalid("was made no valid Unicode, which is a fault of Tandem");
        std::str::from_utf8(made).map_err(is_ours)
    }

    fn too_large(&self, what: &'static str, bytes: usize) -> Error {
        let Rules { channel, option, max_bytes, .. } = *self;
        Error::TooLarge { channel, what, option, path: None, bytes: bytes as u64, limit: max_bytes }
    }

    /// Why a text is refused. That it is no JSON object comes first, wherever it is none.
    fn refusal(&self, text: &str, stop: Stop, bytes: usize) -> Error {
        if stop == Stop::Invalid || check::text(text, &mut Depth::any()).is_err() {
            return self.invalid_json(text);
        }
        if !is_object(text) {
            return self.invalid("is no JSON object");
        }
        self.stopped(stop, bytes)
    }

    /// Why a valid text is refused, of which an indented one had so many bytes by then.
    pub fn stopped(&self, stop: Stop, bytes: usize) -> Error {
        match stop {
            Stop::Invalid => self.invalid("is no valid JSON"),
            Stop::TooDeep => self.invalid(&format!("nests deeper than {} levels", self.max_depth)),
            Stop::TooLarge => self.too_large(self.indented, bytes),
        }
    }

    fn invalid_json(&self, text: &str) -> Error {
        match serde_json::from_str::<IgnoredAny>(text) {
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                self.invalid(&format!("is no valid JSON: line {line}, column {column}"))
            }
            Ok(_) => self.stopped(Stop::Invalid, 0),
        }
    }

    fn check_size(&self, text: &str) -> Result<(), Error> {
        if text.len() as u64 > self.max_bytes {
            return Err(self.too_large(self.what, text.len()));
        }
        Ok(())
    }
}

/// Checks the size, then that the text is a JSON object that nests as deep as it may.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::InvalidInput`].
pub fn check_object(text: &str, rules: &Rules) -> Result<(), Error> {
    rules.check_size(text)?;
    let checked = check::text(text, &mut Depth { max: rules.max_depth });
    match checked {
        Ok(()) if is_object(text) => Ok(()),
        Ok(()) => Err(rules.invalid("is no JSON object")),
        Err(stop) => Err(rules.refusal(text, stop, 0)),
    }
}

/// A text without the byte order mark that some programs write before it.
pub fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{FEFF}').unwrap_or(text)
}

/// Whether a text is valid JSON.
pub fn is_valid(text: &str) -> bool {
    check::text(text, &mut Depth::any()).is_ok()
}

/// Checks a text as [`check_object`] does, and indents it by two spaces, with `end` behind it. Bounded
/// by the limit, because deep nesting multiplies the size.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::InvalidInput`].
pub fn indent(text: &str, rules: &Rules, end: &str) -> Result<Vec<u8>, Error> {
    rules.check_size(text)?;
    let mut indented = Indented::new(text.len() + text.len() / 2, rules.max_bytes, rules.max_depth);
    let result = check::text(text, &mut indented).and_then(|()| indented.finish(end));
    match result {
        Ok(result) if is_object(text) => Ok(result),
        Ok(_) => Err(rules.invalid("is no JSON object")),
        Err(stop) => Err(rules.refusal(text, stop, indented.length())),
    }
}
