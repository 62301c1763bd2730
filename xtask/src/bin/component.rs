//! Builds the component of the world that the first argument names, as the file that the second one
//! names.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[path = "../../../components/build/component.rs"]
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
    let mut arguments = std::env::args_os().skip(1);
    let (Some(name), Some(out), Some(package)) =
        (arguments.next(), arguments.next(), std::env::var_os("CARGO_MANIFEST_DIR"))
    else {
        return Err(String::from("run this as `cargo xtask component`"));
    };
    let worlds = [component::TANDEM, component::TANDEM_BLOCKING];
    let Some(world) = worlds.into_iter().find(|world| name == world.name) else {
        return Err(format!("there is no such world: {}", name.display()));
    };
    let out = PathBuf::from(out);
    let program = std::env::current_exe()
        .map_err(|error| format!("cannot find the target directory: {error}"))?;
    let target_dir = component::target_dir_of(&program)
        .ok_or_else(|| format!("{} is in no target directory", program.display()))?;
    let workspace = PathBuf::from(package).join("..");
    let workspace = workspace
        .canonicalize()
        .map_err(|error| format!("cannot open {}: {error}", workspace.display()))?;
    let bytes = world.build(&workspace, target_dir, &out)?;
    writeln!(std::io::stdout(), "{}: {bytes} bytes", out.display())
        .map_err(|error| format!("cannot write to standard output: {error}"))
}
