//! `cargo xtask component`: a program of its own does the work, so that the other commands do not
//! wait for the encoder to compile.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::process::{self, Failure, cargo, workspace};
use crate::setup;

pub fn run(arguments: &[OsString]) -> Result<u8, Failure> {
    let (world, arguments) = match arguments {
        [flag, rest @ ..] if flag == "--sync" => ("tandem-sync", rest),
        all => ("tandem", all),
    };
    let out = match arguments {
        [] => workspace()?.join("target").join(world).with_extension("wasm"),
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
    let program = ["run", "--quiet", "--package", "xtask", "--features", "component"];
    process::run(cargo(program).args(["--bin", "component", "--", world]).arg(out))
}
