//! `cargo xtask component` and `cargo xtask plugin`: programs of their own do the work, so that the
//! other commands do not wait for the encoder to compile.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::process::{self, Failure, cargo, workspace};
use crate::setup;

/// The program, which is a feature of this package too, makes `target/FILE` unless the arguments say
/// otherwise.
pub fn run(program: &str, file: &str, arguments: &[OsString]) -> Result<u8, Failure> {
    let out = match arguments {
        [] => workspace()?.join("target").join(file),
        [flag, file, rest @ ..] if flag == "--out" => {
            process::no_more(rest)?;
            std::path::absolute(PathBuf::from(file))
                .map_err(|error| format!("cannot use --out {}: {error}", file.display()))?
        }
        [flag] if flag == "--out" => {
            return Err(Failure::usage(String::from("--out needs a file name")));
        }
        other => {
            process::no_more(other)?;
            return Ok(0);
        }
    };
    setup::ensure()?;
    let run = ["run", "--quiet", "--package", "xtask", "--features", program, "--bin", program];
    process::run(cargo(run).arg("--").arg(out))
}
