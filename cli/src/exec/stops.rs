//! When a command stands still, and whether `exec` does so with it.

use std::time::Instant;

use rustix::process::Pid;

use super::children::Change;
use super::foreground;
use super::received::Received;
use super::signal::STOP;
use super::signals::stand_still;

/// What is known of a command.
#[derive(Default)]
pub struct Stops {
    /// `exec` itself was asked to stand still, and nobody had it go on since.
    is_asked: bool,
    is_stopped: bool,
    went_on_at: Option<Instant>,
}

impl Stops {
    /// Whether a signal counts that came: of what came before this process went on, nothing that
    /// stops does.
    pub fn counts(&self, received: &Received) -> bool {
        !STOP.contains(&received.signal())
            || self.went_on_at.is_none_or(|went_on_at| received.caught.at > went_on_at)
    }

    /// Whether the command stands still because it read or set the terminal.
    pub fn wants_terminal(&self, change: Change) -> bool {
        let by_terminal = [libc::SIGTTIN, libc::SIGTTOU].map(Change::Stopped);
        !self.is_asked && by_terminal.contains(&change)
    }

    /// A signal came, and was passed on. Stands still if the command does.
    pub fn received(&mut self, received: &Received) {
        if received.signal() == libc::SIGCONT {
            self.is_asked = false;
        } else if STOP.contains(&received.signal()) {
            self.is_asked = true;
            if self.is_stopped {
                self.follow();
            }
        }
    }

    /// The command has changed. Stands still with it if somebody has this process go on again: who
    /// asked it to stand still, or a shell whose job it is. Tells whether it did.
    pub fn changed(&mut self, command: Pid, change: Change) -> bool {
        let Change::Stopped(signal) = change else {
            self.is_stopped = false;
            return false;
        };
        self.is_stopped = true;
        // One stopped in the background by SIGSTOP is somebody's who has it go on by itself.
        let is_of_shell =
            foreground::is_job() && (STOP.contains(&signal) || foreground::is_here(command));
        let is_followed = self.is_asked || is_of_shell;
        if is_followed {
            self.follow();
        }
        is_followed
    }

    fn follow(&mut self) {
        stand_still();
        *self = Stops { went_on_at: Some(Instant::now()), ..Stops::default() };
    }
}
