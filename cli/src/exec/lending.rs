//! The terminal between a command in a group of its own and the group of `exec`: it is lent to the
//! command, and whoever asks for it gets it.

use std::cell::Cell;

use rustix::process::Pid;

use super::foreground;
use super::processes::Processes;

/// Who may have the terminal of this process.
pub struct Lending {
    /// The command's.
    group: Pid,
    /// The command's group has had it.
    was_lent: Cell<bool>,
    /// Somebody in the group of `exec` has asked for it since.
    is_shared: Cell<bool>,
}

impl Lending {
    pub fn new(group: Pid, was_lent: bool) -> Self {
        Lending { group, was_lent: was_lent.into(), is_shared: false.into() }
    }

    /// Whether the command may have got what its keys send.
    pub fn was_lent(&self) -> bool {
        self.was_lent.get()
    }

    /// Whether somebody in this group has asked for it, and the command has not since.
    pub fn is_shared(&self) -> bool {
        self.is_shared.get()
    }

    /// Takes it back from a command that has ended.
    pub fn take_back(&self) {
        if self.was_lent.get() {
            foreground::take_back(self.group);
        }
    }

    /// Somebody in this group stands still who asked for it: it is theirs. Tells whether it could be
    /// had.
    pub fn share(&self) -> bool {
        foreground::take(self.group);
        let is_ours = foreground::is_ours();
        if is_ours {
            self.is_shared.set(true);
            foreground::go_on();
        }
        is_ours
    }

    /// The command asks for it. Tells whether it has it now.
    pub fn lend(&self) -> bool {
        foreground::take(self.group);
        let is_lent = foreground::give(self.group);
        if is_lent {
            self.was_lent.set(true);
            self.is_shared.set(false);
        }
        is_lent
    }

    /// The command went on with this process: it has the terminal again if this group has.
    pub fn went_on(&self) {
        if !self.is_shared.get() && foreground::give(self.group) {
            self.was_lent.set(true);
        }
    }

    /// Whether somebody in the command's group stands still, who may have asked for it.
    pub fn is_wanted(&self) -> bool {
        let group = self.group.as_raw_nonzero().get();
        foreground::is_ours()
            && Processes::look()
                .is_some_and(|all| all.of_group(group).any(|process| process.is_stopped))
    }
}
