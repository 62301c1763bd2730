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
  --out DIR          Where the files go; by default target/release-files, target/release-crates with
                     --crates, or target/release-program with --program
  --allow-dirty      Also with changes that are not committed: the revision then ends in -dirty
  --repository URL   Where others find the sources, which components and npm packages then tell; by
                     default what Cargo.toml names, if anything
  --crates           Instead, make the crates that are published: stage them in target/crates/source,
                     with both components inside, and have cargo pack and verify all of them
  --program          Instead, build the program for this machine's platform, optimised, and make the
                     wheel and the npm packages that carry it
  --tandem FILE      With --program: they carry this file, which is built already. It may tell paths
                     of this machine, so they are for a trial
  --check            Then make all of it again in another directory, and compare the bytes; not with
                     --crates
  --rehearse         Then start an OCI registry on loopback, push to it, pull back by digest, compare
                     the bytes and run the components; needs docker-registry and wkg
  --push-to PREFIX   Then push to an OCI registry, such as localhost:5000/tandem, pull back by
                     digest and compare the bytes; needs wkg, and refuses --allow-dirty
";

/// The whole command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub out: Option<PathBuf>,
    pub allow_dirty: bool,
    pub repository: Option<String>,
    pub made: Made,
    /// The program, if it is built already.
    pub tandem: Option<PathBuf>,
    pub then: Then,
}

/// What is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Made {
    #[default]
    Files,
    Crates,
    Program,
}

/// What is done with it.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Then {
    #[default]
    Nothing,
    /// Make it a second time.
    Check,
    /// Publish it on loopback.
    Rehearse,
    /// Publish it.
    Push(String),
}

impl Made {
    /// Where the files go below `target`.
    pub fn out(self) -> &'static str {
        match self {
            Made::Files => "release-files",
            Made::Crates => "release-crates",
            Made::Program => "release-program",
        }
    }
}

impl Options {
    /// Nothing if help is asked for.
    pub fn parse(arguments: &[OsString]) -> Result<Option<Self>, Failure> {
        let mut options = Options::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = |what| {
                let missing = || Failure::usage(format!("{} needs {what}", argument.display()));
                rest.next().ok_or_else(missing)
            };
            let once = |is_first| {
                let more =
                    || Failure::usage(format!("{} is one task too many", argument.display()));
                if is_first { Ok(()) } else { Err(more()) }
            };
            match argument.to_str() {
                Some("--help" | "-h") => return Ok(None),
                Some("--allow-dirty") => options.allow_dirty = true,
                Some("--out") => options.out = Some(absolute(argument, value("a directory")?)?),
                Some("--tandem") => options.tandem = Some(absolute(argument, value("a file")?)?),
                Some("--repository") => options.repository = Some(url(value("a URL")?)?),
                Some(name @ ("--crates" | "--program")) => {
                    once(options.made == Made::Files)?;
                    options.made = if name == "--crates" { Made::Crates } else { Made::Program };
                }
                Some(name @ ("--check" | "--rehearse")) => {
                    once(options.then == Then::Nothing)?;
                    options.then = if name == "--check" { Then::Check } else { Then::Rehearse };
                }
                Some("--push-to") => {
                    once(options.then == Then::Nothing)?;
                    let prefix = value("a registry and a prefix")?;
                    options.then = Then::Push(prefix.display().to_string());
                }
                _ => no_more(std::slice::from_ref(argument))?,
            }
        }
        options.agree().map_err(|message| Failure::usage(message.to_owned()))?;
        Ok(Some(options))
    }

    /// Whether one part of the line leaves the others a meaning.
    fn agree(&self) -> Result<(), &'static str> {
        match (self.made, &self.then) {
            (Made::Crates, Then::Check | Then::Rehearse | Then::Push(_)) => {
                return Err("crates are made, and nothing is done with them then");
            }
            (Made::Program, Then::Rehearse | Then::Push(_)) => {
                return Err("no OCI registry takes the packages of the program");
            }
            _ => {}
        }
        if self.tandem.is_some() && self.made != Made::Program {
            return Err("--tandem is for --program");
        }
        if self.allow_dirty && matches!(self.then, Then::Push(_)) {
            return Err("only what is committed can be pushed");
        }
        Ok(())
    }
}

fn absolute(argument: &OsString, path: &OsString) -> Result<PathBuf, Failure> {
    let wrong = |error| {
        let (argument, path) = (argument.display(), path.display());
        Failure::from(format!("cannot use {argument} {path}: {error}"))
    };
    std::path::absolute(path).map_err(wrong)
}

fn url(word: &OsString) -> Result<String, Failure> {
    let url = word.to_str().filter(|url| url.starts_with("https://"));
    let wrong = || Failure::usage(format!("{} does not begin with https://", word.display()));
    url.map(String::from).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, Failure> {
        let arguments: Vec<_> = line.split_whitespace().map(OsString::from).collect();
        Options::parse(&arguments)
    }

    #[test]
    fn what_is_made_and_what_then_is_chosen_by_flags() {
        let chosen = |line| parse(line).ok().flatten().map(|options| (options.made, options.then));
        assert_eq!(chosen(""), Some((Made::Files, Then::Nothing)));
        assert_eq!(chosen("--allow-dirty --check"), Some((Made::Files, Then::Check)));
        assert_eq!(chosen("--crates"), Some((Made::Crates, Then::Nothing)));
        assert_eq!(chosen("--program"), Some((Made::Program, Then::Nothing)));
        assert_eq!(chosen("--check --program"), Some((Made::Program, Then::Check)));
        assert_eq!(chosen("--rehearse --out x"), Some((Made::Files, Then::Rehearse)));
        let push = Then::Push(String::from("a/b"));
        assert_eq!(chosen("--push-to a/b"), Some((Made::Files, push)));
        assert_eq!(chosen("--help"), None);
    }

    #[test]
    fn files_and_the_repository_are_taken_as_they_are_told() {
        let line = "--program --tandem /a/tandem --repository https://example.org/tandem";
        let options = parse(line).ok().flatten().unwrap();
        assert_eq!(options.tandem.as_deref(), Some(std::path::Path::new("/a/tandem")));
        assert_eq!(options.repository.as_deref(), Some("https://example.org/tandem"));
    }

    #[test]
    fn a_wrong_line_is_refused() {
        for line in [
            "--out",
            "--push-to",
            "--tandem",
            "--repository",
            "x",
            "--check --rehearse",
            "--crates --program",
            "--crates --check",
            "--program --rehearse",
            "--program --push-to a",
            "--tandem x",
            "--repository example.org/tandem",
            "--push-to a --allow-dirty",
        ] {
            assert!(parse(line).is_err(), "{line:?}");
        }
    }
}
