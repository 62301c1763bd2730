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
    #[expect(dead_code, reason = "it is for readers, and for the table")]
    link: Option<String>,
}

/// Reasons by case.
#[derive(Debug, Default)]
pub struct Expected(BTreeMap<String, String>);

impl Expected {
    pub fn read(path: &Path) -> Result<Self, String> {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| told(&error))?;
        let entries: Vec<Entry> = serde_json::from_str(&text).map_err(|error| told(&error))?;
        let mut reasons = BTreeMap::new();
        for Entry { case, reason, .. } in entries {
            if reason.is_empty() || reasons.insert(case.clone(), reason).is_some() {
                return Err(told(&format_args!("one reason for each case, please: {case}")));
            }
        }
        Ok(Expected(reasons))
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
        match (verdict, self.0.get(case)) {
            (Verdict::Pass, None) | (Verdict::Fail | Verdict::Hang, Some(_)) => Ok(()),
            (Verdict::Pass, Some(reason)) => {
                Err(format!("it passes, take it off the expected failures: {reason}"))
            }
            (verdict, None) => {
                Err(format!("{verdict:?}: {}", detail.as_deref().unwrap_or_default()))
            }
        }
    }
}
