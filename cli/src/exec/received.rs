//! A signal on its way: as Tandem got it, and as the command has it.

use std::time::Instant;

use super::handler::Caught;

/// The signals that a terminal sends, to a whole group.
pub const OF_TERMINAL: [i32; 6] =
    [libc::SIGINT, libc::SIGQUIT, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU, libc::SIGWINCH];
#[cfg(target_os = "linux")]
pub const SI_KERNEL: i32 = libc::SI_KERNEL;
/// No sender has this code where the kernel has none of its own.
#[cfg(not(target_os = "linux"))]
pub const SI_KERNEL: i32 = i32::MIN;

/// A signal that Tandem got.
#[derive(Debug, Clone, Copy)]
pub struct Received {
    /// What the system told of it.
    pub caught: Caught,
    /// All of Tandem's group has it.
    pub is_groups: bool,
    /// Nobody can tell whether the group has it.
    is_unclear: bool,
}

impl Received {
    /// Its number.
    pub fn signal(&self) -> i32 {
        self.caught.signal
    }

    /// What can be told of one.
    pub fn new(caught: Caught, is_groups: bool, has_witness: bool) -> Self {
        Received { caught, is_groups, is_unclear: !is_groups && !has_witness }
    }

    /// Whether it came from a terminal that another group has, for who read or set it in this one.
    pub fn is_for_terminal(&self) -> bool {
        is_of_terminal(&self.caught) && [libc::SIGTTIN, libc::SIGTTOU].contains(&self.signal())
    }

    /// Whether a command that ended before it could be passed on may have it.
    pub fn may_be_had(&self) -> bool {
        self.is_groups || self.is_unclear
    }

    /// The signal as the command has it.
    pub fn passed_on(&self) -> PassedOn {
        PassedOn { signal: self.signal(), at: Some(self.caught.at) }
    }
}

/// A signal that the command got from Tandem, or with it.
#[derive(Debug, Clone, Copy)]
pub struct PassedOn {
    /// Its number.
    pub signal: i32,
    /// When Tandem had it, if it had.
    pub at: Option<Instant>,
}

/// Whether it is one that a terminal sent, and no process.
pub fn is_of_terminal(caught: &Caught) -> bool {
    caught.sender.code == SI_KERNEL && OF_TERMINAL.contains(&caught.signal)
}
