//! The results of a host, from which the support table is made.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::case::Case;
use crate::exceptions::Exception;
use crate::play::{Played, Verdict};

#[derive(Default)]
pub struct Results(Mutex<BTreeMap<String, CaseResult>>);

#[derive(Serialize)]
struct Report<'a> {
    host: &'a str,
    versions: &'a Map<String, Value>,
    results: Vec<&'a CaseResult>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct CaseResult {
    case: String,
    area: String,
    outcome: Verdict,
    detail: Option<String>,
    is_expected: bool,
    /// Why the host is known to fail the case.
    reason: Option<String>,
    link: Option<String>,
    #[serde(skip)]
    versions: Map<String, Value>,
}

impl Results {
    pub fn add(&self, case: &Case, played: Played, known: Option<&Exception>, is_expected: bool) {
        let Played { verdict, detail, versions } = played;
        let result = CaseResult {
            case: case.name.clone(),
            area: case.area.clone(),
            outcome: verdict,
            detail,
            is_expected,
            reason: known.map(|known| known.reason.clone()),
            link: known.and_then(|known| known.link.clone()),
            versions,
        };
        self.lock().insert(case.name.clone(), result);
    }

    pub fn count(&self) -> usize {
        self.lock().len()
    }

    pub fn write(&self, host: &str, directory: &Path) -> Result<PathBuf, String> {
        let played = self.lock();
        let none = Map::new();
        let versions = played.values().map(|result| &result.versions);
        let versions = versions.max_by_key(|versions| versions.len()).unwrap_or(&none);
        let report = Report { host, versions, results: played.values().collect() };
        let path = directory.join(format!("{host}.json"));
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = serde_json::to_string_pretty(&report).map_err(|error| told(&error))?;
        fs::create_dir_all(directory).map_err(|error| told(&error))?;
        fs::write(&path, text + "\n").map_err(|error| told(&error))?;
        Ok(path)
    }

    /// A case that panicked has added nothing.
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, CaseResult>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
