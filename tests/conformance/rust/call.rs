//! Calls of the WIT as data, and what is expected of them.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::{Map, Value};
use tandem_host::{HistoryOptions, RecordOptions, RemoveOptions, Request, RunOptions};

use crate::pattern::Pattern;
use crate::text::Text;

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Call {
    Open {
        run: String,
        #[serde(deserialize_with = "options")]
        options: RunOptions,
    },
    Set {
        run: String,
        document: Text,
    },
    Merge {
        run: String,
        patch: Text,
    },
    Mark {
        run: String,
        request: Request,
    },
    Schedule {
        run: String,
        request: Request,
    },
    Flush {
        run: String,
    },
    Close {
        run: String,
    },
    Drop {
        run: String,
    },
    Stats {
        run: String,
    },
    RecordRun {
        summary: Text,
        #[serde(deserialize_with = "options")]
        options: RecordOptions,
    },
    RemoveRuns {
        runs: Vec<String>,
        #[serde(deserialize_with = "options")]
        options: RemoveOptions,
    },
    History {
        #[serde(deserialize_with = "options")]
        options: HistoryOptions,
    },
}

/// What a call came to. Values have the names of the WIT.
#[derive(Debug)]
pub enum Outcome {
    Ok(Value),
    Error(Value),
    /// Only of a host whose calls block.
    Again(Value),
    /// Anything that the WIT does not know.
    Broken(String),
}

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

impl Call {
    pub const NAMES: [&str; 12] = [
        "open",
        "set",
        "merge",
        "mark",
        "schedule",
        "flush",
        "close",
        "drop",
        "stats",
        "record-run",
        "remove-runs",
        "history",
    ];
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
    pub fn read(mut fields: Map<String, Value>) -> Result<Self, serde_json::Error> {
        let expect = fields.remove("expect").map(serde_json::from_value).transpose()?;
        let call = serde_json::from_value(Value::Object(fields))?;
        Ok(Expected { call, expect: expect.unwrap_or_default() })
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

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Ok(value) => write!(f, "it succeeded with {value}"),
            Outcome::Error(value) => write!(f, "it failed with {value}"),
            Outcome::Again(value) => write!(f, "it asks to be called again: {value}"),
            Outcome::Broken(reason) => write!(f, "it broke: {reason}"),
        }
    }
}

/// Options of the library, which have the names of the WIT in another spelling.
fn options<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    let fields = Map::deserialize(deserializer)?;
    // The library has other names for these, too.
    if let Some(name) = fields.keys().find(|name| {
        name.contains('_') || !name.contains('-') && !["limit", "sweep"].contains(&&***name)
    }) {
        return Err(D::Error::custom(format!("unknown option `{name}`")));
    }
    let fields = fields.into_iter().map(|(name, value)| (name.replace('-', "_"), value)).collect();
    serde_json::from_value(Value::Object(fields)).map_err(D::Error::custom)
}
