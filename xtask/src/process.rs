//! Running other programs, and saying what went wrong in one sentence.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

/// Why a command ended early: one sentence, and the exit code.
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// The command line is wrong.
    pub fn usage(message: String) -> Self {
        Self { message, code: 2 }
    }

    pub fn report(self) -> ExitCode {
        // Nobody is left to tell when standard error is gone.
        let _ = writeln!(std::io::stderr(), "error: {self}");
        ExitCode::from(self.code)
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self { message, code: 1 }
    }
}

/// Write a line to standard output.
pub fn say(line: impl Display) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{line}").map_err(no_output)
}

/// Standard output is gone.
pub fn no_output(error: std::io::Error) -> Failure {
    format!("cannot write to standard output: {error}").into()
}

pub fn no_more(arguments: &[OsString]) -> Result<(), Failure> {
    match arguments.first() {
        None => Ok(()),
        Some(first) => Err(Failure::usage(format!("unexpected argument {}", first.display()))),
    }
}

/// The directory of the workspace.
pub fn workspace() -> Result<PathBuf, Failure> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let workspace = package.as_deref().and_then(Path::parent).map(Path::to_owned);
    workspace.ok_or_else(|| String::from("run this as `cargo xtask`").into())
}

/// The file of this program.
pub fn this() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| format!("cannot find the program that runs: {error}").into())
}

/// The file of another program that cargo built, in `debug` or `release`.
pub fn program(profile: &str, name: &str) -> Result<PathBuf, Failure> {
    let this = this()?;
    let target_dir = this.parent().and_then(Path::parent);
    let profile = target_dir.map(|target_dir| target_dir.join(profile));
    let profile = profile.ok_or_else(|| format!("{} is in no target directory", this.display()))?;
    Ok(profile.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

/// The cargo that runs this program.
pub fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    // What cargo tells this program of its package. A build script that looks at it, as `ring` does,
    // would run again, and with it all that needs it, for who calls cargo by hand the next time.
    let told = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(told)) {
        command.env_remove(name);
    }
    command
}

/// Run a program that says for itself what goes wrong, and pass its exit code on.
pub fn run(command: &mut Command) -> Result<u8, Failure> {
    let status = command
        .status()
        .map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))?;
    Ok(code(status))
}

/// Run a program that must succeed; `what` says what for.
pub fn must(what: impl AsRef<OsStr>, command: &mut Command) -> Result<(), Failure> {
    match run(command)? {
        0 => Ok(()),
        code => Err(format!("{} failed with code {code}", what.as_ref().display()).into()),
    }
}

/// The same of a program that runs beside others: what it prints goes into `printed`.
pub fn must_apart(
    what: impl AsRef<OsStr>,
    command: &mut Command,
    printed: &mut Vec<u8>,
) -> Result<(), Failure> {
    let shown = command.get_program().display().to_string();
    let wrong = |error| format!("cannot run {shown}: {error}");
    let (mut reader, writer) = std::io::pipe().map_err(wrong)?;
    let beside = writer.try_clone().map_err(wrong)?;
    let mut child = command.stdout(writer).stderr(beside).spawn().map_err(wrong)?;
    // The command has the ends that are written to, and would keep the other one open.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    reader.read_to_end(printed).map_err(wrong)?;
    match code(child.wait().map_err(wrong)?) {
        0 => Ok(()),
        code => Err(format!("{} failed with code {code}", what.as_ref().display()).into()),
    }
}

fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
