//! Where mutants are built: a copy of the sources, with a target directory of its own.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::mutation::Mutation;
use super::sources::Sources;
use super::torture;
use crate::process::{self, Failure, cargo, must, workspace};

pub struct Lab {
    directory: PathBuf,
    sources: Sources,
    /// Two labs in one directory would try each other's mutants.
    _lock: File,
}

impl Lab {
    /// Takes the sources as they are.
    pub fn open() -> Result<Self, Failure> {
        let workspace = workspace()?;
        let directory = workspace.join("target").join("mutants");
        std::fs::create_dir_all(&directory)
            .map_err(|error| format!("cannot create {}: {error}", directory.display()))?;
        let lock = lock(&directory.join("lock"))?;
        let sources = Sources::read(&workspace)?;
        Ok(Lab { directory, sources, _lock: lock })
    }

    /// Whether a mutation can be made.
    pub fn check(&self, mutation: &Mutation) -> Result<(), String> {
        mutation.apply(&self.sources).map(drop)
    }

    /// Builds a mutant and tells its file. An error is one sentence; what the compiler said stands
    /// on standard error before it.
    pub fn build(&self, mutation: &Mutation) -> Result<PathBuf, String> {
        let copy = self.copy(mutation)?;
        let out = self.directory.join(format!("{}.wasm", mutation.name));
        // As `cargo xtask component` does, in the copy.
        let output = cargo(["run", "--quiet", "--package", "xtask", "--features", "component"])
            .args(["--bin", "component", "--", "tandem"])
            .arg(&out)
            .current_dir(&copy)
            .env("CARGO_TARGET_DIR", self.directory.join("target"))
            // Its rules count, and not its speed.
            .env("CARGO_PROFILE_COMPONENT_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_COMPONENT_LTO", "off")
            .output()
            .map_err(|error| format!("cannot run cargo: {error}"))?;
        if !output.status.success() {
            return Err(not_built(mutation, &output.stderr));
        }
        Ok(out)
    }

    /// Builds the program `tandem` with a mutation, and tells its file. It is not optimised but for what
    /// runs long: to build it takes longer than to find something with it.
    pub fn build_program(&self, mutation: &Mutation) -> Result<PathBuf, String> {
        let copy = self.copy(mutation)?;
        let target = self.directory.join("target");
        let output = cargo(["build", "--quiet", "--package", "tandem-cli", "--bin", "tandem"])
            .current_dir(&copy)
            .env("CARGO_TARGET_DIR", &target)
            .output()
            .map_err(|error| format!("cannot run cargo: {error}"))?;
        if !output.status.success() {
            return Err(not_built(mutation, &output.stderr));
        }
        Ok(target.join("debug").join("tandem"))
    }

    /// Whether a native test of a package fails on a mutant. An error says why that cannot be told.
    pub fn fails(&self, mutation: &Mutation, package: &str, test: &str) -> Result<bool, String> {
        let copy = self.copy(mutation)?;
        let tests = || {
            let mut command = cargo(["test", "--quiet", "--package", package, "--lib"]);
            command.current_dir(&copy).env("CARGO_TARGET_DIR", self.directory.join("target"));
            command
        };
        let mut build = tests();
        let built =
            build.arg("--no-run").output().map_err(|error| format!("cannot run cargo: {error}"))?;
        if !built.status.success() {
            return Err(not_built(mutation, &built.stderr));
        }
        let mut run = tests();
        run.args(["--", "--exact", test]).stderr(Stdio::null());
        let (status, told) = torture::output(run, torture::TIME_MAX)?;
        let told = String::from_utf8_lossy(&told);
        match status.success() {
            true if told.contains(" 1 passed;") => Ok(false),
            false if told.contains(" 1 failed;") => Ok(true),
            _ => Err(format!("the test of {} tells no result: {test}, {status}", mutation.name)),
        }
    }

    /// The sources with a mutation, as a workspace.
    fn copy(&self, mutation: &Mutation) -> Result<PathBuf, String> {
        let copy = self.directory.join("workspace");
        mutation.apply(&self.sources)?.write(&copy)?;
        Ok(copy)
    }
}

fn not_built(mutation: &Mutation, stderr: &[u8]) -> String {
    // A mutant's warnings are of no use, unless it does not compile. The sentence tells of that even
    // if they cannot be shown.
    let _ = std::io::stderr().write_all(stderr);
    format!("the mutant cannot be built: {}", mutation.name)
}

fn lock(path: &Path) -> Result<File, String> {
    let failed = |error| format!("cannot lock {}: {error}", path.display());
    let file = File::create(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(String::from("another `cargo xtask mutants` runs")),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Builds the program that tries mutants, optimised, and tells its file.
pub fn program() -> Result<PathBuf, Failure> {
    let build = ["build", "--quiet", "--release", "--package", "tandem-cli", "--bin", "tandem"];
    must("the build", &mut cargo(build))?;
    process::program("release", "tandem")
}
