//! What a case expects of a value.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::text::{Bytes, Text};

#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub enum Pattern {
    Null,
    Equal(Value),
    List(Vec<Pattern>),
    Record(BTreeMap<String, Pattern>),
    Any,
    Text(String),
    Contains(Vec<String>),
    Matches(Whole),
    Json(Value),
    Range { at_least: Option<f64>, at_most: Option<f64> },
    OneOf(Vec<Pattern>),
}

/// A pattern for the content of a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub enum Content {
    Text(Pattern),
    Bytes(Vec<u8>),
}

/// A regular expression that matches a text as a whole.
#[derive(Clone, Debug)]
pub struct Whole {
    regex: Regex,
    pub shown: String,
}

impl Whole {
    pub fn new(expression: &str) -> Result<Self, String> {
        let bad = |error| format!("this is no regular expression: {expression}: {error}");
        let regex = Regex::new(&format!(r"(?s)\A(?:{expression})\z")).map_err(bad)?;
        Ok(Whole { regex, shown: expression.to_owned() })
    }

    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl TryFrom<Value> for Pattern {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        Ok(match value {
            Value::Null => Pattern::Null,
            Value::Array(items) => {
                Pattern::List(items.into_iter().map(Pattern::try_from).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) if fields.keys().any(|name| name.starts_with('$')) => {
                matcher(fields)?
            }
            Value::Object(fields) => {
                let fields = fields
                    .into_iter()
                    .map(|(name, value)| Pattern::try_from(value).map(|pattern| (name, pattern)));
                Pattern::Record(fields.collect::<Result<_, _>>()?)
            }
            scalar => Pattern::Equal(scalar),
        })
    }
}

/// Reads an object whose fields say how to compare.
fn matcher(mut fields: Map<String, Value>) -> Result<Pattern, String> {
    let mut take = |name: &str| fields.remove(name);
    let pattern = if let Some(value) = take("$any") {
        (value == true).then_some(Pattern::Any).ok_or("$any is true or not there")?
    } else if let Some(value) = take("$text") {
        Pattern::Text(Text::try_from(value)?.0)
    } else if let Some(value) = take("$contains") {
        let texts = if value.is_array() { value } else { Value::Array(vec![value]) };
        let bad = |error| format!("$contains takes texts: {error}");
        Pattern::Contains(serde_json::from_value(texts).map_err(bad)?)
    } else if let Some(value) = take("$matches") {
        Pattern::Matches(Whole::new(value.as_str().ok_or("$matches takes a regular expression")?)?)
    } else if let Some(value) = take("$json") {
        Pattern::Json(value)
    } else if let Some(value) = take("$one-of") {
        let why = take("why");
        why.as_ref().and_then(Value::as_str).ok_or("$one-of needs its reason in `why`")?;
        match Pattern::try_from(value)? {
            Pattern::List(patterns) => Pattern::OneOf(patterns),
            _ => return Err(String::from("$one-of takes a list")),
        }
    } else {
        let mut bound = |name: &str| {
            let bad = || format!("{name} takes a number");
            take(name).map(|bound| bound.as_f64().ok_or_else(bad)).transpose()
        };
        Pattern::Range { at_least: bound("$at-least")?, at_most: bound("$at-most")? }
    };
    match fields.keys().next() {
        None => Ok(pattern),
        Some(name) => Err(format!("there is no such matcher, or not beside another one: {name}")),
    }
}

impl Pattern {
    /// Compares, and says where the first difference is.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        self.compare(value, &mut String::new())
    }

