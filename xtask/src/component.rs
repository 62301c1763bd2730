//! `cargo xtask component` and `cargo xtask plugin`: programs of their own do the work, so that the
//! other commands do not wait for the encoder to compile.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::process::{self, Failure, cargo, workspace};
use crate::setup;

/// Builds a component; by default that of WASI 0.3.
pub fn component(arguments: &[OsString]) -> Result<u8, Failure> {
    let (world, arguments) = match arguments {
        [flag, rest @ ..] if flag == "--blocking" => ("tandem-blocking", rest),
        all => ("tandem", all),
    };
    run("component", "component", world, &[world], arguments)
}

/// Builds the sample plugin, with a component inside.
pub fn plugin(arguments: &[OsString]) -> Result<u8, Failure> {
    run("plugin", "tools", "plugin", &[], arguments)
}

/// The program, which needs this feature of its package, is told what to make and where: a file of this name
/// in `target`, unless the arguments say otherwise.
fn run(
    program: &str,
    feature: &str,
    name: &str,
    what: &[&str],
    arguments: &[OsString],
) -> Result<u8, Failure> {
    let out = match arguments {
        [] => workspace()?.join("target").join(name).with_extension("wasm"),
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
    let run = ["run", "--quiet", "--package", "xtask", "--features", feature, "--bin", program];
    process::run(cargo(run).arg("--").args(what).arg(out))
}
