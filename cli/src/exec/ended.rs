//! How a command ended, or that it was not started, and what exit code that gives.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use super::command::NotStarted;
use super::manifest::End;
use super::script;
use super::signals;
use super::status::Status;

/// The state cannot be kept: the command was not started.
pub const EXIT_NO_STATE: u8 = 125;
/// The command is there but cannot be run.
const EXIT_NOT_EXECUTABLE: u8 = 126;
/// There is no such command.
const EXIT_NOT_FOUND: u8 = 127;
/// Added to the number of the signal that ended something.
const EXIT_SIGNAL: i32 = 128;

/// How long after such a signal any end but a good one is taken as the answer to it.
const CANCELLED_WITHIN: Duration = Duration::from_secs(10);

/// A signal that the command got from Tandem, or with it.
#[derive(Debug, Clone, Copy)]
pub struct PassedOn {
    /// Its number.
    pub signal: i32,
    /// When Tandem had it, if it had.
    pub at: Option<Instant>,
}

/// The command is over.
pub struct Ended {
    pub status: io::Result<ExitStatus>,
    pub at: Instant,
}

impl Ended {
    /// Whether it ended with anything but 0.
    pub fn is_bad(&self) -> bool {
        !self.status.as_ref().is_ok_and(ExitStatus::success)
    }

    /// What the manifest tells of it.
    pub fn end(&self, passed_on: &[PassedOn]) -> End {
        let failed = |exit_code, detail: String| {
            let mut asked = passed_on.iter().rev().filter(|on| signals::END.contains(&on.signal));
            let is_answer = |on: &&PassedOn| {
                exit_code_of(on.signal) == exit_code
                    || on
                        .at
                        .is_some_and(|at| self.at.saturating_duration_since(at) <= CANCELLED_WITHIN)
            };
            let cancelled_by = asked.find(is_answer).map(|on| on.signal);
            let detail = match cancelled_by {
                Some(signal) if exit_code_of(signal) != exit_code => {
                    format!("{detail}, after {}", signals::name(signal))
                }
                _ => detail,
            };
            End {
                status: if cancelled_by.is_some() { Status::Cancelled } else { Status::Failed },
                exit_code,
                detail: Some(detail),
                was_started: true,
            }
        };
        let status = match &self.status {
            Ok(status) => status,
            Err(error) => {
                return End {
                    status: Status::Failed,
                    exit_code: 1,
                    detail: Some(format!("cannot wait for the command: {error}")),
                    was_started: true,
                };
            }
        };
        if let Some(signal) = status.signal() {
            let detail = format!("killed by signal {}", signals::name(signal));
            return failed(exit_code_of(signal), detail);
        }
        match status.code().map(|code| u8::try_from(code & 0xff).unwrap_or(1)) {
            Some(0) => {
                End { status: Status::Succeeded, exit_code: 0, detail: None, was_started: true }
            }
            code => {
                let code = code.unwrap_or(1);
                failed(code, format!("exit code {code}"))
            }
        }
    }
}

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
        detail: Some(format!("cancelled before its start by {}", signals::name(signal))),
        was_started: false,
    }
}

fn exit_code_of(signal: i32) -> u8 {
    u8::try_from(EXIT_SIGNAL + signal).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The end of a command with this status, some time after a signal.
    fn status(wait_status: i32, signal: i32, after: Duration) -> Status {
        let at = Instant::now();
        let ended = Ended { status: Ok(ExitStatus::from_raw(wait_status)), at: at + after };
        ended.end(&[PassedOn { signal, at: Some(at) }]).status
    }

    const fn code(code: i32) -> i32 {
        code << 8
    }

    #[test]
    fn any_bad_end_within_ten_seconds_of_a_signal_is_the_answer_to_it() {
        for signal in signals::END {
            for bad in [code(1), code(137), 9] {
                assert_eq!(status(bad, signal, 10 * SECOND), Status::Cancelled);
                assert_eq!(status(bad, signal, 11 * SECOND), Status::Failed);
            }
            assert_eq!(status(code(0), signal, SECOND), Status::Succeeded);
        }
    }

    #[test]
    fn an_end_that_names_the_signal_is_the_answer_however_late() {
        for signal in signals::END {
            assert_eq!(status(signal, signal, 3_600 * SECOND), Status::Cancelled);
            assert_eq!(status(code(128 + signal), signal, 3_600 * SECOND), Status::Cancelled);
        }
    }

    #[test]
    fn a_signal_that_asks_for_no_end_cancels_nothing() {
        let signal = signal_hook::consts::SIGUSR1;
        for end in [signal, code(128 + signal), code(1)] {
            assert_eq!(status(end, signal, SECOND), Status::Failed);
        }
    }
}
