//! Plays the conformance cases through the Rust library: a test for each case and each world.

mod blocking;
mod call;
mod case;
mod concurrent;
mod expected;
mod files;
mod host;
mod outcome;
mod pattern;
mod player;
mod results;
mod self_tests;
mod text;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use case::Case;
use expected::Expected;
use host::Kind;
use results::Results;

const HOSTS: [Kind; 2] = [concurrent::RUST, blocking::RUST_BLOCKING];

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, String> {
    // The limit of a case is none of a compiler.
    tandem_host::testing::load_component().map_err(|error| error.to_string())?;
    tandem_tests::blocking::load_component();
    let workspace = workspace();
    let directory = workspace.join("tests/conformance");
    let cases: Vec<_> =
        Case::read_all(&directory.join("cases"))?.into_iter().map(Arc::new).collect();
    let mut trials = self_tests::trials();
    let versions = results::versions(&workspace)?;
    let mut all_results = Vec::new();
    for host in HOSTS {
        let expected = Expected::read(&directory.join(format!("expected/{}.json", host.name)))?;
        expected.must_exist(&cases).map_err(|error| format!("{}: {error}", host.name))?;
        let results = Arc::new(Results::default());
        trials.extend(trials_of(host, &cases, Arc::new(expected), &results));
        all_results.push((host, results));
    }
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    for (host, results) in all_results {
        // Results of a part of the cases would not make a table.
        if results.count() == cases.len() {
            let path =
                results.write(host.name, &versions, &workspace.join("target/conformance"))?;
            println!("results: {}", path.display());
        }
    }
    Ok(conclusion.exit_code())
}

fn trials_of(
    host: Kind,
    cases: &[Arc<Case>],
    expected: Arc<Expected>,
    results: &Arc<Results>,
) -> Vec<Trial> {
    let trial = |case: &Arc<Case>| {
        let name = format!("{}::{}", host.name, case.name);
        let kind = if expected.is_listed(&case.name) { "expected to fail" } else { "" };
        let (case, expected, results) = (case.clone(), expected.clone(), results.clone());
        let play = move || {
            let played = player::play(host, &case, player::LIMIT);
            let judged = expected.judge(&case.name, &played);
            results.add(&case.name, played);
            judged.map_err(|error| format!("{}\n{error}", case.about).into())
        };
        Trial::test(name, play).with_kind(kind)
    };
    cases.iter().map(trial).collect()
}

fn workspace() -> PathBuf {
    let host = Path::new(env!("CARGO_MANIFEST_DIR"));
    host.parent().unwrap_or(host).to_owned()
}
