//! The judge: plays the conformance cases through the player of each host, a test for each case and
//! host. tests/conformance/README.md has the formats.

mod call;
mod case;
mod conversation;
mod exceptions;
mod expect;
mod files;
mod host;
mod outcome;
mod pattern;
mod play;
mod player;
mod players;
mod results;
mod self_tests;
mod spelling;
mod store;
mod text;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use tandem_tests::postgres::not_run;
use tandem_tests::workspace;

use case::Case;
use exceptions::Exceptions;
use host::Host;
use results::Results;
use store::Kind;

/// Names the hosts whose players are processes and which are to be played, with commas between them.
/// Those in this process always are.
const CHOSEN: &str = "TANDEM_HOSTS";

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
    let directory = workspace().join("tests/conformance");
    let cases: Vec<_> =
        Case::read_all(&directory.join("cases"))?.into_iter().map(Arc::new).collect();
    let hosts = Host::read_all(&directory.join("hosts.json"))?;
    let exceptions = Exceptions::read(&directory.join("exceptions.json"))?;
    exceptions.must_exist(&hosts, &cases)?;
    let exceptions = Arc::new(exceptions);
    let chosen = chosen(&hosts, &std::env::var(CHOSEN).unwrap_or_default())?;
    for host in &chosen {
        host.must_be_there(workspace())?;
    }
    players::load_components()?;

    let mut trials = self_tests::trials();
    let mut all_results = Vec::new();
    for host in chosen {
        let results = Arc::new(Results::default());
        trials.extend(trials_of(&host, &cases, &exceptions, &results));
        all_results.push((host, results));
    }
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    for (host, results) in all_results {
        // Results of a part of the cases would not make a table.
        if results.count() == cases.len() {
            let path = results.write(&host.name, &workspace().join("target/conformance"))?;
            println!("results: {}", path.display());
        }
    }
    Ok(conclusion.exit_code())
}

/// The hosts in this process, and those that are named. Which are left out is said in words.
fn chosen(hosts: &[Host], names: &str) -> Result<Vec<Host>, String> {
    let names: Vec<_> = names.split(',').filter(|name| !name.is_empty()).collect();
    if let Some(name) = names.iter().find(|name| hosts.iter().all(|host| host.name != **name)) {
        return Err(format!("{CHOSEN} names no host: {name}"));
    }
    let (chosen, others): (Vec<_>, Vec<_>) =
        hosts.iter().partition(|host| !host.is_process() || names.contains(&&*host.name));
    if !others.is_empty() && names.is_empty() {
        let others: Vec<_> = others.into_iter().map(|host| &*host.name).collect();
        println!("not played: {}; `cargo xtask hosts` sets them up", others.join(", "));
    }
    let is_there = |host: &&&Host| match host.store.and_then(Kind::is_missing) {
        Some(reason) => {
            not_run(&format!("{}: {reason}", host.name));
            false
        }
        None => true,
    };
    Ok(chosen.iter().filter(is_there).map(|host| Host::clone(host)).collect())
}

fn trials_of(
    host: &Host,
    cases: &[Arc<Case>],
    exceptions: &Arc<Exceptions>,
    results: &Arc<Results>,
) -> Vec<Trial> {
    let trial = |case: &Arc<Case>| {
        let name = format!("{}::{}", host.name, case.name);
        let is_known = exceptions.of(&host.name, &case.name).is_some();
        let kind = if is_known { "expected to fail" } else { "" };
        let (case, exceptions, results) = (case.clone(), exceptions.clone(), results.clone());
        let host = host.clone();
        let play = move || {
            let played = play::play(&host, workspace(), &case, play::LIMIT);
            let judged = exceptions.judge(&host.name, &case.name, &played);
            results.add(&case, played, exceptions.of(&host.name, &case.name), judged.is_ok());
            judged.map_err(|error| format!("{}\n{error}", case.about).into())
        };
        Trial::test(name, play).with_kind(kind)
    };
    cases.iter().map(trial).collect()
}
