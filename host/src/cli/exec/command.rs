//! The command itself: its start, its signals, its end.

use std::ffi::OsString;
use std::io::{self, ErrorKind, PipeWriter};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use super::manifest::{self, End, Status};
use super::pump::{self, Shared};
use super::signals::{self, Received};
use super::tail::Stream;

/// The command is there but cannot be run.
const EXIT_NOT_EXECUTABLE: u8 = 126;
/// There is no such command.
const EXIT_NOT_FOUND: u8 = 127;
/// Added to the number of the signal that ended something.
const EXIT_SIGNAL: i32 = 128;

/// A command that was started, and the threads that pass its output on.
pub struct Running {
    child: Child,
    status: Option<io::Result<ExitStatus>>,
    /// Dropped when the command has ended: the threads end once nothing is left to read.
    live: Vec<PipeWriter>,
    pumps: Vec<JoinHandle<io::Result<()>>>,
    drained: Option<oneshot::Receiver<()>>,
}

/// The command is over.
pub struct Ended(io::Result<ExitStatus>);

impl Running {
    /// Starts the command with the program's own input, and the threads.
    ///
    /// # Errors
    /// The system's.
    pub fn start(command: &[OsString], shared: &Arc<Shared>) -> io::Result<Self> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(ErrorKind::NotFound.into());
        };
        let (stdout, stdout_writer) = io::pipe()?;
        let (stderr, stderr_writer) = io::pipe()?;
        let mut starting = Command::new(program);
        starting.args(arguments).stdout(stdout_writer).stderr(stderr_writer);
        let child = starting.spawn()?;
        // Holds the command's ends of the pipes.
        drop(starting);

        let mut live = Vec::new();
        let mut pumps = Vec::new();
        for (stream, output) in [(Stream::Stdout, stdout), (Stream::Stderr, stderr)] {
            let (ended, writer) = io::pipe()?;
            live.push(writer);
            pumps.push(pump::start(stream, output, ended, shared.clone())?);
        }
        Ok(Running { child, status: None, live, pumps, drained: None })
    }

    /// Waits until the command has ended and its output is passed on. Can be dropped and called
    /// again.
    pub async fn ended(&mut self) -> Ended {
        if self.status.is_none() {
            self.status = Some(self.child.wait().await);
            self.live.clear();
        }
        if self.drained.is_none() {
            let (sender, receiver) = oneshot::channel();
            self.drained = Some(receiver);
            let pumps = std::mem::take(&mut self.pumps);
            std::thread::spawn(move || {
                for pump in pumps {
                    // Output that nobody takes any more is the command's affair, not an error.
                    let _ = pump.join();
                }
                let _ = sender.send(());
            });
        }
        if let Some(drained) = &mut self.drained {
            let _ = drained.await;
        }
        self.give_up()
    }

    /// Passes a signal on; false if the command has ended already.
    pub fn pass_on(&self, received: Received) -> bool {
        if self.status.is_some() {
            return false;
        }
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if !received.is_from_terminal
            && let (Some(pid), Some(signal)) = (pid, Signal::from_named_raw(received.signal))
        {
            // A command that has just ended needs no signal.
            let _ = kill_process(pid, signal);
        }
        true
    }

    /// The command's end, without waiting for its output to be taken.
    pub fn give_up(&mut self) -> Ended {
        Ended(self.status.take().unwrap_or_else(|| Err(ErrorKind::WouldBlock.into())))
    }
}

impl Ended {
    /// Whether a signal ended the command.
    pub fn is_by_signal(&self) -> bool {
        self.0.as_ref().is_ok_and(|status| status.signal().is_some())
    }

    /// What the manifest tells; `passed_on` are the signals that the command got from Tandem.
    pub fn into_end(self, passed_on: &[i32]) -> End {
        let failed = |exit_code, detail: String| End {
            status: Status::Failed,
            exit_code,
            detail: Some(detail),
            was_started: true,
        };
        let status = match self.0 {
            Ok(status) => status,
            Err(error) => return failed(1, format!("cannot wait for the command: {error}")),
        };
        if let Some(signal) = status.signal() {
            let detail = format!("killed by signal {}", signals::name(signal));
            let end = failed(exit_code_of(signal), detail);
            let is_cancelled = passed_on.contains(&signal);
            return End {
                status: if is_cancelled { Status::Cancelled } else { end.status },
                ..end
            };
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
pub fn not_started(command: &[OsString], error: &io::Error) -> End {
    let program = command.first().map(|program| program.to_string_lossy()).unwrap_or_default();
    let (exit_code, why) = match error.kind() {
        ErrorKind::NotFound => (EXIT_NOT_FOUND, "command not found".to_owned()),
        _ => (EXIT_NOT_EXECUTABLE, format!("command cannot be run: {error}")),
    };
    End {
        status: Status::Failed,
        exit_code,
        detail: Some(format!("{why}: {program}")),
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
