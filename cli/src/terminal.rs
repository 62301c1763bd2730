//! What a terminal can do, and whose it is.

use std::os::fd::AsFd;

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OutputModes, tcgetattr, tcgetpgrp};

/// Whether the terminal moves its cursor when it is told to. One that is dumb, or that nobody names,
/// may show the codes as they are.
pub fn moves_cursor() -> bool {
    std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// Whether this is a terminal that this program may use. A job in the background of a shell leaves it
/// to the others.
pub fn is_foreground(terminal: impl AsFd) -> bool {
    tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp())
}

/// Whether this is this program's terminal, of which another job has the foreground.
pub fn is_behind(terminal: impl AsFd) -> bool {
    tcgetpgrp(terminal).is_ok_and(|group| group != getpgrp())
}

/// Whether this is a terminal that stops who writes to it in the background (`stty tostop`), and this
/// program is there.
pub fn stops_writers(terminal: impl AsFd) -> bool {
    let terminal = terminal.as_fd();
    tcgetattr(terminal).is_ok_and(|modes| modes.local_modes.contains(LocalModes::TOSTOP))
        && is_behind(terminal)
}

/// What ends a line there: on a terminal that is raw, the end of a line does not begin the next one.
pub fn line_end(output: impl AsFd) -> &'static str {
    match tcgetattr(output) {
        Ok(modes) if !modes.output_modes.contains(OutputModes::OPOST) => "\r\n",
        _ => "\n",
    }
}
