//! `cargo xtask torture`: the long run of `tandem torture`.

use std::ffi::OsString;

use crate::process::{self, Failure, cargo};
use crate::setup;

/// Minutes of work, which is too long for the tests.
const STATES: &str = "3000000";

/// Run it optimised; the arguments go to it, and their number of states counts. A unit ends by
/// itself.
pub fn run(arguments: &[OsString]) -> Result<u8, Failure> {
    setup::ensure()?;
    let build = ["run", "--release", "--package", "tandem-cli", "--bin", "tandem", "--"];
    let mut command = cargo(build);
    command.arg("torture");
    if !arguments.iter().any(says_how_long) {
        command.args(["--states", STATES]);
    }
    process::run(command.args(arguments))
}

fn says_how_long(argument: &OsString) -> bool {
    let argument = argument.to_string_lossy();
    let name = argument.split_once('=').map_or(&*argument, |(name, _)| name);
    ["--states", "--unit"].contains(&name)
}
