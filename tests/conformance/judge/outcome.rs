//! What a call came to, in the names of the WIT.

use std::fmt;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::host::{Calls, Host};

#[derive(Debug)]
pub enum Outcome {
    Ok(Value),
    Error(Value),
    /// Only of a host whose calls block.
    Again(Value),
    /// Anything that the WIT does not know.
    Broken(String),
}

/// What a player says of one call.
#[derive(Debug)]
pub struct Said {
    pub id: u64,
    value: What,
}

#[derive(Debug)]
enum What {
    Ok(Value),
    Error(Value),
    Broken(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSaid {
    id: u64,
    /// Null is a value too.
    #[serde(default, deserialize_with = "there")]
    ok: Option<Value>,
    error: Option<Value>,
    broken: Option<String>,
}

fn there<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Said {
    pub fn read(line: &str) -> Result<Said, String> {
        let bad = |error: &dyn fmt::Display| {
            let line = crate::pattern::short(line.trim_end());
            format!("the player says what is no outcome: {line}: {error}")
        };
        let RawSaid { id, ok, error, broken } =
            serde_json::from_str(line).map_err(|error| bad(&error))?;
        let value = match (ok, error, broken) {
            (Some(value), None, None) => What::Ok(value),
            (None, Some(error), None) => What::Error(error),
            (None, None, Some(reason)) => What::Broken(reason),
            _ => return Err(bad(&"it has one of `ok`, `error` and `broken`")),
        };
        Ok(Said { id, value })
    }

    /// What it is of a call of that name.
    pub fn outcome(self, host: &Host, call: &str) -> Result<Outcome, String> {
        let named = |value| host.names.value(value);
        Ok(match self.value {
            What::Broken(reason) => Outcome::Broken(reason),
            What::Ok(value) if host.calls == Calls::Block && call == "schedule" => {
                scheduled(named(value)?)
            }
            What::Ok(value) => Outcome::Ok(named(value)?),
            What::Error(error) => match named(error)? {
                error if error["kind"] == "component-failed" => Outcome::Broken(error.to_string()),
                error => Outcome::Error(error),
            },
        })
    }
}

/// A call that blocks writes what it may write now, and may ask to be called again.
fn scheduled(value: Value) -> Outcome {
    let Value::Object(mut fields) = value else {
        return Outcome::Broken(format!("`schedule` answers no record but {value}"));
    };
    match (fields.remove("receipt"), fields.remove("call-again-in-ms")) {
        (Some(receipt), None | Some(Value::Null)) => Outcome::Ok(receipt),
        (Some(receipt), Some(ms)) => Outcome::Again(json!({"in-ms": ms, "receipt": receipt})),
        (None, _) => Outcome::Broken(String::from("`schedule` answers no receipt")),
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Ok(value) => write!(f, "it succeeded with {value}"),
            Outcome::Error(value) => write!(f, "it failed with {value}"),
            Outcome::Again(value) => write!(f, "it asks to be called again: {value}"),
            Outcome::Broken(reason) => write!(f, "it broke: {reason}"),
        }
    }
}
