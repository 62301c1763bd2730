//! The results of a host, from which the support table is made.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::Serialize;

use crate::player::{Played, Verdict};

#[derive(Default)]
pub struct Results(Mutex<BTreeMap<String, Played>>);

#[derive(Serialize)]
struct Report<'a> {
    host: &'a str,
    versions: &'a BTreeMap<&'a str, String>,
    results: Vec<CaseResult<'a>>,
}

#[derive(Serialize)]
struct CaseResult<'a> {
    case: &'a str,
    outcome: &'a Verdict,
    detail: &'a Option<String>,
}

impl Results {
    pub fn add(&self, case: &str, played: Played) {
        self.lock().insert(case.to_owned(), played);
    }

    pub fn count(&self) -> usize {
        self.lock().len()
    }

    pub fn write(
        &self,
        host: &str,
        versions: &BTreeMap<&str, String>,
        directory: &Path,
    ) -> Result<PathBuf, String> {
        let played = self.lock();
        let results = played
            .iter()
            .map(|(case, (outcome, detail))| CaseResult { case, outcome, detail })
            .collect();
        let report = Report { host, versions, results };
        let path = directory.join(format!("{host}.json"));
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = serde_json::to_string_pretty(&report).map_err(|error| told(&error))?;
        fs::create_dir_all(directory).map_err(|error| told(&error))?;
        fs::write(&path, text + "\n").map_err(|error| told(&error))?;
        Ok(path)
    }

    /// A case that panicked has added nothing.
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Played>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// What the cases were played with.
pub fn versions(workspace: &Path) -> Result<BTreeMap<&'static str, String>, String> {
    let path = workspace.join("Cargo.lock");
    let lock = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let wasmtime = lock.split_once("\nname = \"wasmtime\"\nversion = \"");
    let wasmtime = wasmtime.and_then(|(_, rest)| rest.split_once('"')).map(|(version, _)| version);
    let wasmtime = wasmtime.ok_or_else(|| format!("{} has no wasmtime", path.display()))?;
    let library = env!("CARGO_PKG_VERSION").to_owned();
    Ok(BTreeMap::from([("tandem-host", library), ("wasmtime", wasmtime.to_owned())]))
}
