//! The packages for other languages.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::source::Source;

/// A package that other package managers take.
pub struct Host {
    /// What it is called in messages.
    pub name: &'static str,
    /// Where it is.
    dir: &'static str,
    /// The file of the component that it has inside.
    pub component: &'static str,
    /// The variable that tells its build where that file is.
    variable: &'static str,
    /// What tells that the program that builds it is there.
    probe: &'static [&'static str],
    /// How to get that program.
    advice: &'static str,
    /// The programs that build it. [`OUT`] stands for the directory that takes the package.
    steps: &'static [&'static [&'static str]],
}

const OUT: &str = "{out}";

pub const HOSTS: &[Host] = &[
    Host {
        name: "the npm tarball",
        dir: "bindings/js",
        component: "tandem-blocking.wasm",
        variable: "TANDEM_COMPONENT",
        probe: &["npm", "--version"],
        advice: "install Node with npm",
        steps: &[
            &["npm", "ci", "--no-audit", "--no-fund", "--loglevel", "error"],
            // It runs the package's own build first.
            &["npm", "pack", "--loglevel", "error", "--pack-destination", OUT],
        ],
    },
    Host {
        name: "the Python wheel",
        dir: "bindings/python",
        component: "tandem-blocking.wasm",
        variable: "TANDEM_BLOCKING_COMPONENT",
        probe: &["python3", "-m", "pip", "--version"],
        advice: "install Python 3 with its module pip",
        steps: &[&[
            "python3",
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--wheel-dir",
            OUT,
            ".",
        ]],
    },
];

impl Host {
    /// Whether the program that builds it can be run.
    pub fn ready(&self) -> Result<(), String> {
        let [program, arguments @ ..] = self.probe else { return Ok(()) };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if command.status().is_ok_and(|status| status.success()) {
            return Ok(());
        }
        let (name, probe, advice) = (self.name, self.probe.join(" "), self.advice);
        Err(format!("{name} cannot be built, as `{probe}` fails: {advice}"))
    }

    /// Build the package with the component in that file, and give its name and content.
    pub fn build(&self, source: &Source, component: &Path) -> Result<(String, Vec<u8>), String> {
        let out = source.dir.join("target").join("package-host");
        let wrong = |error| format!("cannot use {}: {error}", out.display());
        if out.exists() {
            std::fs::remove_dir_all(&out).map_err(wrong)?;
        }
        std::fs::create_dir_all(&out).map_err(wrong)?;
        for step in self.steps {
            self.run(source, component, &out, step)?;
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

    fn run(
        &self,
        source: &Source,
        component: &Path,
        out: &Path,
        step: &[&str],
    ) -> Result<(), String> {
        let [program, arguments @ ..] = step else { return Ok(()) };
        let mut command = source.command(program);
        command.current_dir(source.dir.join(self.dir)).env(self.variable, component);
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
                let (name, dir) = (self.name, self.dir);
                Err(format!("{name} cannot be built: cannot run {program} in {dir}: {error}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Host = Host {
        name: "the tarball",
        dir: ".",
        component: "tandem.wasm",
        variable: "TANDEM_COMPONENT",
        probe: &["true"],
        advice: "install it",
        steps: &[],
    };

    #[test]
    fn a_program_that_is_missing_or_fails_is_told_with_advice() {
        assert_eq!(HOST.ready(), Ok(()));
        for probe in [&["false"], &["no-such-program"]] {
            let error = Host { probe, ..HOST }.ready().unwrap_err();
            let [program] = probe;
            let told = format!("the tarball cannot be built, as `{program}` fails: install it");
            assert_eq!(error, told);
        }
    }
}
