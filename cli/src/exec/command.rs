//! The command itself: its start, its signals, its end.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, PipeWriter};
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Instant;

use rustix::process::Pid;
use tandem_host::limits::failed_call;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::common::failed;
use super::ended::Ended;
use super::foreground;
use super::groups;
use super::handler::{self, is_gone};
use super::job::{self, Job};
use super::lending::Lending;
use super::outputs::{Outputs, Pumping};
use super::pty;
use super::pump::Shared;
use super::received::{PassedOn, Received};
use super::script;
use super::steps::Steps;
use crate::inherited::Inherited;

/// A command that was started, and the threads that pass its output on.
pub struct Running {
    child: Child,
    /// Its number, also afterwards.
    number: Option<Pid>,
    /// When it was surely there.
    started_at: Instant,
    /// In a group of its own, if that is wanted.
    job: Option<Job>,
    /// Who has the terminal then, whose keys signal that group alone.
    lending: Option<Lending>,
    status: Option<io::Result<ExitStatus>>,
    ended_at: Instant,
    /// Dropped when the command has ended: the threads end once nothing is left to read.
    live: Option<PipeWriter>,
    /// Closed when the threads have ended.
    pumps: mpsc::Receiver<()>,
    /// The command's own, if it has one.
    terminal: Option<pty::Session>,
}

/// Why a command was not started.
pub enum NotStarted {
    /// What it needs could not be made, or a call for it failed, as is told.
    Own(String),
    /// The command cannot be run.
    Command(io::Error),
}

impl NotStarted {
    /// Why a command was not started: a call failed that is none of its own, or something is wrong
    /// with the command.
    fn of(error: io::Error, steps: Option<&Steps>) -> Self {
        match steps.and_then(|steps| steps.failed(&error)) {
            Some(call) => NotStarted::Own(failed_call(call, &error)),
            None => NotStarted::Command(error),
        }
    }
}

