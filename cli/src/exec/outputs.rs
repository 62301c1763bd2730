//! How the command gets its outputs.

use std::io::{self, PipeWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::sync::Arc;

use tokio::process::Command;
use tokio::sync::mpsc;

use super::common::failed;
use super::pty::{self, Pty};
use super::pump::{self, Shared};
use super::same_place::is_same_place;
use super::tail::{Stream, Tail};
use crate::inherited::{self, STDERR, STDOUT, was_closed};

/// What is asked for.
#[derive(Debug, clap::Args)]
pub struct OutputOptions {
    /// Hand standard output and error on untouched: the command has exec's own. Nothing is kept of
    /// them, neither a tail nor byte counts, and there is no progress line
    #[arg(long, conflicts_with = "pty")]
    no_capture: bool,

    /// Give the command a terminal of its own, for input and both outputs. The one on exec's input, if
    /// there is one, is raw meanwhile: keys go to the command. The outputs are one, on exec's
    /// standard output; there is no progress line
    #[arg(long)]
    pty: bool,
}

/// What is done with the command's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outputs {
    /// Each goes through a pipe of its own.
    Apart,
    /// Both go through one pipe, because both of this program's go to one place: the order in which
    /// they were written can be seen there.
    Together,
    /// Both go through a terminal of the command's own.
    Terminal,
    /// The command has those of this program.
    Untouched,
}

impl Outputs {
    /// What the options and this program's own outputs make of it.
    pub fn choose(options: &OutputOptions) -> Self {
        let is_closed = was_closed(STDOUT) || was_closed(STDERR);
        if options.no_capture {
            Outputs::Untouched
        } else if options.pty {
            Outputs::Terminal
        } else if !is_closed && is_same_place(io::stdout().as_fd(), io::stderr().as_fd()) {
            Outputs::Together
        } else {
            Outputs::Apart
        }
    }

    /// Whether a line of this program's own may stand between what the command writes.
    pub fn have_room_for_progress(self) -> bool {
        matches!(self, Outputs::Apart | Outputs::Together)
    }

    /// The tail of a command that has written nothing: what is passed on is counted.
    pub fn tail(self) -> Tail {
        match self {
            Outputs::Apart => Tail::counting(&[Stream::Stdout, Stream::Stderr]),
            Outputs::Together | Outputs::Terminal => Tail::counting(&[Stream::Stdout]),
            Outputs::Untouched => Tail::counting(&[]),
        }
    }

    /// Starts the threads that pass outputs on.
    ///
    /// # Errors
    /// The call that failed and what the system said; the threads end.
    pub fn start(self, shared: &Arc<Shared>) -> Result<Pumping, String> {
        let (done, pumps) = mpsc::channel(1);
        // One for all threads: descriptors may be few.
        let (ended, live) = io::pipe().map_err(failed("pipe"))?;
        let ended = Arc::new(ended);
        let start = |stream, output: OwnedFd| {
            pump::start(stream, output, ended.clone(), shared.clone(), done.clone())
                .map_err(failed("pthread_create"))
        };
        let pump = |stream| {
            let (output, writer) = io::pipe().map_err(failed("pipe"))?;
            start(stream, output.into())?;
            Ok::<_, String>(writer)
        };
        let given = match self {
            Outputs::Apart => {
                // One that is closed is closed for the command too.
                let is_open = |file: &i32| !was_closed(*file);
                let stdout = Some(STDOUT).filter(is_open).map(|_| pump(Stream::Stdout));
                let stderr = Some(STDERR).filter(is_open).map(|_| pump(Stream::Stderr));
                Given::Pipes(stdout.transpose()?, stderr.transpose()?)
            }
            Outputs::Together => {
                let writer = pump(Stream::Stdout)?;
                let both = writer.try_clone().map_err(failed("dup"))?;
                Given::Pipes(Some(both), Some(writer))
            }
            Outputs::Terminal => {
                let pty = Pty::open()?;
                start(Stream::Stdout, pty.master.try_clone().map_err(failed("dup"))?)?;
                Given::Terminal(pty::Session::start(pty, ended.clone())?)
            }
            Outputs::Untouched => Given::Pipes(None, None),
        };
        Ok(Pumping { given, live, pumps })
    }
}

/// Outputs that are being passed on.
pub struct Pumping {
    pub given: Given,
    /// Dropped when the command has ended: the threads end once nothing is left to read.
    pub live: PipeWriter,
    /// Closed when the threads have ended.
    pub pumps: mpsc::Receiver<()>,
}

/// What the command gets.
pub enum Given {
    /// Standard output and error; those that are missing are this program's own.
    Pipes(Option<PipeWriter>, Option<PipeWriter>),
    /// A terminal.
    Terminal(pty::Session),
}

impl Given {
    /// Has the command start with it.
    ///
    /// # Errors
    /// The system's.
    pub fn give(&self, command: &mut Command) -> io::Result<()> {
        match self {
            Given::Pipes(stdout, stderr) => {
                let give = |writer: &Option<PipeWriter>| match writer {
                    Some(writer) => writer.try_clone().map(Stdio::from),
                    None => Ok(Stdio::inherit()),
                };
                command.stdout(give(stdout)?).stderr(give(stderr)?);
                inherited::close(command);
                Ok(())
            }
            Given::Terminal(session) => session.give(command),
        }
    }

    /// Whether it is a terminal.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Given::Terminal(_))
    }

    /// The terminal, once the command has started: this program's copies of pipes go here.
    pub fn into_session(self) -> Option<pty::Session> {
        match self {
            Given::Pipes(..) => None,
            Given::Terminal(session) => Some(session),
        }
    }
}
