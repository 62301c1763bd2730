//! The terminal on standard input, while its keys go to a command that has another one.

use std::io;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::terminal::is_foreground;

/// A terminal that can be raw: every byte that is typed comes through as it is. Dropped, it is as it
/// was.
pub struct RawTerminal {
    /// How it was, while it is raw.
    before: Option<Termios>,
}

impl RawTerminal {
    /// The terminal on standard input, raw from now on. Nothing, if there is none or it is in use by
    /// others.
    pub fn enter() -> Self {
        // A job in the background would be stopped.
        if !is_foreground(io::stdin()) {
            return RawTerminal { before: None };
        }
        let before = tcgetattr(io::stdin()).ok().filter(|before| {
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(io::stdin(), OptionalActions::Now, &raw).is_ok()
        });
        RawTerminal { before }
    }

    /// Makes it as it was.
    pub fn restore(&mut self) {
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
