//! The target that the component is compiled for, and whether it is installed.
//!
//! Shared by the build script and by `xtask`; it needs the standard library only.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The only target that imports nothing by itself.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Whether the compiler in use has the target's standard library.
pub fn installed() -> Result<bool, String> {
    let said = rustc(&["--print", "target-libdir", "--target", TARGET])?;
    // A compiler that does not know the target does not have it.
    Ok(said.is_some_and(|said| PathBuf::from(said.trim()).is_dir()))
}

/// What the compiler in use prints, or nothing if it fails.
pub fn rustc(arguments: &[&str]) -> Result<Option<String>, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let output = Command::new(&rustc)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", rustc.display()))?;
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
}
