//! A behaviour as data: `tests/conformance/README.md` tells the format.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::{Map, Value};

use crate::call::Call;
use crate::expect::{Expect, Expected};
use crate::files::{Action, Entry};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    #[serde(skip)]
    pub name: String,
    pub about: String,
    pub rule: String,
    pub area: String,
    #[serde(default)]
    pub limits: CaseLimits,
    #[serde(default)]
    pub before: Vec<Action>,
    pub steps: Vec<Step>,
    pub after: Vec<Entry>,
}

/// What the component is told; those that are left out have their defaults.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct CaseLimits(pub Map<String, Value>);

impl TryFrom<Map<String, Value>> for CaseLimits {
    type Error = String;

    fn try_from(limits: Map<String, Value>) -> Result<Self, String> {
        let known = ["max-document-bytes", "max-total-document-bytes", "max-history-bytes"];
        match limits.iter().find(|(name, bytes)| !known.contains(&&***name) || !bytes.is_u64()) {
            None => Ok(CaseLimits(limits)),
            Some((name, bytes)) => Err(format!("there is no limit `{name}` of {bytes}")),
        }
    }
}

#[derive(Debug)]
pub enum Step {
    Call(Expected),
    Flight(Flight),
    Act(Action),
    Check(Vec<Entry>),
}

/// Calls at the same time.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Flight {
    Start {
        #[serde(rename = "as")]
        name: String,
        call: Call,
    },
    IsWaiting {
        calls: Vec<String>,
    },
    Await {
        call: String,
        #[serde(default)]
        expect: Expect,
    },
    Together {
        calls: Vec<Expected>,
    },
    WaitFor {
        files: Vec<Entry>,
    },
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
enum Check {
    Check { files: Vec<Entry> },
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        step(Map::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

fn step(fields: Map<String, Value>) -> Result<Step, String> {
    let name = fields.get("do").and_then(Value::as_str).unwrap_or_default();
    if Call::is_one(name) {
        return Expected::read(fields).map(Step::Call);
    }
    let is_flight = ["start", "is-waiting", "await", "together", "wait-for"].contains(&name);
    let is_check = name == "check";
    let value = Value::Object(fields);
    let step = if is_flight {
        serde_json::from_value(value).map(Step::Flight)
    } else if is_check {
        serde_json::from_value(value).map(|Check::Check { files }| Step::Check(files))
    } else {
        serde_json::from_value(value).map(Step::Act)
    };
    step.map_err(|error| error.to_string())
}

impl Case {
    /// Reads the case of one directory.
    pub fn read(directory: &Path) -> Result<Case, String> {
        let path = directory.join("case.json");
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| told(&error))?;
        let mut case: Case = serde_json::from_str(&text).map_err(|error| told(&error))?;
        let name = directory.file_name().unwrap_or_default().to_string_lossy();
        if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err(told(&"a name has small letters, digits and hyphens"));
        }
        if [&case.about, &case.rule, &case.area].iter().any(|text| text.is_empty()) {
            return Err(told(&"`about`, `rule` and `area` say something"));
        }
        case.name = name.into_owned();
        Ok(case)
    }

    /// Reads all cases, sorted by name.
    pub fn read_all(directory: &Path) -> Result<Vec<Case>, String> {
        let told = |error: std::io::Error| format!("{}: {error}", directory.display());
        let entries: Result<Vec<_>, _> = fs::read_dir(directory).map_err(told)?.collect();
        let mut paths: Vec<_> = entries.map_err(told)?.iter().map(fs::DirEntry::path).collect();
        paths.sort();
        paths.iter().map(|path| Case::read(path)).collect()
    }
}
