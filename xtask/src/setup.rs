//! Adds the one thing that a build needs beside Rust itself.

use std::io::ErrorKind;
use std::process::Command;

use crate::process::{Failure, say};

#[path = "../../components/build/target.rs"]
mod target;

/// Add the target if it is missing, and tell whether it was.
pub fn ensure() -> Result<bool, Failure> {
    if target::installed()? {
        return Ok(false);
    }
    say(format_args!("adding the {} target", target::TARGET))?;
    let added = Command::new("rustup").args(["target", "add", target::TARGET]).status();
    let sentence = match added {
        Ok(status) if status.success() && target::installed()? => return Ok(true),
        Ok(status) if status.success() => {
            "rustup added it, but the Rust compiler in use is not \
             rustup's: put rustup's first in PATH, or install the target for this compiler"
        }
        Ok(_) => "`rustup target add` failed: see its messages, and check the network",
        Err(error) if error.kind() == ErrorKind::NotFound => {
            "there is no rustup to add it: install rustup, or the target for the compiler in use"
        }
        Err(_) => "rustup cannot be run: check its installation",
    };
    Err(format!("the {} target is missing, and {sentence}", target::TARGET).into())
}
