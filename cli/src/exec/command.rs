//! The command itself: its start, its signals, its end.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, PipeWriter};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::manifest::{self, End};
use super::pump::{self, Shared};
use super::script;
use super::signals::{self, Received};
use super::status::Status;
use super::tail::Stream;
use crate::inherited::Inherited;

/// The state cannot be kept: the command was not started.
pub const EXIT_NO_STATE: u8 = 125;
/// The command is there but cannot be run.
const EXIT_NOT_EXECUTABLE: u8 = 126;
/// There is no such command.
const EXIT_NOT_FOUND: u8 = 127;
/// Added to the number of the signal that ended something.
const EXIT_SIGNAL: i32 = 128;

/// The signals that ask a command to end.
const END_SIGNALS: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
/// How long after such a signal any end but a good one is taken as the answer to it.
const CANCELLED_WITHIN: Duration = Duration::from_secs(10);

/// A signal that the command got from Tandem, or with it.
#[derive(Debug, Clone, Copy)]
pub struct PassedOn {
    /// Its number.
    pub signal: i32,
    /// When Tandem had it.
    pub at: Instant,
}

/// A command that was started, and the threads that pass its output on.
pub struct Running {
    child: Child,
    status: Option<io::Result<ExitStatus>>,
    /// Dropped when the command has ended: the threads end once nothing is left to read.
    live: Vec<PipeWriter>,
    /// Closed when the threads have ended.
    pumps: mpsc::Receiver<()>,
}

/// Why a command was not started.
pub enum NotStarted {
    /// What it needs could not be made.
    Own(io::Error),
    /// The command cannot be run.
    Command(io::Error),
}

impl Running {
    /// Starts the threads, then the command with the program's own input.
    ///
    /// # Errors
    /// [`NotStarted`]; the threads end.
    pub fn start(
        command: &[OsString],
        inherited: &Inherited,
        shared: &Arc<Shared>,
    ) -> Result<Self, NotStarted> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(NotStarted::Command(ErrorKind::NotFound.into()));
        };
        let (done, pumps) = mpsc::channel(1);
        let mut live = Vec::new();
        let mut pump = |stream| {
            let (output, writer) = io::pipe()?;
            let (ended, live_writer) = io::pipe()?;
            live.push(live_writer);
            pump::start(stream, output, ended, shared.clone(), done.clone())?;
            Ok(writer)
        };
        let stdout = pump(Stream::Stdout).map_err(NotStarted::Own)?;
        let stderr = pump(Stream::Stderr).map_err(NotStarted::Own)?;
        let spawn = |program: &OsStr, script: Option<&Path>| {
            let mut starting = Command::new(program);
            starting.args(script).args(arguments);
            starting.stdout(stdout.try_clone().map_err(NotStarted::Own)?);
            starting.stderr(stderr.try_clone().map_err(NotStarted::Own)?);
            inherited.give(&mut starting);
            starting.spawn().map_err(NotStarted::Command)
        };
        let mut child = spawn(program, None);
        if let Err(NotStarted::Command(error)) = &child
            && error.raw_os_error() == Some(libc::ENOEXEC)
            && let Some(script) = script::find(program).filter(|path| script::is_text(path))
        {
            child = spawn(script::SHELL.as_ref(), Some(&script));
        }
        let child = child?;
        // This process's copies of the command's ends go here.
        Ok(Running { child, status: None, live, pumps })
    }

    /// Waits until the command has ended. Can be dropped and called again.
    pub async fn ended(&mut self) -> Ended {
        if self.status.is_none() {
            self.status = Some(self.child.wait().await);
            self.live.clear();
        }
        match &self.status {
            Some(Ok(status)) => Ended(Ok(*status)),
            Some(Err(error)) => Ended(Err(error.kind().into())),
            None => Ended(Err(ErrorKind::Other.into())),
        }
    }

    /// Waits until the output of a command that has ended is passed on.
    pub async fn drained(&mut self) {
        // Nothing is ever sent.
        let _ = self.pumps.recv().await;
    }

    /// Passes a signal on to a command that has not ended.
    pub fn pass_on(&self, received: Received) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if !received.is_from_terminal
            && let (Some(pid), Some(signal)) = (pid, Signal::from_named_raw(received.signal))
        {
            // A command that has just ended needs no signal.
            let _ = kill_process(pid, signal);
        }
    }
}

/// The command is over.
pub struct Ended(io::Result<ExitStatus>);

impl Ended {
    /// Whether a signal ended the command, or it says so.
    pub fn is_by_signal(&self) -> bool {
        let is_told = |status: &ExitStatus| status.code().is_some_and(|code| code > EXIT_SIGNAL);
        self.0.as_ref().is_ok_and(|status| status.signal().is_some() || is_told(status))
    }

    /// What the manifest tells of a command that ended `now`.
    pub fn end(&self, passed_on: &[PassedOn], now: Instant) -> End {
        let failed = |exit_code, detail: String| {
            let mut asked = passed_on.iter().rev().filter(|on| END_SIGNALS.contains(&on.signal));
            let is_answer = |on: &&PassedOn| {
                exit_code_of(on.signal) == exit_code
                    || now.saturating_duration_since(on.at) <= CANCELLED_WITHIN
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
        let status = match &self.0 {
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

/// The command as one would type it.
pub fn shown(command: &[OsString]) -> String {
    let words: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
    let quoted = shlex::try_join(words.iter().map(|word| word.as_ref()));
    // A word with a NUL cannot be quoted, nor run.
    quoted.unwrap_or_else(|_| words.join(" "))
}

/// A run id that sorts by time: `2026-01-06T00-27-16-820Z-ca34f41d`.
pub fn new_run_id() -> String {
    let time = manifest::now().replace([':', '.'], "-");
    // Without randomness the time alone has to do.
    let random = getrandom::u32().unwrap_or_default();
    format!("{time}-{random:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The end of a command with this status, some time after a signal.
    fn status(wait_status: i32, signal: i32, after: Duration) -> Status {
        let at = Instant::now();
        let ended = Ended(Ok(ExitStatus::from_raw(wait_status)));
        ended.end(&[PassedOn { signal, at }], at + after).status
    }

    const fn code(code: i32) -> i32 {
        code << 8
    }

    #[test]
    fn any_bad_end_within_ten_seconds_of_a_signal_is_the_answer_to_it() {
        for signal in END_SIGNALS {
            for bad in [code(1), code(137), 9] {
                assert_eq!(status(bad, signal, 10 * SECOND), Status::Cancelled);
                assert_eq!(status(bad, signal, 11 * SECOND), Status::Failed);
            }
            assert_eq!(status(code(0), signal, SECOND), Status::Succeeded);
        }
    }

    #[test]
    fn an_end_that_names_the_signal_is_the_answer_however_late() {
        for signal in END_SIGNALS {
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
