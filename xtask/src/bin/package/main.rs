//! `cargo xtask package`: makes what a release has.

use std::path::Path;
use std::process::ExitCode;

use options::{Options, Task};
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
mod options;
mod parts;
mod paths;
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
    let source = Source::of(&workspace, options.allow_dirty)?;
    let out = options.task.out();
    let out = options.out.unwrap_or_else(|| workspace.join("target").join(out));
    // What is missing is said before the work, which takes minutes.
    release::earlier(&out)?;
    if options.task == Task::Crates {
        return tell(&source, &publish::crates(&source)?, &out);
    }
    hosts::HOSTS.iter().try_for_each(hosts::Host::ready)?;
    match &options.task {
        Task::Package | Task::Check | Task::Crates => {}
        Task::Rehearse => rehearse::ready(&source)?,
        Task::Push(repository) => Wkg::find(&workspace, repository).ready()?,
    }
    let release = Release::of(&source)?;
    tell(&source, &release, &out)?;
    match options.task {
        Task::Package | Task::Crates => Ok(()),
        Task::Check => check::check(&source, &release),
        Task::Rehearse => rehearse::rehearse(&source, &release, &out),
        Task::Push(repository) => push::publish(&source, &release, &out, &repository),
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
