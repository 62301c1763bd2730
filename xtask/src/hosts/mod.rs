//! `cargo xtask hosts`: sets up each host, has the judge of tests/conformance play the cases in it,
//! and makes the support table from the results.

mod cases;
mod readme;
mod run;
mod table;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};

use serde::Deserialize;

use crate::process::{self, Failure, say, workspace};
use crate::setup;
use cases::Behaviours;
use run::Package;

/// A host of the component. What the judge knows of it has more fields.
#[derive(Clone, Deserialize)]
pub struct Host {
    /// The name of its results.
    pub name: String,
    /// What the table calls it.
    pub title: String,
    /// What is set up and tested before, if it needs anything.
    pub package: Option<Package>,
    /// The program that plays it; none if the judge does so itself, as it does in every run of the tests.
    pub player: Option<Vec<String>>,
}

const LIST: &str = "tests/conformance/hosts.json";

const HELP: &str = "\
Usage: cargo xtask hosts [--write] [--others | HOST ...]

Sets up each host, or the named ones, runs the tests of its package, and plays the conformance cases
of tests/conformance in it. After all of them the support table in README.md must be what their
results say.

Arguments:
  HOST     One of those that tests/conformance/hosts.json lists; the table is left alone then
  --others Those that `cargo xtask test` leaves out; the table must be what their results say, and
           the last ones of the rest
  --write  Write the table, with the last results of the hosts that are not named
  --help   Print this

Exit codes: 0 if all is as expected; 1 if not; 2 if this command line is wrong.
";

struct Arguments {
    chosen: Vec<Host>,
    /// Whether the table must be what the results say.
    is_whole: bool,
    is_write: bool,
    is_help: bool,
}

pub fn run(arguments: &[OsString]) -> Result<u8, Failure> {
    let workspace = workspace()?;
    let hosts: Vec<Host> = cases::read(&workspace.join(LIST))?;
    let Arguments { chosen, is_whole, is_write, is_help } = parse(arguments, &hosts)?;
    if is_help {
        return say(HELP.trim_end()).map(|()| 0);
    }
    setup::ensure()?;
    let failed = try_all(&chosen, &workspace)?;
    if !failed.is_empty() {
        return Err(format!("not all is well in {}", failed.join(", ")).into());
    }
    if is_whole || is_write {
        let table = table::render(&Behaviours::read(&workspace, &hosts)?);
        readme::update(&workspace.join("README.md"), &table, is_write)?;
    }
    Ok(0)
}

/// Tries one host after the other, and sets up what the next ones need meanwhile. Tells which ones
/// failed.
fn try_all<'h>(hosts: &'h [Host], workspace: &Path) -> Result<Vec<&'h str>, Failure> {
    let mut failed = Vec::new();
    std::thread::scope(|scope| {
        let (teller, mut prepared) = Prepared::new();
        scope.spawn(move || prepare(hosts, workspace, &teller));
        for host in hosts {
            say(format_args!("\n== {}", host.title))?;
            // What an earlier run left says nothing of this one.
            let _ = std::fs::remove_file(cases::results_path(workspace, host));
            let is_ready = host.package.map_or(Ok(()), |package| prepared.wait_for(package, host));
            if let Err(failure) = is_ready.and_then(|()| run::judge(&host.name)) {
                failure.report();
                failed.push(&*host.name);
            }
        }
        Ok(failed)
    })
}

/// What became of a package, and what its tests printed.
type Told = (Package, Result<(), Failure>, Vec<u8>);

/// Sets up what hosts need, each package once, and runs its tests.
fn prepare(hosts: &[Host], workspace: &Path, teller: &Sender<Told>) {
    let mut done = Vec::new();
    for package in hosts.iter().filter_map(|host| host.package) {
        if done.contains(&package) {
            continue;
        }
        let mut printed = Vec::new();
        let outcome = run::package(package, workspace, &mut printed);
        done.push(package);
        if teller.send((package, outcome, printed)).is_err() {
            return;
        }
    }
}

/// The packages that are set up.
struct Prepared {
    told: Receiver<Told>,
    /// Whether each of them is well.
    known: Vec<(Package, bool)>,
}

impl Prepared {
    fn new() -> (Sender<Told>, Self) {
        let (teller, told) = mpsc::channel();
        (teller, Prepared { told, known: Vec::new() })
    }

    /// Waits until a package is set up, and prints what its tests did.
    fn wait_for(&mut self, wanted: Package, host: &Host) -> Result<(), Failure> {
        loop {
            match self.known.iter().find(|(package, _)| *package == wanted) {
                Some((_, true)) => return Ok(()),
                Some((_, false)) => {
                    return Err(format!("the package of {} is not well", host.name).into());
                }
                None => say("waiting until its package is set up and tested")?,
            }
            let Ok((package, outcome, printed)) = self.told.recv() else {
                return Err(format!("nobody has set up the package of {}", host.name).into());
            };
            self.known.push((package, outcome.is_ok()));
            std::io::stdout().write_all(&printed).map_err(process::no_output)?;
            match outcome {
                Err(failure) if package == wanted => return Err(failure),
                Err(failure) => drop(failure.report()),
                Ok(()) => {}
            }
        }
    }
}

fn parse(arguments: &[OsString], hosts: &[Host]) -> Result<Arguments, Failure> {
    let mut given =
        Arguments { chosen: Vec::new(), is_whole: false, is_write: false, is_help: false };
    let mut are_others = false;
    for argument in arguments {
        match argument.to_str() {
            Some("--help" | "-h") => given.is_help = true,
            Some("--write") => given.is_write = true,
            Some("--others") => are_others = true,
            name => match hosts.iter().find(|host| Some(&*host.name) == name) {
                Some(host) => given.chosen.push(host.clone()),
                None => {
                    let names: Vec<_> = hosts.iter().map(|host| &*host.name).collect();
                    let (argument, names) = (argument.display(), names.join(", "));
                    return Err(Failure::usage(format!(
                        "there is no host {argument}: there are {names}"
                    )));
                }
            },
        }
    }
    if given.chosen.is_empty() {
        given.is_whole = true;
        given.chosen = hosts.to_vec();
        given.chosen.retain(|host| !are_others || host.player.is_some());
    } else if are_others {
        return Err(Failure::usage("--others goes with no host".to_owned()));
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Vec<Host> {
        let host = |name: &str, player: Option<&str>| Host {
            name: name.to_owned(),
            title: name.to_owned(),
            package: None,
            player: player.map(|player| vec![player.to_owned()]),
        };
        vec![host("rust", None), host("own", Some("./player"))]
    }

    fn chosen(arguments: &[&str]) -> Option<Vec<String>> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let given = parse(&arguments, &hosts()).ok()?;
        Some(given.chosen.into_iter().map(|host| host.name).collect())
    }

    #[test]
    fn the_others_are_those_that_the_judge_does_not_play_itself() {
        assert_eq!(chosen(&[]).unwrap(), ["rust", "own"]);
        assert_eq!(chosen(&["--others"]).unwrap(), ["own"]);
        assert_eq!(chosen(&["rust"]).unwrap(), ["rust"]);
        assert_eq!(chosen(&["--others", "rust"]), None);
    }
}
