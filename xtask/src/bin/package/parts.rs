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

/// The directory of the WIT package that those of all parts use.
pub const RECORDS: &str = "wit/records";

pub const PARTS: &[Part] = &[
    Part {
        name: "tandem",
        description: "Crash-safe run manifests, heartbeats and run history, on WASI 0.3",
        arguments: &[],
        features: &[],
        wit: "wit",
    },
    Part {
        name: "tandem-blocking",
        description: "Crash-safe run manifests, heartbeats and run history, on WASI 0.2",
        arguments: &["--blocking"],
        features: &["blocking"],
        wit: "wit/blocking",
    },
];
