//! What signals ask for, and their names.

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// The signals that ask a command to end.
pub const END: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
/// The signals that ask a job to stand still.
pub const STOP: [i32; 3] = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];

/// `SIGTERM (15)`, or the number alone.
pub fn name(signal: i32) -> String {
    match signal_hook::low_level::signal_name(signal) {
        Some(name) => format!("{name} ({signal})"),
        None => signal.to_string(),
    }
}

/// Whether several signals of this number wait one behind the other.
pub fn is_queue(signal: i32) -> bool {
    signal > 31
}
