//! Proves that a release is the same wherever it is built.

use std::path::Path;

use crate::process::{Failure, say};
use crate::release::Release;
use crate::source::Source;

/// Build the release again, far from the first one and from nothing, and compare.
pub fn check(source: &Source, first: &Release) -> Result<(), Failure> {
    let dir = std::env::temp_dir().join(format!("tandem-package-{}", std::process::id()));
    // What is there already is of somebody else.
    std::fs::create_dir(&dir)
        .map_err(|error| format!("cannot create {}: {error}", dir.display()))?;
    let result = compare(source, first, &dir);
    let removed = std::fs::remove_dir_all(&dir)
        .map_err(|error| format!("cannot remove {}: {error}", dir.display()));
    result?;
    removed?;
    say("built twice, in two directories: the same bytes")
}

fn compare(source: &Source, first: &Release, dir: &Path) -> Result<(), String> {
    let second = Release::of(&source.copy(dir)?)?;
    let differing = first.differing(&second);
    if differing.is_empty() {
        return Ok(());
    }
    let kept = source.dir.join("target").join("release-check");
    second.write(&kept)?;
    let (differing, kept) = (differing.join(", "), kept.display());
    Err(format!("built twice, these files differ: {differing}; the second ones are in {kept}"))
}