impl Running {
    /// Starts the threads, then the command with the program's own input.
    ///
    /// # Errors
    /// [`NotStarted`]; the threads end.
    pub fn start(
        command: &[OsString],
        inherited: &Inherited,
        outputs: Outputs,
        shared: &Arc<Shared>,
        job: Option<job::Options>,
    ) -> Result<Self, NotStarted> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(NotStarted::Command(ErrorKind::NotFound.into()));
        };
        let Pumping { given, live, pumps } = outputs.start(shared).map_err(NotStarted::Own)?;
        let has_terminal = job.is_some() && !given.is_terminal() && foreground::is_ours();
        let needs_steps = job.is_some() || given.is_terminal();
        let spawn = |program: &OsStr, script: Option<&Path>, has_steps: bool| {
            let mut starting = Command::new(program);
            starting.args(script).args(arguments);
            given.give(&mut starting).map_err(failed("dup")).map_err(NotStarted::Own)?;
            let mut steps = None;
            if has_steps {
                let made = Steps::new(&mut starting).map_err(failed("mmap"));
                let steps = steps.insert(made.map_err(NotStarted::Own)?);
                // On a terminal of its own it leads a session, and with it a group.
                if given.is_terminal() {
                    pty::Session::lead(&mut starting, steps);
                } else if job.is_some() {
                    foreground::lead(&mut starting, steps);
                }
            }
            inherited.give(&mut starting);
            let started = handler::with_blocked(&inherited.blocked(), || starting.spawn());
            if started.is_err() && has_terminal {
                foreground::reclaim();
            }
            started.map_err(|error| NotStarted::of(error, steps.as_ref()))
        };
        // The quick way, without steps, tells no call: once more, with them. But what the system cannot
        // run is the program's own matter, and the other way would have `sh` run it; and where the
        // child cannot be watched for lack of memory it may run already.
        let start = |program: &OsStr, script: Option<&Path>| {
            let started = spawn(program, script, needs_steps);
            let is_unclear = matches!(&started, Err(NotStarted::Command(error))
                if ![libc::ENOEXEC, libc::ENOSPC, libc::ENOMEM].map(Some).contains(&error.raw_os_error()));
            if is_unclear && !needs_steps { spawn(program, script, true) } else { started }
        };
        let mut child = start(program, None);
        if let Err(NotStarted::Command(error)) = &child
            && error.raw_os_error() == Some(libc::ENOEXEC)
            && let Some(script) = script::find(program).filter(|path| script::is_text(path))
        {
            child = start(script::SHELL.as_ref(), Some(&script));
        }
        let child = child?;
        let started_at = Instant::now();
        let job = pid_of(&child).zip(job).map(|(pid, options)| Job::new(pid, options));
        let terminal = given.into_session();
        let lending = job.as_ref().filter(|_| terminal.is_none());
        let lending = lending.map(|job| Lending::new(job.group, has_terminal));
        Ok(Running {
            number: pid_of(&child),
            child,
            started_at,
            job,
            lending,
            status: None,
            ended_at: started_at,
            live: Some(live),
            pumps,
            terminal,
        })
    }

    /// Its number, until it was waited for.
    pub fn pid(&self) -> Option<Pid> {
        pid_of(&self.child)
    }

    /// Waits until the command has ended; in a group of its own, all that came from it. Can be dropped
    /// and called again.
    pub async fn ended(&mut self) -> Ended {
        if self.status.is_none() {
            self.status = Some(self.child.wait().await);
            self.ended_at = Instant::now();
            self.take_back_terminal();
        }
        if let Some(job) = &mut self.job {
            job.end().await;
            // What was left may have taken it once more.
            self.take_back_terminal();
        }
        self.live = None;
        let status = match &self.status {
            Some(Ok(status)) => Ok(*status),
            Some(Err(error)) => Err(error.kind().into()),
            None => Err(ErrorKind::Other.into()),
        };
        Ended { status, at: self.ended_at }
    }

    fn take_back_terminal(&self) {
        if let Some(lending) = &self.lending {
            lending.take_back();
        }
    }

    /// Whether a signal was sent by the command, or by what came from it: then nobody asked for
    /// anything.
    pub fn has_sent(&self, received: &Received) -> bool {
        let child = received.caught.child;
        let number = self.number.map_or(0, |pid| pid.as_raw_nonzero().get());
        child != 0 && (child == number || self.job.as_ref().is_some_and(|job| job.is_own(child)))
    }

    /// The signals that the command may have from keys that this process does not see.
    pub fn by_keys(&self) -> impl Iterator<Item = PassedOn> {
        let may_have = self.lending.as_ref().is_some_and(Lending::was_lent);
        let keys = may_have.then_some([libc::SIGINT, libc::SIGQUIT]);
        keys.into_iter().flatten().map(|signal| PassedOn { signal, at: None })
    }

    /// What it left behind, in a group of its own.
    pub fn left_behind(&self) -> Option<String> {
        self.job.as_ref().and_then(Job::told)
    }

    /// Waits until the output of a command that has ended is passed on.
    pub async fn drained(&mut self) {
        // Nothing is ever sent.
        let _ = self.pumps.recv().await;
    }

    /// Signals that the command got by keys of its own terminal, since the last call.
    pub fn typed(&self) -> impl Iterator<Item = PassedOn> {
        self.terminal.iter().flat_map(|terminal| terminal.typed.try_iter())
    }

    /// Whether the command has a terminal of its own: keys that stop are not this program's then.
    pub fn has_own_terminal(&self) -> bool {
        self.terminal.is_some()
    }

    /// The terminal of this program is as it was before the command.
    pub fn give_back_terminal(&self) {
        if let Some(terminal) = &self.terminal {
            terminal.restore();
        }
    }

    /// Passes a signal on to a command that does not have it. Tells whether the command has it now and
    /// had not ended before.
    ///
    /// # Errors
    /// The system's.
    pub fn pass_on(&self, received: &Received) -> io::Result<bool> {
        let pid = self.pid();
        if self.terminal.as_ref().is_some_and(|terminal| terminal.has_told(received)) {
            return Ok(pid.is_some());
        }
        let caught = &received.caught;
        let queued = handler::is_queued(caught.sender.code).then_some(caught.value);
        let sent = match (&self.job, pid) {
            (Some(job), _) => match job.signal(caught.signal, queued) {
                // A command that went away from its group is all that is left of it.
                Err(error)
                    if is_gone(&error)
                        && let Some(pid) = pid =>
                {
                    handler::send(pid.as_raw_nonzero().get(), caught.signal, queued)
                }
                sent => sent,
            },
            (None, Some(pid)) => match self.target(pid, received) {
                Some(target) => handler::send(target, caught.signal, queued),
                None => Ok(()),
            },
            (None, None) => Ok(()),
        };
        match sent {
            // What has just ended needs no signal.
            Err(error) if !is_gone(&error) => Err(error),
            _ => Ok(pid.is_some()),
        }
    }

    /// Who in this process's session is to get a signal: the command, its group, or nobody.
    fn target(&self, pid: Pid, received: &Received) -> Option<i32> {
        let group = groups::of(pid);
        let number = pid.as_raw_nonzero().get();
        let is_elsewhere = group != Some(groups::own());
        if !received.is_groups {
            return Some(number);
        }
        if is_elsewhere {
            // It would have got it with its group.
            return Some(if group == Some(number) { -number } else { number });
        }
        // The group may have got it before the command was there.
        (received.caught.at < self.started_at).then_some(number)
    }

    /// The command went on with this process: it has the terminal again if its group had it.
    pub fn went_on(&self) {
        if let Some(lending) = &self.lending
            && self.pid().is_some()
        {
            lending.went_on();
        }
    }

    /// Whether the terminal goes to and fro between the command's group and this one.
    pub fn lending(&self) -> Option<&Lending> {
        self.lending.as_ref()
    }

    /// The command stands still, as it asked for the terminal while this group had it: it is lent to it
    /// once more. Tells whether it was.
    pub fn lend_terminal(&self) -> bool {
        let is_lent = self.lending.as_ref().is_some_and(Lending::lend);
        if is_lent {
            self.go_on();
        }
        is_lent
    }

    /// Has a group go on that stands still and that nobody else would have go on.
    pub fn go_on(&self) {
        if let Some(job) = &self.job {
            let _ = job.signal(libc::SIGCONT, None);
        }
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| Pid::from_raw(id.cast_signed()))
}
