//! Publishes a release to a registry on loopback and runs what comes back.

use std::path::Path;

use crate::parts::PARTS;
use crate::process::{self, Failure, say};
use crate::push::push;
use crate::registry::{self, Registry};
use crate::release::Release;
use crate::source::Source;
use crate::wkg::Wkg;

/// Whether the programs are there that a rehearsal needs.
pub fn ready(source: &Source) -> Result<(), String> {
    Wkg::find(&source.dir, "").ready()?;
    registry::ready()
}

/// `dir` has the release's files.
pub fn rehearse(source: &Source, release: &Release, dir: &Path) -> Result<(), Failure> {
    let work = source.dir.join("target").join("package-rehearsal");
    let wrong = |error| format!("cannot use {}: {error}", work.display());
    if work.exists() {
        std::fs::remove_dir_all(&work).map_err(wrong)?;
    }
    let back = work.join("pulled");
    std::fs::create_dir_all(&back).map_err(wrong)?;

    let registry = Registry::start(&work)?;
    let repository = format!("{}/rehearsal", registry.address);
    let wkg = Wkg::find(&source.dir, &repository);
    push(&wkg, release, dir, &repository, &back)?;
    drop(registry);

    for part in PARTS {
        let file = back.join(format!("{}.wasm", part.name));
        let mut host = source.cargo(["run", "--quiet", "--package", "tandem-tests", "--example"]);
        host.args(["trial", "--"]).args(part.arguments).arg(&file);
        process::must(format!("the pulled component {}", part.name), &mut host)?;
    }
    std::fs::remove_dir_all(&work).map_err(wrong)?;
    say("the rehearsal is over: everything came back unchanged, and the components run")
}
