//! Builds the sample plugin and the component, and composes them as the file that the one argument
//! names.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, plug};

#[path = "../../../components/build/component.rs"]
#[expect(dead_code, reason = "the build script uses all of it")]
mod component;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(std::io::stderr(), "error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let (Some(out), Some(package)) =
        (std::env::args_os().nth(1).map(PathBuf::from), std::env::var_os("CARGO_MANIFEST_DIR"))
    else {
        return Err(String::from("run this as `cargo xtask plugin`"));
    };
    let program = std::env::current_exe()
        .map_err(|error| format!("cannot find the target directory: {error}"))?;
    let target_dir = component::target_dir_of(&program)
        .ok_or_else(|| format!("{} is in no target directory", program.display()))?;
    let workspace = PathBuf::from(package).join("..");
    let workspace = workspace
        .canonicalize()
        .map_err(|error| format!("cannot open {}: {error}", workspace.display()))?;

    let build = |package| {
        let out = &target_dir.join("wasm").join(package).with_extension("component.wasm");
        component::Component { workspace: &workspace, target_dir, features: &[], out }
            .build_package(package)?;
        std::fs::read(out).map_err(|error| format!("cannot read {}: {error}", out.display()))
    };
    let composed = compose(build("sample-plugin")?, build("tandem")?)?;
    component::replace(&out, &composed)
        .map_err(|error| format!("cannot write {}: {error}", out.display()))?;
    writeln!(std::io::stdout(), "{}: {} bytes", out.display(), composed.len())
        .map_err(|error| format!("cannot write to standard output: {error}"))
}

/// The plugin with a Tandem of its own inside: what it imports of Tandem is answered there, and
/// what Tandem imports is all that is left to import. `wac plug PLUGIN --plug TANDEM` does the same.
fn compose(plugin: Vec<u8>, tandem: Vec<u8>) -> Result<Vec<u8>, String> {
    let mut graph = CompositionGraph::new();
    let mut register = |name: &str, bytes| {
        let package = Package::from_bytes(name, None, bytes, graph.types_mut())
            .map_err(|error| format!("cannot read the component {name}: {error:#}"))?;
        graph.register_package(package).map_err(|error| error.to_string())
    };
    let (plugin, tandem) = (register("plugin", plugin)?, register("tandem", tandem)?);
    plug(&mut graph, vec![tandem], plugin)
        .map_err(|error| format!("cannot plug Tandem into the plugin: {error}"))?;
    graph
        .encode(EncodeOptions::default())
        .map_err(|error| format!("cannot encode the composition: {error}"))
}
