//! `cargo xtask package`: a program of its own does the work, so that the other commands do not
//! wait for what it needs to compile.

use std::ffi::OsString;

use crate::process::{self, Failure, cargo};
use crate::setup;

pub fn run(arguments: &[OsString]) -> Result<u8, Failure> {
    setup::ensure()?;
    let program = ["run", "--quiet", "--package", "xtask", "--features", "tools"];
    process::run(cargo(program).args(["--bin", "package", "--"]).args(arguments))
}
