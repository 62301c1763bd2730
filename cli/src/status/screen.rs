//! Where runs are shown.

use std::io::{self, IsTerminal, Stdout, Write};
use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::tcgetwinsize;

use crate::terminal::{is_behind, moves_cursor};
use crate::waiting;

const CURSOR_HOME: &str = "\x1b[H";
const CLEAR_LINE_REST: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";
const WRAP_OFF: &str = "\x1b[?7l";
const WRAP_ON: &str = "\x1b[?7h";

/// How often changes are shown at most.
const GAP: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
const REFRESH: Timespec = Timespec { tv_sec: 0, tv_nsec: 900_000_000 };

/// Standard output, and its size if it is a terminal that can be redrawn.
pub struct Screen {
    output: Stdout,
    is_terminal: bool,
}

impl Screen {
    pub fn new() -> Self {
        let output = io::stdout();
        let is_terminal = output.is_terminal() && moves_cursor();
        Screen { output, is_terminal }
    }

    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Whether the terminal shows another job, over which nothing is to be drawn.
    pub fn is_behind(&self) -> bool {
        is_behind(&self.output)
    }

    /// Replaces what the terminal shows. The terminal cuts what is wider than it takes it to be.
    pub fn redraw(&self, columns: usize, lines: impl Iterator<Item = String>) -> io::Result<()> {
        let mut text = format!("{WRAP_OFF}{CURSOR_HOME}");
        for line in lines {
            text.extend(line.chars().take(columns));
            text.push_str(CLEAR_LINE_REST);
            text.push_str("\r\n");
        }
        text.push_str(CLEAR_BELOW);
        text.push_str(WRAP_ON);
        waiting::stdout().write_all(text.as_bytes())
    }

    /// Waits until there is something to read, or a second is over; `false` if nobody can see the
    /// output any more.
    pub fn wait(&self, notices: Option<BorrowedFd<'_>>) -> bool {
        // What comes at once is shown at once.
        self.is_quiet(None, GAP) && self.is_quiet(notices, REFRESH)
    }

    fn is_quiet(&self, notices: Option<BorrowedFd<'_>>, time: Timespec) -> bool {
        let mut polled = vec![PollFd::new(&self.output, PollFlags::empty())];
        polled.extend(notices.map(|notices| PollFd::from_borrowed_fd(notices, PollFlags::IN)));
        match poll(&mut polled, Some(&time)) {
            Ok(0) | Err(_) => true,
            Ok(_) => polled[0].revents().is_empty(),
        }
    }

    /// Columns, and rows less the one where the cursor stays.
    pub fn size(&self) -> (usize, usize) {
        match tcgetwinsize(&self.output) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 1 => {
                (usize::from(size.ws_col), usize::from(size.ws_row) - 1)
            }
            // A terminal that does not know its size.
            _ => (80, 23),
        }
    }
}
