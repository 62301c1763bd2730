//! Components that trap on a document that holds `provoke-trap`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

#[path = "../../host/build/component.rs"]
#[expect(dead_code, reason = "the build script uses all of it")]
mod component;

/// What makes them trap.
pub const TRAP: &str = r#"{"text": "provoke-trap"}"#;

/// The one of either world. They share intermediate files, so one is built after the other.
pub fn trapping(is_sync: bool) -> &'static Path {
    static VARIANTS: OnceLock<[PathBuf; 2]> = OnceLock::new();
    let variants = VARIANTS.get_or_init(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("provoke-trap");
        std::fs::create_dir_all(&directory).expect("a directory for the variants");
        [("tandem", &["provoke-trap"][..]), ("tandem-sync", &["provoke-trap", "sync"])].map(
            |(name, features)| {
                let out = directory.join(name).with_extension("wasm");
                component::Component { workspace, target_dir: &directory, features, out: &out }
                    .build()
                    .expect("the variant compiles");
                out
            },
        )
    });
    &variants[usize::from(is_sync)]
}
