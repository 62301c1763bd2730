//! The terminal on standard input, while its keys go to a command that has another one.

use std::io;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::terminal::is_foreground;

/// A terminal that can be raw: every byte that is typed comes through as it is. Dropped, it is as it
/// was.
#[derive(Default)]
pub struct RawTerminal {
    /// How it was, while it is raw.
    before: Option<Termios>,
    /// It is not to be raw again.
    is_over: bool,
}

impl RawTerminal {
    /// Makes the terminal on standard input raw. Does nothing if there is none, it is in use by others,
    /// or it is done.
    pub fn enter(&mut self) {
        // A job in the background would be stopped.
        if self.is_over || self.before.is_some() || !is_foreground(io::stdin()) {
            return;
        }
        self.before = tcgetattr(io::stdin()).ok().filter(|before| {
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(io::stdin(), OptionalActions::Now, &raw).is_ok()
        });
    }

    /// Whether it is raw.
    pub fn is_raw(&self) -> bool {
        self.before.is_some()
    }

    /// Makes it as it was, for good.
    pub fn restore(&mut self) {
        self.is_over = true;
        if let Some(before) = self.before.take()
            && is_foreground(io::stdin())
        {
            // Its user may have hung up.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        }
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        self.restore();
    }
}
