//! `cargo xtask hosts`: plays the conformance cases in each host, and makes the support table from
//! the results.

mod cases;
mod readme;
mod run;
mod table;

use std::ffi::OsString;
use std::path::Path;

use crate::process::{Failure, say, workspace};
use crate::setup;
use cases::Behaviours;

/// A host of the component.
pub struct Host {
    /// The name of its files of expected failures and results.
    pub name: &'static str,
    /// What the table calls it.
    pub title: &'static str,
    /// Sets it up, runs its tests, and leaves the results in `target/conformance`.
    pub run: fn(&Path) -> Result<(), Failure>,
}

static HOSTS: [Host; 4] = [
    Host { name: "rust", title: "Rust", run: |_| run::rust("rust") },
    Host { name: "rust-blocking", title: "Rust, WASI 0.2", run: |_| run::rust("rust-blocking") },
    Host { name: "node", title: "Node", run: run::node },
    Host { name: "python", title: "Python, WASI 0.2", run: run::python },
];

const HELP: &str = "\
Usage: cargo xtask hosts [--write] [HOST ...]

Sets up each host, or the named ones, and runs its tests, among them the conformance cases of
tests/conformance. After all of them the support table in README.md must be what their results say.

Arguments:
  HOST     One of rust, rust-blocking, node, python; the table is left alone then
  --write  Write the table, with the last results of the hosts that are not named
  --help   Print this

Exit codes: 0 if all is as expected; 1 if not; 2 if this command line is wrong.
";

struct Arguments {
    chosen: Vec<&'static Host>,
    are_all: bool,
    is_write: bool,
    is_help: bool,
}

pub fn run(arguments: &[OsString]) -> Result<u8, Failure> {
    let Arguments { chosen, are_all, is_write, is_help } = parse(arguments)?;
    if is_help {
        return say(HELP.trim_end()).map(|()| 0);
    }
    setup::ensure()?;
    let workspace = workspace()?;
    let mut failed = Vec::new();
    for host in chosen {
        say(format_args!("\n== {}", host.title))?;
        // What an earlier run left says nothing of this one.
        let _ = std::fs::remove_file(cases::results_path(&workspace, host));
        if let Err(failure) = (host.run)(&workspace) {
            failure.report();
            failed.push(host.name);
        }
    }
    if !failed.is_empty() {
        return Err(format!("not all is well in {}", failed.join(", ")).into());
    }
    if are_all || is_write {
        let table = table::render(&Behaviours::read(&workspace, &HOSTS)?);
        readme::update(&workspace.join("README.md"), &table, is_write)?;
    }
    Ok(0)
}

fn parse(arguments: &[OsString]) -> Result<Arguments, Failure> {
    let mut given =
        Arguments { chosen: Vec::new(), are_all: false, is_write: false, is_help: false };
    for argument in arguments {
        match argument.to_str() {
            Some("--help" | "-h") => given.is_help = true,
            Some("--write") => given.is_write = true,
            name => match HOSTS.iter().find(|host| Some(host.name) == name) {
                Some(host) => given.chosen.push(host),
                None => {
                    let names: Vec<_> = HOSTS.iter().map(|host| host.name).collect();
                    let (argument, names) = (argument.display(), names.join(", "));
                    return Err(Failure::usage(format!(
                        "there is no host {argument}: there are {names}"
                    )));
                }
            },
        }
    }
    if given.chosen.is_empty() {
        given.are_all = true;
        given.chosen = HOSTS.iter().collect();
    }
    Ok(given)
}
