//! `cargo xtask package --crates`: the crates as they are published.

use std::path::PathBuf;

use crate::about::About;
use crate::paths;
use crate::process::{self, Failure};
use crate::release::Release;
use crate::source::Source;

mod clean;
mod list;
mod lock;
mod manifest;
mod stage;
mod stale;

use list::CRATES;

/// Stage, package and verify all of them.
pub fn crates(source: &Source) -> Result<Release, Failure> {
    let dir = source.dir.join("target").join("crates");
    let (staged, built) = (dir.join("source"), dir.join("build"));
    let about = About::of(source)?;
    stage::stage(source, &about, &staged)?;

    let names: Vec<_> = CRATES.iter().map(|one| one.name).collect();
    let home = paths::cargo_home().ok_or_else(|| "cargo has no home: set CARGO_HOME".to_owned())?;
    stale::forget(&built, &home, &names, &about.version)?;

    // In one call, so that each crate is verified with the others as they are packed. What cargo
    // verifies has no debug information, which would take gigabytes.
    let mut package = source.cargo(["package", "--workspace"]);
    package
        .current_dir(&staged)
        .env("CARGO_TARGET_DIR", &built)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0")
        // Packages have no times. What compiles C would compile again for who does not set it.
        .env_remove("SOURCE_DATE_EPOCH");
    process::must("`cargo package`", &mut package)?;
    lock::check(&staged.join("Cargo.lock"), &source.dir.join("Cargo.lock"))?;

    let mut release = Release::new(&about.version);
    let machine = paths::machine(&source.dir);
    for one in CRATES {
        let name = format!("{}-{}", one.name, about.version);
        // Where cargo has unpacked it to verify it.
        let unpacked = built.join("package").join(&name);
        clean::check(&unpacked, &machine)?;
        let file: PathBuf = unpacked.with_file_name(format!("{name}.crate"));
        let content = std::fs::read(&file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        release.insert(format!("{name}.crate"), content);
    }
    release.sum();
    Ok(release)
}
