//! What became of the cases in each host.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Host;
use crate::process::Failure;

/// The behaviours of each area, and what hosts do of them.
pub struct Behaviours {
    /// Names by area.
    pub areas: BTreeMap<String, Vec<String>>,
    pub hosts: Vec<Done>,
}

/// What one host does.
pub struct Done {
    pub title: String,
    pub passed: Vec<String>,
    /// Every other case, with the reason.
    pub failed: Vec<Known>,
}

/// A case that a host is known to fail.
#[derive(Clone)]
pub struct Known {
    pub case: String,
    pub reason: String,
    pub link: Option<String>,
}

/// What the judge writes has more fields.
#[derive(Deserialize)]
struct Report {
    results: Vec<CaseResult>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct CaseResult {
    case: String,
    area: String,
    is_expected: bool,
    /// Why it is expected to fail.
    reason: Option<String>,
    link: Option<String>,
}

pub fn results_path(workspace: &Path, host: &Host) -> PathBuf {
    workspace.join("target/conformance").join(&host.name).with_extension("json")
}

impl Behaviours {
    pub fn read(workspace: &Path, hosts: &[Host]) -> Result<Self, Failure> {
        let names = names(&workspace.join("tests/conformance/cases"))?;
        let mut areas = BTreeMap::<String, Vec<String>>::new();
        let mut done = Vec::new();
        for host in hosts {
            let results = results(workspace, host, &names)?;
            if areas.is_empty() {
                for CaseResult { case, area, .. } in &results {
                    areas.entry(area.clone()).or_default().push(case.clone());
                }
            }
            done.push(of_host(host, results)?);
        }
        Ok(Behaviours { areas, hosts: done })
    }
}

/// The names of all cases, in order.
fn names(cases: &Path) -> Result<Vec<String>, Failure> {
    let told = |error| format!("cannot list {}: {error}", cases.display());
    let entries: Result<Vec<_>, _> = fs::read_dir(cases).map_err(told)?.collect();
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<_> = entries.map_err(told)?.into_iter().map(name).collect();
    names.sort();
    Ok(names)
}

fn results(workspace: &Path, host: &Host, names: &[String]) -> Result<Vec<CaseResult>, Failure> {
    let path = results_path(workspace, host);
    if !path.exists() {
        return Err(format!("there are no results of {}: {}", host.name, advice(host)).into());
    }
    let Report { results } = read(&path)?;
    let mut played: Vec<_> = results.iter().map(|result| &result.case).collect();
    played.sort();
    if !played.into_iter().eq(names) {
        let name = &host.name;
        return Err(format!("the results of {name} are of other cases: {}", advice(host)).into());
    }
    Ok(results)
}

fn of_host(host: &Host, results: Vec<CaseResult>) -> Result<Done, Failure> {
    let (mut passed, mut failed) = (Vec::new(), Vec::new());
    for CaseResult { case, is_expected, reason, link, .. } in results {
        if !is_expected {
            let (name, advice) = (&host.name, advice(host));
            return Err(format!("{case} did not end as expected of {name}: {advice}").into());
        }
        match reason {
            None => passed.push(case),
            Some(reason) => failed.push(Known { case, reason, link }),
        }
    }
    Ok(Done { title: host.title.clone(), passed, failed })
}

fn advice(host: &Host) -> String {
    format!("run `cargo xtask hosts {}`", host.name)
}

pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let told = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", path.display());
    let text = fs::read(path).map_err(|error| told(&error))?;
    Ok(serde_json::from_slice(&text).map_err(|error| told(&error))?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A directory with these cases, and these results of the host `a`.
    fn read_of(cases: &[&str], results: &serde_json::Value) -> Result<Behaviours, String> {
        let workspace = tempfile::tempdir().unwrap();
        for case in cases {
            fs::create_dir_all(workspace.path().join("tests/conformance/cases").join(case))
                .unwrap();
        }
        let directory = workspace.path().join("target/conformance");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("a.json"), json!({"results": results}).to_string()).unwrap();
        let host = Host { name: "a".into(), title: "A".into(), package: None, player: None };
        Behaviours::read(workspace.path(), &[host]).map_err(|failure| failure.to_string())
    }

    #[test]
    fn results_are_of_the_cases_that_there_are_and_as_expected() {
        let row = |case: &str| json!({"case": case, "area": "Files", "is-expected": true});
        let mut known = row("b");
        known["reason"] = json!("a call blocks");
        let read = read_of(&["a", "b"], &json!([row("a"), known])).unwrap();
        assert_eq!(read.areas["Files"], ["a", "b"]);
        assert_eq!(read.hosts[0].passed, ["a"]);
        assert_eq!(read.hosts[0].failed[0].reason, "a call blocks");
        let told = |cases: &[&str], row| read_of(cases, &json!([row])).err().unwrap();
        assert!(told(&["a", "b"], row("a")).contains("are of other cases"));
        let mut other = row("a");
        other["is-expected"] = json!(false);
        assert!(told(&["a"], other).contains("did not end as expected of a"));
    }
}
