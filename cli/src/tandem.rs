//! The library, with the machine code that the build script compiled.

use std::path::Path;

use tandem_host::{Builder, Tandem};

/// Empty if the build could not compile for this target: the library then does it at each start.
const PRECOMPILED: &[u8] = include_bytes!(env!("TANDEM_PRECOMPILED"));

/// Keeps runs below a directory, with every default.
pub fn builder(root: &Path) -> Builder {
    precompiled(Tandem::builder().dir(root))
}

/// Keeps runs on a disk of one's own.
#[cfg(feature = "postgres")]
pub fn over(disk: impl tandem_host::disk::Disk) -> Builder {
    precompiled(Tandem::builder().disk(disk))
}

fn precompiled(builder: Builder) -> Builder {
    // SAFETY: the build script wrote what `precompile` returned, and nobody can have changed it since
    // but who changes the program itself.
    #[allow(unsafe_code, reason = "the one call that loads what this build compiled")]
    unsafe {
        builder.precompiled(PRECOMPILED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A build script whose wasmtime had other features would have each start compile.
    #[test]
    fn no_start_compiles_the_component() {
        // SAFETY: the build script wrote what `precompile` returned.
        #[allow(unsafe_code, reason = "the same bytes as above")]
        let is_loaded = unsafe { tandem_host::testing::is_loaded(PRECOMPILED) };
        assert!(is_loaded);
    }
}
