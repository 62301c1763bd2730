//! Has a package manager make a package.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::source::Source;

/// In a step, it stands for the directory that takes the package.
pub const OUT: &str = "{out}";

/// A directory that a package manager makes one file of.
pub struct Pack<'a> {
    /// What the file is called in messages.
    pub name: &'a str,
    /// Where the package manager runs.
    pub dir: &'a Path,
    /// What it is told besides, by variables.
    pub variables: &'a [(&'a str, &'a Path)],
    /// The programs that make it, each with its arguments.
    pub steps: &'a [&'a [&'a str]],
}

impl Pack<'_> {
    /// Make the package, and give its name and content.
    pub fn make(&self, source: &Source) -> Result<(String, Vec<u8>), String> {
        let out = source.dir.join("target").join("package-host");
        let wrong = |error| format!("cannot use {}: {error}", out.display());
        if out.exists() {
            std::fs::remove_dir_all(&out).map_err(wrong)?;
        }
        std::fs::create_dir_all(&out).map_err(wrong)?;
        for step in self.steps {
            self.run(source, &out, step)?;
        }
        let files = out.read_dir().map_err(wrong)?.map(|entry| Ok(entry?.path()));
        let files: Vec<PathBuf> = files.collect::<std::io::Result<_>>().map_err(wrong)?;
        let [file] = files.as_slice() else {
            return Err(format!("{} should be one file, and is {}", self.name, files.len()));
        };
        let name = file.file_name().unwrap_or_default().display().to_string();
        let content = std::fs::read(file).map_err(wrong)?;
        std::fs::remove_dir_all(&out).map_err(wrong)?;
        Ok((name, content))
    }

    fn run(&self, source: &Source, out: &Path, step: &[&str]) -> Result<(), String> {
        let [program, arguments @ ..] = step else { return Ok(()) };
        let mut command = source.command(program);
        command.current_dir(self.dir).envs(self.variables.iter().copied());
        for word in arguments {
            if *word == OUT {
                command.arg(out)
            } else {
                command.arg(word)
            };
        }
        let status = command.stdout(Stdio::null()).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(format!("{} cannot be built: see the messages of {program}", self.name)),
            Err(error) => {
                let (name, dir) = (self.name, self.dir.display());
                Err(format!("{name} cannot be built: cannot run {program} in {dir}: {error}"))
            }
        }
    }
}

/// A package manager.
pub struct Manager {
    /// What tells that it is there.
    pub probe: &'static [&'static str],
    /// How to get it.
    pub advice: &'static str,
    /// How it makes a package of a directory.
    pub pack: &'static [&'static str],
}

pub const NPM: Manager = Manager {
    probe: &["npm", "--version"],
    advice: "install Node with npm",
    pack: &["npm", "pack", "--loglevel", "error", "--pack-destination", OUT],
};

pub const PIP: Manager = Manager {
    probe: &["python3", "-m", "pip", "--version"],
    advice: "install Python 3 with its module pip",
    pack: &["python3", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", OUT, "."],
};

impl Manager {
    /// Whether it can be run, for a package of that name.
    pub fn ready(&self, name: &str) -> Result<(), String> {
        let [program, arguments @ ..] = self.probe else { return Ok(()) };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if command.status().is_ok_and(|status| status.success()) {
            return Ok(());
        }
        let (probe, advice) = (self.probe.join(" "), self.advice);
        Err(format!("{name} cannot be built, as `{probe}` fails: {advice}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_or_fails_is_told_with_advice() {
        let manager = |probe| Manager { probe, advice: "install it", pack: &[] };
        assert_eq!(manager(&["true"]).ready("the tarball"), Ok(()));
        for probe in [&["false"], &["no-such-program"]] {
            let error = manager(probe).ready("the tarball").unwrap_err();
            let [program] = probe;
            let told = format!("the tarball cannot be built, as `{program}` fails: install it");
            assert_eq!(error, told);
        }
    }

    #[test]
    fn a_package_is_one_file() {
        let dir = tempfile::tempdir().unwrap();
        let source = Source { dir: dir.path().to_owned(), ..Source::here() };
        let make = |script| {
            let steps: &[&[&str]] = &[&["sh", "-c", script, "sh", OUT]];
            Pack { name: "it", dir: dir.path(), variables: &[("WORD", Path::new("w"))], steps }
                .make(&source)
        };
        assert_eq!(make("printf $WORD >$1/a"), Ok((String::from("a"), b"w".to_vec())));
        assert_eq!(make(":").unwrap_err(), "it should be one file, and is 0");
        assert_eq!(make("touch $1/a $1/b").unwrap_err(), "it should be one file, and is 2");
        assert_eq!(make("false").unwrap_err(), "it cannot be built: see the messages of sh");
    }
}
