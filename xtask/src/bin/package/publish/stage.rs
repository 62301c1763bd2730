//! A workspace of its own with what is published, and nothing else.

use std::path::Path;

use super::list::{CRATES, Crate};
use super::manifest::Manifests;
use crate::about::About;
use crate::component;
use crate::files::{self, copy, read, write};
use crate::parts::PARTS;
use crate::source::{Source, git};

/// Put the workspace into a directory, in the place of an earlier one.
pub fn stage(source: &Source, about: &About, dir: &Path) -> Result<(), String> {
    files::remove(dir)?;
    for one in CRATES {
        member(source, one, &dir.join(one.name))?;
        if one.is_prebuilt {
            for part in PARTS {
                let built = component::released(source, part, about)?;
                write(&dir.join(one.name).join(part.name).with_extension("wasm"), &built.wasm)?;
            }
        }
    }
    write(&dir.join("Cargo.toml"), workspace().as_bytes())?;
    // With the same versions as in the tests; cargo takes out what is not needed.
    copy(&source.dir.join("Cargo.lock"), &dir.join("Cargo.lock"))
}

fn workspace() -> String {
    let names: Vec<_> = CRATES.iter().map(|one| format!("\"{}\"", one.name)).collect();
    format!("[workspace]\nmembers = [{}]\nresolver = \"3\"\n", names.join(", "))
}

/// One crate: its files as git lists them, the licences, and a manifest that stands alone.
fn member(source: &Source, one: &Crate, dir: &Path) -> Result<(), String> {
    let from = source.dir.join(one.dir);
    let names = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    for name in git(&from, &names)?.split_terminator('\0') {
        // What is deleted and not committed is still in git's list.
        if !one.leaves_out(name) && from.join(name).symlink_metadata().is_ok() {
            copy(&from.join(name), &dir.join(name))?;
        }
    }
    for name in files::LICENSES {
        copy(&source.dir.join(name), &dir.join(name))?;
    }
    let (member, root) = (from.join("Cargo.toml"), source.dir.join("Cargo.toml"));
    let manifest = Manifests {
        member: &read(&member)?,
        workspace: &read(&root)?,
        is_prebuilt: one.is_prebuilt,
    };
    let manifest =
        manifest.join().map_err(|error| format!("cannot publish {}: {error}", member.display()))?;
    write(&dir.join("Cargo.toml"), manifest.as_bytes())
}
