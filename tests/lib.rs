//! What end-to-end tests of several crates share: components that are built for a test, and a host of
//! the one for WASI 0.2.

use std::path::{Path, PathBuf};

pub mod blocking;
pub mod etcd;
pub mod ledger;
pub mod postgres;

#[path = "../components/build/component.rs"]
#[expect(dead_code, reason = "the build script uses all of it")]
mod component;

/// The directory of the repository.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository")
}

/// Builds package `tandem` with these features, as `target/tmp/NAME.wasm`. It takes up to a minute:
/// call it before the clock of a limit against hangs starts.
pub fn variant(name: &str, features: &[&str]) -> PathBuf {
    let program = std::env::current_exe().expect("the program of the test");
    let target_dir = component::target_dir_of(&program).expect("the target directory");
    let directory = target_dir.join("tmp");
    std::fs::create_dir_all(&directory).expect("a directory for the variant");
    let out = directory.join(name).with_extension("wasm");
    component::Component { workspace: workspace(), target_dir, features, out: &out }
        .build()
        .expect("the variant compiles");
    out
}
