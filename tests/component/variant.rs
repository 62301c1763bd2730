//! Components that trap on a document that holds `provoke-trap`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What makes them trap.
pub const TRAP: &str = r#"{"text": "provoke-trap"}"#;

/// The one of either world. The first call builds both, which takes a minute: it belongs before the
/// clock of a limit against hangs.
pub fn trapping(is_sync: bool) -> &'static Path {
    static VARIANTS: OnceLock<[PathBuf; 2]> = OnceLock::new();
    let variants = VARIANTS.get_or_init(|| {
        [
            ("provoke-trap", &["provoke-trap"][..]),
            ("provoke-trap-blocking", &["provoke-trap", "blocking"]),
        ]
        .map(|(name, features)| tandem_tests::variant(name, features))
    });
    &variants[usize::from(is_sync)]
}
