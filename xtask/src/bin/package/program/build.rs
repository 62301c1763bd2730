//! Builds the program as it is released.

use std::path::Path;

use crate::paths;
use crate::process;
use crate::source::Source;

#[path = "../../../../../components/build/remap.rs"]
mod remap;
#[path = "../../../../../components/build/target.rs"]
#[expect(dead_code, reason = "the builds of the components use all of it")]
mod target;

/// The program, optimised and without symbols. One that tells where it was built is refused.
pub fn optimised(source: &Source) -> Result<Vec<u8>, String> {
    // Apart from other builds, which have other flags and would be compiled anew.
    let built = source.dir.join("target").join("program");
    let mut cargo = source.cargo(["build", "--locked", "--release", "--package", "tandem-cli"]);
    cargo
        .args(["--bin", "tandem"])
        .env("CARGO_TARGET_DIR", &built)
        .env("CARGO_ENCODED_RUSTFLAGS", remap::flags(&source.dir)?)
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env("CARGO_INCREMENTAL", "0")
        .env_remove("CARGO_BUILD_TARGET");
    if !matches!(process::run(&mut cargo), Ok(0)) {
        return Err(String::from("the program cannot be built: see the messages of cargo"));
    }
    let file = built.join("release").join("tandem");
    let program =
        std::fs::read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    check(&program, &source.dir)?;
    Ok(program)
}

/// A program names directories of every system, such as `/proc/self`, so only what is known of this
/// machine is looked for.
fn check(program: &[u8], workspace: &Path) -> Result<(), String> {
    match paths::known(program, &paths::machine(workspace)) {
        None => Ok(()),
        Some(path) => Err(format!("the program has the path {path} of this machine inside")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_tells_where_it_was_built_is_refused_in_one_sentence() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR"));
        let told = format!("\0/proc/self/fd\0{}/src/main.rs\0", workspace.display());
        let error = check(told.as_bytes(), workspace).unwrap_err();
        let path = format!("{}/src/main.rs", workspace.display());
        assert_eq!(error, format!("the program has the path {path} of this machine inside"));
        assert_eq!(check(b"\0/proc/self/fd\0/etc/passwd\0src/main.rs", workspace), Ok(()));
    }
}
