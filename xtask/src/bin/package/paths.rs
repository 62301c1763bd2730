//! Finds paths of a machine in a component.
//!
//! Panic messages name the files of sources. What the compiler is told to call otherwise tells
//! nothing of the machine that builds: `src/`, `crates/` and, for the standard library, `/rustc/`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where users have their files, on any system.
const HOMES: [&str; 3] = ["/home/", "/Users/", "\\Users\\"];

/// The letters of a commit.
const COMMIT_LEN: usize = 40;

/// The places of this machine that a build knows of.
pub fn machine(workspace: &Path) -> Vec<PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = Command::new(rustc).args(["--print", "sysroot"]).output().ok();
    let sysroot = sysroot.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let places = [Some(workspace.to_owned()), cargo_home(), sysroot.map(PathBuf::from)];
    // A path as short as `/` is in everything.
    places.into_iter().flatten().filter(|place| place.components().count() > 2).collect()
}

/// Where cargo keeps what it has fetched.
pub fn cargo_home() -> Option<PathBuf> {
    let told = std::env::var_os("CARGO_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    told.or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

/// Refuse a component that tells where it was built.
pub fn check(name: &str, wasm: &[u8], machine: &[PathBuf]) -> Result<(), String> {
    match absolute(wasm, machine) {
        None => Ok(()),
        Some(path) => Err(format!("{name} has the path {path} of a machine inside")),
    }
}

/// The first path in these bytes that only makes sense on one machine.
fn absolute(bytes: &[u8], machine: &[PathBuf]) -> Option<String> {
    known(bytes, machine).or_else(|| {
        let words = bytes.split(|byte| !is_of_path(*byte));
        words
            .filter_map(|word| std::str::from_utf8(word).ok())
            .find(|word| is_absolute(word))
            .map(String::from)
    })
}

/// The first place of this machine, or of a user of any, wherever it begins.
pub fn known(bytes: &[u8], machine: &[PathBuf]) -> Option<String> {
    let places = machine.iter().filter_map(|place| place.to_str()).chain(HOMES);
    let at = places.filter_map(|place| {
        bytes.windows(place.len()).position(|window| window == place.as_bytes())
    });
    let rest = bytes.get(at.min()?..)?;
    let end = rest.iter().position(|byte| !is_of_path(*byte) && *byte != b'\\');
    Some(String::from_utf8_lossy(&rest[..end.unwrap_or(rest.len())]).into_owned())
}

fn is_of_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-+@".contains(&byte)
}

/// Two directories or more below the root, and not those of the standard library. Code that is read
/// as text looks like one or none.
fn is_absolute(word: &str) -> bool {
    let Some(path) = word.strip_prefix('/') else { return false };
    let mut steps = path.split('/');
    let (Some(first), Some(second)) = (steps.next(), steps.next()) else { return false };
    if first == "rustc" && is_commit(second) {
        return false;
    }
    let is_name = |step: &str| step.len() > 1 && step.bytes().any(|byte| byte.is_ascii_lowercase());
    is_name(first) && is_name(second)
}

fn is_commit(text: &str) -> bool {
    text.len() == COMMIT_LEN && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "59807616e1fa2540724bfbac14d7976d7e4a3860";

    fn found(text: &str) -> Option<String> {
        absolute(text.as_bytes(), &[PathBuf::from("/srv/build/tandem"), PathBuf::from("/opt/rust")])
    }

    #[test]
    fn what_the_compiler_is_told_to_say_is_no_path_of_a_machine() {
        let std = format!("\0/rustc/{COMMIT}/library/core/src/time.rs\0");
        for text in [
            std.as_str(),
            "\0src/json/scan.rs\0",
            "\0crates/serde_json-1.0.154/src/de.rs\0",
            "\0wasi:filesystem/types@0.3.0\0",
            "either/or, 3/4, a//b, /",
        ] {
            assert_eq!(found(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_path_from_the_root_is_found() {
        for path in ["/var/lib/rust/src/lib.rs", "/build/tandem/src/lib.rs", "/rustc/local/lib.rs"]
        {
            assert_eq!(found(&format!("x\0{path}\0y")).as_deref(), Some(path));
        }
    }

    #[test]
    fn a_place_of_this_machine_or_of_a_user_is_found_without_a_gap_before_it() {
        for (text, path) in [
            ("failed/opt/rust/lib/x.rs\0", "/opt/rust/lib/x.rs"),
            ("src/a.rs/srv/build/tandem/x.rs more", "/srv/build/tandem/x.rs"),
            ("oops/home/me/x.rs", "/home/me/x.rs"),
            ("oops C:\\Users\\me\\x.rs\0", "\\Users\\me\\x.rs"),
        ] {
            assert_eq!(found(text).as_deref(), Some(path), "{text:?}");
        }
    }

    #[test]
    fn a_component_with_a_path_is_refused_in_one_sentence() {
        let error = check("thing.wasm", b"\0/home/me/x.rs\0", &[]).unwrap_err();
        assert_eq!(error, "thing.wasm has the path /home/me/x.rs of a machine inside");
        assert_eq!(check("thing.wasm", b"\0asm", &[]), Ok(()));
    }
}
