//! What hosts are known not to do.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::case::Case;
use crate::host::Host;
use crate::play::{Played, Verdict};

/// Cases that some hosts fail for one reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    pub reason: String,
    /// What the detail of the failure contains, so that it is this failure and no other.
    detail: String,
    /// Where the limit is documented or discussed.
    pub link: Option<String>,
    hosts: Vec<String>,
    cases: Vec<String>,
}

#[derive(Debug, Default)]
pub struct Exceptions(Vec<Exception>);

impl Exceptions {
    pub fn read(path: &Path) -> Result<Self, String> {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| told(&error))?;
        let list: Vec<Exception> = serde_json::from_str(&text).map_err(|error| told(&error))?;
        let mut pairs = Vec::new();
        for exception in &list {
            if exception.reason.is_empty() || exception.detail.is_empty() {
                return Err(told(&"an exception has no reason or no detail"));
            }
            for host in &exception.hosts {
                for case in &exception.cases {
                    if pairs.contains(&(host, case)) {
                        return Err(told(&format_args!("{case} is listed twice for {host}")));
                    }
                    pairs.push((host, case));
                }
            }
        }
        Ok(Exceptions(list))
    }

    /// What is listed and does not exist would be forgotten for ever.
    pub fn must_exist(&self, hosts: &[Host], cases: &[impl AsRef<Case>]) -> Result<(), String> {
        for Exception { hosts: listed_hosts, cases: listed_cases, .. } in &self.0 {
            let is_host = |name: &&String| !hosts.iter().any(|host| host.name == **name);
            if let Some(name) = listed_hosts.iter().find(is_host) {
                return Err(format!("an exception names no host: {name}"));
            }
            let is_case = |name: &&String| !cases.iter().any(|case| case.as_ref().name == **name);
            if let Some(name) = listed_cases.iter().find(is_case) {
                return Err(format!("an exception names no case: {name}"));
            }
        }
        Ok(())
    }

    pub fn of(&self, host: &str, case: &str) -> Option<&Exception> {
        let is_in = |list: &[String], name: &str| list.iter().any(|listed| listed == name);
        self.0.iter().find(|it| is_in(&it.hosts, host) && is_in(&it.cases, case))
    }

    /// Whether a case came out as this list says.
    pub fn judge(&self, host: &str, case: &str, played: &Played) -> Result<(), String> {
        let Played { verdict, detail, .. } = played;
        let detail = detail.as_deref().unwrap_or_default();
        match (verdict, self.of(host, case)) {
            (Verdict::Pass, None) => Ok(()),
            (Verdict::Fail, Some(known)) if detail.contains(&known.detail) => Ok(()),
            (Verdict::Pass, Some(known)) => {
                Err(format!("it passes, take it off the exceptions: {}", known.reason))
            }
            (verdict, Some(known)) => {
                Err(format!("{verdict:?}, and not by `{}`: {detail}", known.detail))
            }
            (verdict, None) => Err(format!("{verdict:?}: {detail}")),
        }
    }
}
