//! What the command line asks for.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::process::{Failure, no_more};

pub const HELP: &str = "\
Usage: cargo xtask package [ARGUMENTS]

Make what a release has: each component with its metadata, its WIT package with the docs and its
list of crates, the npm tarball, the Python wheel, and the checksums of all of them. It needs git,
and npm and Python with pip for the last two. A component above 400 KiB is refused, and so is one
that tells a path of the machine that builds it.

Arguments:
  --out DIR          Where the files go; by default target/release-files, or
                     target/release-crates with --crates
  --allow-dirty      Also with changes that are not committed: the revision then ends in -dirty
  --crates           Instead, make the crates that are published: stage them in target/crates/source,
                     with both components inside, and have cargo pack and verify all of them
  --check            Then build all of it again in another directory, and compare the bytes
  --rehearse         Then start an OCI registry on loopback, push to it, pull back by digest, compare
                     the bytes and run the components; needs docker-registry and wkg
  --push-to PREFIX   Then push to an OCI registry, such as localhost:5000/tandem, pull back by
                     digest and compare the bytes; needs wkg, and refuses --allow-dirty
";

/// The whole command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    pub out: Option<PathBuf>,
    pub allow_dirty: bool,
    pub task: Task,
}

/// What is done.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    /// Make the release.
    Package,
    /// Make the crates that are published, and nothing else.
    Crates,
    /// Make it twice.
    Check,
    /// Make it and publish it on loopback.
    Rehearse,
    /// Make it and publish it.
    Push(String),
}

impl Task {
    /// Where the files go below `target`.
    pub fn out(&self) -> &'static str {
        match self {
            Task::Crates => "release-crates",
            _ => "release-files",
        }
    }
}

impl Options {
    /// Nothing if help is asked for.
    pub fn parse(arguments: &[OsString]) -> Result<Option<Self>, Failure> {
        let mut options = Options { out: None, allow_dirty: false, task: Task::Package };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = |what| {
                let missing = || Failure::usage(format!("{} needs {what}", argument.display()));
                rest.next().ok_or_else(missing)
            };
            let task = match argument.to_str() {
                Some("--help" | "-h") => return Ok(None),
                Some("--allow-dirty") => {
                    options.allow_dirty = true;
                    continue;
                }
                Some("--out") => {
                    let dir = value("a directory")?;
                    let dir = std::path::absolute(dir)
                        .map_err(|error| format!("cannot use --out {}: {error}", dir.display()))?;
                    options.out = Some(dir);
                    continue;
                }
                Some("--crates") => Task::Crates,
                Some("--check") => Task::Check,
                Some("--rehearse") => Task::Rehearse,
                Some("--push-to") => {
                    Task::Push(value("a registry and a prefix")?.display().to_string())
                }
                _ => {
                    no_more(std::slice::from_ref(argument))?;
                    continue;
                }
            };
            if options.task != Task::Package {
                return Err(Failure::usage(format!("{} is one task too many", argument.display())));
            }
            options.task = task;
        }
        if options.allow_dirty && matches!(options.task, Task::Push(_)) {
            return Err(Failure::usage(String::from("only what is committed can be pushed")));
        }
        Ok(Some(options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, Failure> {
        let arguments: Vec<_> = line.split_whitespace().map(OsString::from).collect();
        Options::parse(&arguments)
    }

    #[test]
    fn a_task_is_chosen_by_its_flag() {
        let task = |line| parse(line).ok().flatten().map(|options| options.task);
        assert_eq!(task(""), Some(Task::Package));
        assert_eq!(task("--allow-dirty --check"), Some(Task::Check));
        assert_eq!(task("--crates"), Some(Task::Crates));
        assert_eq!(task("--rehearse --out x"), Some(Task::Rehearse));
        assert_eq!(task("--push-to a/b"), Some(Task::Push(String::from("a/b"))));
        assert_eq!(task("--help"), None);
    }

    #[test]
    fn a_wrong_line_is_refused() {
        for line in ["--out", "--push-to", "x", "--check --rehearse", "--push-to a --allow-dirty"] {
            assert!(parse(line).is_err(), "{line:?}");
        }
    }
}
