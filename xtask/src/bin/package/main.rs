//! `cargo xtask package`: makes what a release has.

use std::path::Path;
use std::process::ExitCode;

use options::{Made, Options, Then};
use process::{Failure, say};
use release::Release;
use source::Source;
use wkg::Wkg;

#[path = "../../process.rs"]
#[expect(dead_code, reason = "other commands use all of it")]
mod process;

mod about;
mod check;
mod component;
mod crates;
mod files;
mod hosts;
mod npm;
mod options;
mod pack;
mod parts;
mod paths;
mod program;
mod publish;
mod push;
mod registry;
mod rehearse;
mod release;
mod sbom;
mod size;
mod source;
mod sums;
mod tree;
mod wit;
mod wkg;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let Some(options) = Options::parse(&arguments)? else {
        return say(options::HELP.trim_end());
    };
    let workspace = process::workspace()?;
    let mut source = Source::of(&workspace, options.allow_dirty)?;
    source.repository = options.repository;
    let out = options.out;
    let out = out.unwrap_or_else(|| workspace.join("target").join(options.made.out()));
    // What is missing is said before the work, which takes minutes.
    release::earlier(&out)?;
    match options.made {
        Made::Files => hosts::HOSTS.iter().try_for_each(hosts::Host::ready)?,
        Made::Crates => {}
        Made::Program => program::ready()?,
    }
    match &options.then {
        Then::Nothing | Then::Check => {}
        Then::Rehearse => rehearse::ready(&source)?,
        Then::Push(repository) => Wkg::find(&workspace, repository).ready()?,
    }
    let make = |source: &Source| match options.made {
        Made::Files => Ok(Release::of(source)?),
        Made::Crates => publish::crates(source),
        Made::Program => program::program(source, options.tandem.as_deref()),
    };
    let release = make(&source)?;
    tell(&source, &release, &out)?;
    match options.then {
        Then::Nothing => Ok(()),
        Then::Check => check::check(&source, &release, make),
        Then::Rehearse => rehearse::rehearse(&source, &release, &out),
        Then::Push(repository) => push::publish(&source, &release, &out, &repository),
    }
}

/// Write the files, and say what they are.
fn tell(source: &Source, release: &Release, out: &Path) -> Result<(), Failure> {
    release.write(out)?;
    for line in release.lines() {
        say(line)?;
    }
    let (dir, version) = (out.display(), &release.version);
    say(format_args!("{dir}: version {version}, revision {}", source.revision))
}
