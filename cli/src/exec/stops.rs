//! When a command stands still, and whether `exec` does so with it.

use std::time::Instant;

use rustix::process::Pid;

use super::children::Change;
use super::foreground;
use super::processes;
use super::received::Received;
use super::signal::STOP;
use super::signals::stand_still;

/// What is known of a command.
pub struct Stops {
    /// It is in a group of its own.
    is_apart: bool,
    /// `exec` itself was asked to stand still, and nobody had it go on since.
    is_asked: bool,
    is_stopped: bool,
    /// `exec` stood still, and the signal that has it and the command go on was not seen since.
    is_to_go_on: bool,
    stood_still_at: Option<Instant>,
}

impl Stops {
    /// With `is_apart` the command is in a group of its own.
    pub fn new(is_apart: bool) -> Self {
        Stops {
            is_apart,
            is_asked: false,
            is_stopped: false,
            is_to_go_on: false,
            stood_still_at: None,
        }
    }

    /// Whether a signal counts that came: of what came before this process stood still, nothing that
    /// stops does.
    pub fn counts(&self, received: &Received) -> bool {
        !STOP.contains(&received.signal())
            || self.stood_still_at.is_none_or(|at| received.caught.at > at)
    }

    /// Whether the command stands still because it asked for the terminal. If that `is_shared`, another
    /// program that runs commands may stand still with the one that asked.
    pub fn wants_terminal(&self, change: Change, is_shared: bool) -> bool {
        let Change::Stopped(signal) = change else { return false };
        let is_of_terminal = [libc::SIGTTIN, libc::SIGTTOU].contains(&signal);
        !self.is_asked && (is_of_terminal || is_shared && signal == libc::SIGSTOP)
    }

    /// Whether the command is to go on with this process, and the signal for that has not come: one that
    /// a terminal sends to stop its group takes it away.
    pub fn is_to_go_on(&mut self) -> bool {
        std::mem::take(&mut self.is_to_go_on)
    }

    /// Whether this process was asked to stand still, and has not done so.
    pub fn is_asked(&self) -> bool {
        self.is_asked
    }

    pub fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// A signal came, and was passed on. Stands still if the command does. Tells whether both go on
    /// since.
    pub fn received(&mut self, command: Option<Pid>, received: &Received) -> bool {
        if received.signal() == libc::SIGCONT {
            self.is_asked = false;
            self.is_to_go_on = false;
            return true;
        }
        if !STOP.contains(&received.signal()) {
            return false;
        }
        self.is_asked = true;
        self.is_stopped && command.is_some_and(|command| self.follow(command, false))
    }

    /// The command has changed. Stands still with it if somebody has this process go on again: who
    /// asked it to stand still, or a shell whose job it is. Tells whether it did.
    pub fn changed(&mut self, command: Pid, change: Change) -> bool {
        let Change::Stopped(signal) = change else {
            self.is_stopped = false;
            self.is_to_go_on = false;
            return false;
        };
        self.is_stopped = true;
        // One stopped in the background by SIGSTOP is somebody's who has it go on by itself.
        let is_stop = STOP.contains(&signal) || foreground::is_here(command);
        // What stops the command's group has not stopped the others of this job, such as a script.
        let is_of_shell = is_stop
            && if self.is_apart { foreground::can_stand_still() } else { foreground::is_job() };
        let is_whole = self.is_apart && is_of_shell && !self.is_asked;
        (self.is_asked || is_of_shell) && self.follow(command, is_whole)
    }

    /// Stands still, and if `is_whole` has all of this group do so: at once, because a shell may have the
    /// job go on as soon as the process that it knows stands still.
    fn follow(&mut self, command: Pid, is_whole: bool) -> bool {
        // Somebody may have had all of them go on meanwhile, who would not do so once more.
        if processes::is_stopped(command.as_raw_nonzero().get()) == Some(false) {
            return false;
        }
        // Until now: the next signals may be taken before this thread goes on.
        let until = Instant::now();
        stand_still(is_whole);
        self.is_asked = false;
        self.is_to_go_on = true;
        self.stood_still_at = Some(until);
        true
    }
}
