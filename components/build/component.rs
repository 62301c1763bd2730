//! Compiles package `tandem` and turns the core module into a component.
//!
//! The build script includes this file, and so do the programs of `xtask` and tests that need a variant.
//! Every build below one target directory shares `wasm/` there, one after the other under a lock:
//! what compiles the bindings is then compiled once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wit_component::ComponentEncoder;

#[path = "remap.rs"]
mod remap;
#[path = "target.rs"]
pub mod target;

/// What the nested cargo must not inherit. Clippy and coverage tools would compile the component
/// their own way, and a shared build directory could wait for a lock that its parent holds.
const CLEARED: [&str; 11] = [
    "RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CLIPPY_ARGS",
    "CLIPPY_CONF_DIR",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_TARGET_DIR",
];

/// What cargo tells a build script about its own package.
const CLEARED_PREFIXES: [&str; 4] = ["CARGO_CFG_", "CARGO_FEATURE_", "CARGO_PKG_", "DEP_"];

/// A component that users get.
pub struct World {
    /// The world in `wit/` or `wit/blocking/`, and the file's name.
    pub name: &'static str,
    /// The features of package `tandem` that make it.
    pub features: &'static [&'static str],
}

/// Asynchronous, on WASI 0.3.
pub const TANDEM: World = World { name: "tandem", features: &[] };
/// Blocking, on WASI 0.2.
pub const TANDEM_BLOCKING: World = World { name: "tandem-blocking", features: &["blocking"] };

impl World {
    /// As [`Component::build`].
    pub fn build(&self, workspace: &Path, target_dir: &Path, out: &Path) -> Result<usize, String> {
        Component { workspace, target_dir, features: self.features, out }.build()
    }
}

/// One variant of the component.
pub struct Component<'a> {
    /// The directory of the workspace's `Cargo.toml`.
    pub workspace: &'a Path,
    /// The target directory of the outer build.
    pub target_dir: &'a Path,
    /// The features of package `tandem` that are switched on.
    pub features: &'a [&'a str],
    /// Where the component goes. The file is left alone if it would not change.
    pub out: &'a Path,
}

impl Component<'_> {
    /// Build the component and tell its size. An error is one sentence; what the compiler said
    /// stands on standard error before it.
    pub fn build(&self) -> Result<usize, String> {
        self.build_package("tandem")
    }

    /// As [`build`](Self::build), for another package of the workspace, whose features are meant
    /// then.
    pub fn build_package(&self, package: &str) -> Result<usize, String> {
        if !target::installed()? {
            return Err(format!(
                "the {} target is missing: run `cargo xtask setup`",
                target::TARGET
            ));
        }
        let directory = self.target_dir.join("wasm");
        // All variants end in one file.
        let lock = lock(&directory)
            .map_err(|error| format!("cannot lock {}: {error}", directory.display()))?;
        let path = self.compile(package, &directory)?;
        let module = std::fs::read(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        drop(lock);
        let component = encode(&module)?;
        replace(self.out, &component)
            .map_err(|error| format!("cannot write {}: {error}", self.out.display()))?;
        Ok(component.len())
    }

    /// The path of the core module, in `directory`.
    fn compile(&self, package: &str, directory: &Path) -> Result<PathBuf, String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(&cargo);
        // `rustc --crate-type` leaves the rlib out, without which LTO can drop what is unused.
        // The lock file is the outer build's business. The job server passes through.
        command
            .current_dir(self.workspace)
            .args(["rustc", "--quiet", "--locked", "--package", package, "--lib"])
            .args(["--crate-type", "cdylib", "--profile", "component", "--target", target::TARGET])
            .arg("--target-dir")
            .arg(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if !self.features.is_empty() {
            command.arg("--features").arg(self.features.join(","));
        }
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if CLEARED_PREFIXES.iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        for name in CLEARED {
            command.env_remove(name);
        }
        command.env("CARGO_BUILD_BUILD_DIR", directory);
        let mut flags = remap::flags(self.workspace)?;
        // Texts are scanned with it, and every host has it.
        flags.push("\u{1f}-Ctarget-feature=+simd128");
        command.env("CARGO_ENCODED_RUSTFLAGS", flags);
        // The linker pads every reference to five bytes, 8 % of the component, unless it is told.
        command.args(["--", "-Clink-arg=--compress-relocations"]);

        let status =
            command.status().map_err(|error| format!("cannot run {}: {error}", cargo.display()))?;
        if !status.success() {
            return Err(String::from("the component does not compile: see the messages of cargo"));
        }
        Ok(directory
            .join(target::TARGET)
            .join("component")
            .join(format!("{}.wasm", package.replace('-', "_"))))
    }
}

/// Holds the directory until the result is dropped.
fn lock(directory: &Path) -> std::io::Result<std::fs::File> {
    std::fs::create_dir_all(directory)?;
    let file = std::fs::File::create(directory.join(".tandem-lock"))?;
    file.lock()?;
    Ok(file)
}

/// The target directory that holds `path`, by cargo's marks. It has the first only if cargo created
/// it.
pub fn target_dir_of(path: &Path) -> Option<&Path> {
    let marks = ["CACHEDIR.TAG", ".rustc_info.json"];
    path.ancestors().find(|directory| marks.iter().any(|mark| directory.join(mark).is_file()))
}

/// The module must carry the WIT of its world, which `wit-bindgen` put into a custom section.
fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| format!("the core module makes no valid component: {error:#}"))
}

/// Write the file in one step, and only if its content changes.
pub fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}", std::process::id()));
    std::fs::write(&temporary, content)?;
    std::fs::rename(&temporary, path)
}
