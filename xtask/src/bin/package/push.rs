//! Brings a release to an OCI registry, and back to be sure.

use std::path::Path;

use crate::process::{Failure, say};
use crate::release::Release;
use crate::source::Source;
use crate::wkg::Wkg;

/// Push the release and keep none of what comes back.
pub fn publish(
    source: &Source,
    release: &Release,
    dir: &Path,
    repository: &str,
) -> Result<(), Failure> {
    let back = source.dir.join("target").join("package-pulled");
    let wrong = |error| format!("cannot use {}: {error}", back.display());
    std::fs::create_dir_all(&back).map_err(wrong)?;
    push(&Wkg::find(&source.dir, repository), release, dir, repository, &back)?;
    Ok(std::fs::remove_dir_all(&back).map_err(wrong)?)
}

/// Push everything that an OCI registry takes, pull it by digest into the directory `back`, and
/// compare. `dir` has the release's files. What comes back keeps their names.
pub fn push(
    wkg: &Wkg,
    release: &Release,
    dir: &Path,
    repository: &str,
    back: &Path,
) -> Result<(), Failure> {
    for (file, name) in release.artifacts() {
        let repository = format!("{}/{name}", repository.trim_end_matches('/'));
        let reference = format!("{repository}:{}", release.version);
        let digest = wkg.push(&reference, &dir.join(file))?;
        let copy = back.join(file);
        wkg.pull(&format!("{repository}@{digest}"), &copy)?;
        let bytes = std::fs::read(&copy)
            .map_err(|error| format!("cannot read {}: {error}", copy.display()))?;
        if release.file(file) != Some(&bytes) {
            return Err(format!("{reference} comes back with other bytes, by {digest}").into());
        }
        say(format_args!("{reference}: pushed, and pulled back unchanged by {digest}"))?;
    }
    Ok(())
}
