//! Builds the component as the file that the one argument names.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[path = "../../../host/build/component.rs"]
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
        return Err(String::from("run this as `cargo xtask component`"));
    };
    let program = std::env::current_exe()
        .map_err(|error| format!("cannot find the target directory: {error}"))?;
    let target_dir = component::target_dir_of(&program)
        .ok_or_else(|| format!("{} is in no target directory", program.display()))?;
    let workspace = PathBuf::from(package).join("..");
    let workspace = workspace
        .canonicalize()
        .map_err(|error| format!("cannot open {}: {error}", workspace.display()))?;
    let bytes = component::Component {
        workspace: &workspace,
        target_dir: &target_dir.join("wasm").join("default"),
        features: &[],
        out: &out,
    }
    .build()?;
    writeln!(std::io::stdout(), "{}: {bytes} bytes", out.display())
        .map_err(|error| format!("cannot write to standard output: {error}"))
}
