//! What a host is known not to do.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::case::Case;
use crate::player::{Played, Verdict};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    case: String,
    reason: String,
    /// What the detail of the failure contains, so that it is this failure and no other.
    detail: String,
    #[expect(dead_code, reason = "it is for readers, and for the table")]
    link: Option<String>,
}

/// Entries by case.
#[derive(Debug, Default)]
pub struct Expected(BTreeMap<String, Entry>);

impl Expected {
    pub fn read(path: &Path) -> Result<Self, String> {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| told(&error))?;
        let entries: Vec<Entry> = serde_json::from_str(&text).map_err(|error| told(&error))?;
        let mut by_case = BTreeMap::new();
        for entry in entries {
            let case = entry.case.clone();
            if entry.reason.is_empty() || entry.detail.is_empty() {
                return Err(told(&format_args!("no reason or no detail is given for {case}")));
            }
            if by_case.insert(case.clone(), entry).is_some() {
                return Err(told(&format_args!("there are two entries for {case}")));
            }
        }
        Ok(Expected(by_case))
    }

    /// A case that is listed and does not exist would be forgotten for ever.
    pub fn must_exist(&self, cases: &[impl AsRef<Case>]) -> Result<(), String> {
        let exists = |name: &String| cases.iter().any(|case| case.as_ref().name == *name);
        match self.0.keys().find(|name| !exists(name)) {
            None => Ok(()),
            Some(name) => Err(format!("an expected failure names no case: {name}")),
        }
    }

    pub fn is_listed(&self, case: &str) -> bool {
        self.0.contains_key(case)
    }

    /// Whether a case came out as this list says.
    pub fn judge(&self, case: &str, (verdict, detail): &Played) -> Result<(), String> {
        let detail = detail.as_deref().unwrap_or_default();
        match (verdict, self.0.get(case)) {
            (Verdict::Pass, None) => Ok(()),
            (Verdict::Fail, Some(known)) if detail.contains(&known.detail) => Ok(()),
            (Verdict::Pass, Some(known)) => {
                Err(format!("it passes, take it off the expected failures: {}", known.reason))
            }
            (verdict, Some(known)) => {
                Err(format!("{verdict:?}, and not by `{}`: {detail}", known.detail))
            }
            (verdict, None) => Err(format!("{verdict:?}: {detail}")),
        }
    }
}
