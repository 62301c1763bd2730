//! The components of a release.

/// One component.
pub struct Part {
    /// What it is called, in its metadata too; its file adds `.wasm`.
    pub name: &'static str,
    /// One sentence for who finds it in a registry.
    pub description: &'static str,
    /// What `cargo xtask component` takes to build it, and the example `trial` of the tests to run it.
    pub arguments: &'static [&'static str],
    /// The features of package `tandem` that this switches on.
    pub features: &'static [&'static str],
    /// The directory of its WIT package.
    pub wit: &'static str,
}

pub const PARTS: &[Part] = &[
    Part {
        name: "tandem",
        description: "Crash-safe run manifests, heartbeats and run history, on WASI 0.3",
        arguments: &[],
        features: &[],
        wit: "wit",
    },
    Part {
        name: "tandem-sync",
        description: "Crash-safe run manifests, heartbeats and run history, on WASI 0.2",
        arguments: &["--sync"],
        features: &["sync"],
        wit: "wit/sync",
    },
];
