//! The end of a run whose command was not started, and what exit code that gives.

use std::ffi::OsString;
use std::io::ErrorKind;

use super::command::NotStarted;
use super::ended::exit_code_of;
use super::manifest::End;
use super::script;
use super::signal;
use super::status::Status;

/// The state cannot be kept: the command was not started.
pub const EXIT_NO_STATE: u8 = 125;
/// The command is there but cannot be run.
const EXIT_NOT_EXECUTABLE: u8 = 126;
/// There is no such command.
const EXIT_NOT_FOUND: u8 = 127;

/// The end of a command that could not be started.
pub fn not_started(command: &[OsString], error: &NotStarted) -> End {
    let program = command.first().map(|program| program.to_string_lossy()).unwrap_or_default();
    let (exit_code, why) = match error {
        NotStarted::Own(error) => (EXIT_NO_STATE, format!("cannot run a command: {error}:")),
        NotStarted::Command(error) => {
            let interpreter = command.first().and_then(|program| script::find(program));
            let interpreter = interpreter.and_then(|path| script::bad_interpreter(&path));
            let exit_code = match error.kind() {
                ErrorKind::NotFound => EXIT_NOT_FOUND,
                _ => EXIT_NOT_EXECUTABLE,
            };
            let why = match (interpreter, error.kind()) {
                (Some(path), ErrorKind::NotFound) => {
                    format!("interpreter not found: {}, of", path.display())
                }
                (Some(path), ErrorKind::PermissionDenied) => {
                    format!("interpreter cannot be run: {error}: {}, of", path.display())
                }
                (_, ErrorKind::NotFound) => "command not found:".to_owned(),
                _ => format!("command cannot be run: {error}:"),
            };
            (exit_code, why)
        }
    };
    End {
        status: Status::Failed,
        exit_code,
        detail: Some(format!("{why} {program}")),
        was_started: false,
    }
}

/// The end of a run whose state cannot be kept.
pub fn without_state() -> End {
    End {
        status: Status::Failed,
        exit_code: EXIT_NO_STATE,
        detail: Some("the state cannot be kept, the command was not started".to_owned()),
        was_started: false,
    }
}

/// The end of a run that was cancelled before its command was started.
pub fn cancelled_before_start(signal: i32) -> End {
    End {
        status: Status::Cancelled,
        exit_code: exit_code_of(signal),
        detail: Some(format!("cancelled before its start by {}", signal::name(signal))),
        was_started: false,
    }
}