    fn compare(&self, value: &Value, at: &mut String) -> Result<(), String> {
        let text = || value.as_str().unwrap_or_default();
        let is_match = match self {
            Pattern::Record(fields) => return compare_fields(fields, value, at),
            Pattern::List(patterns) => return compare_items(patterns, value, at),
            Pattern::Null => value.is_null(),
            Pattern::Any => !value.is_null(),
            Pattern::Equal(expected) => is_same(expected, value),
            Pattern::Text(expected) => value.is_string() && text() == expected,
            Pattern::Contains(parts) => {
                value.is_string() && parts.iter().all(|part| text().contains(part.as_str()))
            }
            Pattern::Matches(whole) => value.is_string() && whole.is_match(text()),
            Pattern::Json(expected) => {
                serde_json::from_str(text()).is_ok_and(|found| is_same(expected, &found))
            }
            Pattern::Range { at_least, at_most } => value.as_f64().is_some_and(|number| {
                at_least.is_none_or(|bound| number >= bound)
                    && at_most.is_none_or(|bound| number <= bound)
            }),
            Pattern::OneOf(patterns) => {
                patterns.iter().any(|pattern| pattern.compare(value, &mut at.clone()).is_ok())
            }
        };
        if is_match {
            return Ok(());
        }
        let place = if at.is_empty() { String::new() } else { format!("{at}: ") };
        Err(format!("{place}{}, found {}", self.wanted(), short(&value.to_string())))
    }

    fn wanted(&self) -> String {
        match self {
            Pattern::Null => String::from("expected nothing"),
            Pattern::Any => String::from("expected anything"),
            Pattern::Equal(value) => format!("expected {}", short(&value.to_string())),
            Pattern::Text(text) => format!("expected {}", short(&format!("{text:?}"))),
            Pattern::Contains(parts) => format!("expected a text with {parts:?}"),
            Pattern::Matches(whole) => format!("expected a match of {}", whole.shown),
            Pattern::Json(value) => format!("expected the JSON {}", short(&value.to_string())),
            Pattern::Range { at_least, at_most } => {
                format!("expected a number from {at_least:?} to {at_most:?}")
            }
            Pattern::OneOf(patterns) => {
                let wanted: Vec<_> = patterns.iter().map(Pattern::wanted).collect();
                wanted.join(" or ")
            }
            Pattern::List(_) | Pattern::Record(_) => String::from("expected another value"),
        }
    }
}

fn compare_fields(
    fields: &BTreeMap<String, Pattern>,
    value: &Value,
    at: &mut String,
) -> Result<(), String> {
    if !value.is_object() {
        return Err(format!("{at}: expected a record, found {}", short(&value.to_string())));
    }
    fields.iter().try_for_each(|(name, pattern)| {
        within(at, name, |at| pattern.compare(value.get(name).unwrap_or(&Value::Null), at))
    })
}

fn compare_items(patterns: &[Pattern], value: &Value, at: &mut String) -> Result<(), String> {
    let wanted = format!("expected a list of {}", patterns.len());
    let items = value.as_array().filter(|items| items.len() == patterns.len());
    let items =
        items.ok_or_else(|| format!("{at}: {wanted}, found {}", short(&value.to_string())))?;
    patterns.iter().zip(items).enumerate().try_for_each(|(number, (pattern, item))| {
        within(at, &number.to_string(), |at| pattern.compare(item, at))
    })
}

fn within<T>(at: &mut String, name: &str, work: impl FnOnce(&mut String) -> T) -> T {
    let length = at.len();
    if length > 0 {
        at.push('.');
    }
    at.push_str(name);
    let outcome = work(at);
    at.truncate(length);
    outcome
}

/// Whether two JSON values are the same; 1 and 1.0 are.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| is_same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// A text that fits in a message.
pub fn short(text: &str) -> String {
    const CHARS_MAX: usize = 300;
    match text.char_indices().nth(CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
    }
}

impl TryFrom<Value> for Content {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value.get("hex") {
            Some(_) => Ok(Content::Bytes(Bytes::try_from(value)?.0)),
            None => Pattern::try_from(value).map(Content::Text),
        }
    }
}

impl Content {
    pub fn check(&self, bytes: &[u8]) -> Result<(), String> {
        match self {
            Content::Bytes(expected) if expected == bytes => Ok(()),
            Content::Bytes(_) => Err(format!("other bytes: {}", String::from_utf8_lossy(bytes))),
            Content::Text(pattern) => match std::str::from_utf8(bytes) {
                Ok(text) => pattern.check(&Value::String(text.to_owned())),
                Err(error) => Err(format!("the content is no text: {error}")),
            },
        }
    }
}
