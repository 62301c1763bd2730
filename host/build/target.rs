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
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let output = Command::new(&rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", rustc.display()))?;
    // A compiler that does not know the target does not have it.
    if !output.status.success() {
        return Ok(false);
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}
