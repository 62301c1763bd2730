//! `cargo xtask records`: a program of its own does the work, so that the other commands do not wait
//! for the parser of WIT to compile.

use std::ffi::OsString;

use crate::process::{self, Failure, cargo};

pub fn run(arguments: &[OsString]) -> Result<u8, Failure> {
    match arguments {
        [flag, rest @ ..] if flag == "--check" => process::no_more(rest)?,
        all => process::no_more(all)?,
    }
    let program = ["run", "--quiet", "--package", "xtask", "--features", "tools"];
    process::run(cargo(program).args(["--bin", "records", "--"]).args(arguments))
}
