//! `cargo xtask fleet`: what happens to hosts over a cluster of real servers.

use std::ffi::OsString;
use std::process::Command;

use crate::process::{self, Failure, cargo, must, program};
use crate::setup;

/// Builds it as the tests do, so that what they have built is found; the arguments go to it.
pub fn run(arguments: &[OsString]) -> Result<u8, Failure> {
    setup::ensure()?;
    let build = ["build", "--workspace", "--exclude", "tandem-benchmark", "--bin", "tandem-fleet"];
    // As in the demo.
    must("the build", cargo(build).args(["--test", "versions"]))?;
    process::run(Command::new(program("debug", "tandem-fleet")?).args(arguments))
}
