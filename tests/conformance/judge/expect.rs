//! What is expected of a call.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::{Map, Value};

use crate::call::Call;
use crate::outcome::Outcome;
use crate::pattern::Pattern;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub enum Expect {
    #[default]
    Success,
    Ok(Pattern),
    Error(Pattern),
    Again(Pattern),
}

/// A call and what is expected of it.
#[derive(Clone, Debug)]
pub struct Expected {
    pub call: Call,
    pub expect: Expect,
}

impl TryFrom<Map<String, Value>> for Expect {
    type Error = String;

    fn try_from(mut fields: Map<String, Value>) -> Result<Self, String> {
        let expects = [
            ("ok", Expect::Ok as fn(Pattern) -> Expect),
            ("error", Expect::Error),
            ("again", Expect::Again),
        ];
        for (name, expect) in expects {
            if let Some(pattern) = fields.remove(name) {
                return match fields.keys().next() {
                    None => Ok(expect(Pattern::try_from(pattern)?)),
                    Some(other) => Err(format!("`{other}` stands beside `{name}`")),
                };
            }
        }
        Err(String::from("expected one of `ok`, `error` and `again`"))
    }
}

impl Expected {
    pub fn read(mut fields: Map<String, Value>) -> Result<Self, String> {
        let expect = fields.remove("expect").map(serde_json::from_value).transpose();
        let expect = expect.map_err(|error| error.to_string())?.unwrap_or_default();
        Ok(Expected { call: Call::try_from(fields)?, expect })
    }
}

impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Expected::read(Map::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Expect {
    pub fn check(&self, outcome: &Outcome) -> Result<(), String> {
        match (self, outcome) {
            (Expect::Success, Outcome::Ok(_)) => Ok(()),
            (Expect::Ok(pattern), Outcome::Ok(value))
            | (Expect::Error(pattern), Outcome::Error(value))
            | (Expect::Again(pattern), Outcome::Again(value)) => pattern.check(value),
            (Expect::Success | Expect::Ok(_), other) => Err(format!("expected success, {other}")),
            (Expect::Error(_), other) => Err(format!("expected an error, {other}")),
            (Expect::Again(_), other) => Err(format!("expected to call again, {other}")),
        }
    }
}
