//! Proves that a release is the same wherever it is built.

use crate::process::{Failure, say};
use crate::release::Release;
use crate::source::Source;

/// Make the release again, far from the first one and from nothing, and compare.
pub fn check(
    source: &Source,
    first: &Release,
    make: impl Fn(&Source) -> Result<Release, Failure>,
) -> Result<(), Failure> {
    let dir = std::env::temp_dir().join(format!("tandem-package-{}", std::process::id()));
    // What is there already is of somebody else.
    std::fs::create_dir(&dir)
        .map_err(|error| format!("cannot create {}: {error}", dir.display()))?;
    let result = source.copy(&dir).map_err(Failure::from).and_then(|copy| make(&copy));
    let result = result.and_then(|second| Ok(compare(source, first, &second)?));
    let removed = std::fs::remove_dir_all(&dir)
        .map_err(|error| format!("cannot remove {}: {error}", dir.display()));
    result?;
    removed?;
    say("made twice, in two directories: the same bytes")
}

fn compare(source: &Source, first: &Release, second: &Release) -> Result<(), String> {
    let differing = first.differing(second);
    if differing.is_empty() {
        return Ok(());
    }
    let kept = source.dir.join("target").join("release-check");
    second.write(&kept)?;
    let (differing, kept) = (differing.join(", "), kept.display());
    Err(format!("made twice, these files differ: {differing}; the second ones are in {kept}"))
}
