//! What the cases are, and what became of them in each host.

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

/// An expected failure.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    pub case: String,
    pub reason: String,
    /// What the detail of the failure contains.
    pub detail: String,
    pub link: Option<String>,
}

/// The format of cases has more fields; the adapters refuse what it does not have.
#[derive(Deserialize)]
struct Case {
    area: String,
}

#[derive(Deserialize)]
struct Report {
    results: Vec<CaseResult>,
}

#[derive(Deserialize)]
struct CaseResult {
    case: String,
    outcome: Outcome,
    detail: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Pass,
    Fail,
    Hang,
}

pub fn results_path(workspace: &Path, host: &Host) -> PathBuf {
    workspace.join("target/conformance").join(host.name).with_extension("json")
}

impl Behaviours {
    pub fn read(workspace: &Path, hosts: &[Host]) -> Result<Self, Failure> {
        let directory = workspace.join("tests/conformance");
        let areas = areas(&directory.join("cases"))?;
        let mut names: Vec<_> = areas.values().flatten().cloned().collect();
        names.sort();
        let done = |host| done(workspace, &directory, host, &names);
        let hosts = hosts.iter().map(done).collect::<Result<_, _>>()?;
        Ok(Behaviours { areas, hosts })
    }
}

fn areas(cases: &Path) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let told = |error| format!("cannot list {}: {error}", cases.display());
    let entries: Result<Vec<_>, _> = fs::read_dir(cases).map_err(told)?.collect();
    let mut areas = BTreeMap::<String, Vec<String>>::new();
    for entry in entries.map_err(told)? {
        let Case { area } = read(&entry.path().join("case.json"))?;
        areas.entry(area).or_default().push(entry.file_name().to_string_lossy().into_owned());
    }
    Ok(areas)
}

fn done(
    workspace: &Path,
    directory: &Path,
    host: &Host,
    names: &[String],
) -> Result<Done, Failure> {
    let advice = format!("run `cargo xtask hosts {}`", host.name);
    let path = results_path(workspace, host);
    if !path.exists() {
        return Err(format!("there are no results of {}: {advice}", host.name).into());
    }
    let Report { results } = read(&path)?;
    let mut played: Vec<_> = results.iter().map(|result| &result.case).collect();
    played.sort();
    if !played.iter().copied().eq(names) {
        return Err(format!("the results of {} are of other cases: {advice}", host.name).into());
    }
    let known: Vec<Known> =
        read(&directory.join("expected").join(host.name).with_extension("json"))?;
    let (mut passed, mut failed) = (Vec::new(), Vec::new());
    for CaseResult { case, outcome, detail } in results {
        let detail = detail.unwrap_or_default();
        match (outcome, known.iter().find(|known| known.case == case)) {
            (Outcome::Pass, None) => passed.push(case),
            (Outcome::Fail, Some(known)) if detail.contains(&known.detail) => {
                failed.push(known.clone());
            }
            _ => {
                let name = host.name;
                return Err(format!("{case} did not end as expected of {name}: {advice}").into());
            }
        }
    }
    Ok(Done { title: host.title.to_owned(), passed, failed })
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let told = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", path.display());
    let text = fs::read(path).map_err(|error| told(&error))?;
    Ok(serde_json::from_slice(&text).map_err(|error| told(&error))?)
}
