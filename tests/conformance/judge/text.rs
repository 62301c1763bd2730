//! Texts of a case, which may say how to build one.

use serde::Deserialize;
use serde_json::Value;

/// A text, built.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub struct Text(pub String);

/// The content of a file, built.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub struct Bytes(pub Vec<u8>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeat {
    repeat: Text,
    times: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Concat {
    concat: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hex {
    hex: String,
}

impl TryFrom<Value> for Text {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let bad = |error| format!("this is no text: {error}");
        match value {
            Value::String(text) => Ok(Text(text)),
            Value::Object(ref fields) if fields.contains_key("repeat") => {
                let Repeat { repeat, times } = serde_json::from_value(value).map_err(bad)?;
                Ok(Text(repeat.0.repeat(times)))
            }
            other => {
                let Concat { concat } = serde_json::from_value(other).map_err(bad)?;
                Ok(Text(concat.into_iter().map(|text| text.0).collect()))
            }
        }
    }
}

impl TryFrom<Value> for Bytes {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        if value.get("hex").is_none() {
            return Ok(Bytes(Text::try_from(value)?.0.into_bytes()));
        }
        let Hex { hex } = serde_json::from_value(value)
            .map_err(|error| format!("these are no bytes: {error}"))?;
        let digits: Option<Vec<u8>> = hex
            .chars()
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        match digits {
            Some(digits) if digits.len() % 2 == 0 => {
                Ok(Bytes(digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()))
            }
            _ => Err(format!("these are no bytes: {hex}")),
        }
    }
}
