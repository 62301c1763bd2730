//! `cargo xtask bench`: the benchmark, beside the program that it also times.

use std::ffi::OsString;
use std::process::Command;

use crate::process::{self, Failure, cargo, must, program};
use crate::setup;

/// Builds both optimised, in one call of cargo, so that they share the library.
pub fn run(arguments: &[OsString]) -> Result<u8, Failure> {
    setup::ensure()?;
    let packages = ["--package", "tandem-benchmark", "--package", "tandem-cli"];
    must("the build", cargo(["build", "--release", "--bins"]).args(packages))?;
    process::run(Command::new(program("release", "tandem-benchmark")?).args(arguments))
}
