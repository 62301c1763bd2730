//! Where mutants are built: a copy of the sources, with a target directory of its own.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::mutation::Mutation;
use super::sources::Sources;
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
        let copy = self.directory.join("workspace");
        mutation.apply(&self.sources)?.write(&copy)?;
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
            // A mutant's warnings are of no use, unless it does not compile. The sentence tells of
            // that even if they cannot be shown.
            let _ = std::io::stderr().write_all(&output.stderr);
            return Err(format!("the mutant cannot be built: {}", mutation.name));
        }
        Ok(out)
    }
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
