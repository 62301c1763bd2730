//! `tandem component`: the component, for other hosts.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tandem_components::TANDEM;

use super::plain::{complain, plain};
use super::waiting;

/// Write the WebAssembly component to a file, for use in any host of WASI 0.3.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to write it; a file that is there is replaced at once, - is standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Writes the component, and says where and how large it is.
pub fn run(args: &Args) -> ExitCode {
    match write(&args.out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            complain("component", &message);
            ExitCode::FAILURE
        }
    }
}

fn write(out: &Path) -> Result<(), String> {
    if out == Path::new("-") {
        if io::stdout().is_terminal() {
            return Err("the component is binary, a terminal cannot show it".to_owned());
        }
        return waiting::stdout()
            .write_all(TANDEM)
            .map_err(|error| format!("cannot write to standard output: {error}"));
    }
    save(out).map_err(|error| format!("cannot write {}: {error}", out.display()))?;
    let path = plain(&out.display().to_string());
    // The file is there, whoever reads this.
    let _ = writeln!(waiting::stdout(), "wrote {path}, {} bytes", TANDEM.len());
    Ok(())
}

fn save(out: &Path) -> io::Result<()> {
    // A link stays a link; what it points to is replaced.
    let target = match fs::canonicalize(out) {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => out.to_owned(),
        Err(error) => return Err(error),
    };
    match fs::metadata(&target) {
        Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        // A device or a pipe takes the bytes; it must not be replaced by a file.
        Ok(metadata) if !metadata.is_file() => {
            OpenOptions::new().write(true).open(&target)?.write_all(TANDEM)
        }
        _ => replace(&target),
    }
}

fn replace(target: &Path) -> io::Result<()> {
    let name = target.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = target.with_file_name(temporary);
    let mut file = File::create_new(&temporary)?;
    let written = file
        .write_all(TANDEM)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, target));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    written
}
