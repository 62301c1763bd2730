//! Where runs are shown.

use std::io::{self, IsTerminal, Stdout, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::tcgetwinsize;

use crate::terminal::moves_cursor;
use crate::waiting;

const CURSOR_HOME: &str = "\x1b[H";
const CLEAR_LINE_REST: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

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

    /// Appends lines, whole.
    pub fn print(&mut self, lines: &[String]) -> io::Result<()> {
        let mut text = lines.join("\n");
        text.push('\n');
        waiting::stdout().write_all(text.as_bytes())
    }

    /// Replaces what the terminal shows. Lines that do not fit are cut, rows that do not are
    /// counted.
    pub fn redraw(&mut self, lines: &[String]) -> io::Result<()> {
        let (columns, rows) = self.size();
        let mut text = String::from(CURSOR_HOME);
        let fits = lines.len() <= rows;
        let shown = if fits { lines.len() } else { rows.saturating_sub(1) };
        for line in &lines[..shown] {
            text.extend(line.chars().take(columns));
            text.push_str(CLEAR_LINE_REST);
            text.push_str("\r\n");
        }
        if !fits {
            text.push_str(&format!("and {} more{CLEAR_LINE_REST}", lines.len() - shown));
        }
        text.push_str(CLEAR_BELOW);
        waiting::stdout().write_all(text.as_bytes())
    }

    /// Waits; `false` if nobody can see the output any more.
    pub fn wait(&self, time: Timespec) -> bool {
        let mut polled = [PollFd::new(&self.output, PollFlags::empty())];
        match poll(&mut polled, Some(&time)) {
            Ok(0) | Err(_) => true,
            Ok(_) => false,
        }
    }

    /// Columns, and rows less the one where the cursor stays.
    fn size(&self) -> (usize, usize) {
        match tcgetwinsize(&self.output) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 1 => {
                (usize::from(size.ws_col), usize::from(size.ws_row) - 1)
            }
            // A terminal that does not know its size.
            _ => (80, 23),
        }
    }
}
