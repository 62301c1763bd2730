//! Flags for the compiler that keep this machine's paths out of panic messages, so that every machine
//! builds the same bytes.
//!
//! The builds of the components include this file, and so does that of the program in `xtask`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::target;

/// As `CARGO_ENCODED_RUSTFLAGS` takes them.
pub fn flags(workspace: &Path) -> Result<OsString, String> {
    let mut flags = remap(workspace, ".");
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let sources = home.map(|home| home.join("registry").join("src"));
    for source in sources.iter().filter_map(|path| path.read_dir().ok()).flatten().flatten() {
        flags.push("\u{1f}");
        flags.push(remap(&source.path(), "crates"));
    }
    // Where the sources of `std` are installed, the compiler names them there.
    let std = std_sources()?;
    flags.push("\u{1f}");
    flags.push(remap(&std.installed, &std.elsewhere));
    Ok(flags)
}

/// Where the compiler takes the sources of `std` from.
struct StdSources {
    /// If they are installed.
    installed: PathBuf,
    /// What it calls the same place if they are not.
    elsewhere: String,
}

/// What the compiler in use says about the sources of `std`.
fn std_sources() -> Result<StdSources, String> {
    let missing = || String::from("rustc tells neither its version nor its directory");
    let sysroot = target::rustc(&["--print", "sysroot"])?.ok_or_else(missing)?;
    let version = target::rustc(&["--version", "--verbose"])?.ok_or_else(missing)?;
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: "));
    Ok(StdSources {
        installed: PathBuf::from(sysroot.trim()).join("lib/rustlib/src/rust"),
        elsewhere: format!("/rustc/{}", commit.ok_or_else(missing)?),
    })
}

fn remap(from: &Path, to: &str) -> OsString {
    let mut flag = OsString::from("--remap-path-prefix=");
    flag.push(from);
    flag.push("=");
    flag.push(to);
    flag
}
