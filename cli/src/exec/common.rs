//! What several parts of `exec` need.

use std::io;
use std::time::Duration;

use tandem_host::limits::failed_call;

/// How messages name this command.
pub const COMMAND: &str = "exec";
/// How long what nobody takes, output and messages, holds the program after a signal that ended the
/// command.
pub const CANCELLED_DRAIN: Duration = Duration::from_secs(1);
/// The longest time that an option takes: one year.
pub const MAX_MS: u64 = 365 * 24 * 3600 * 1000;

/// Tells of an error of a call: its name, what the system said, and the limit if one is the cause.
pub fn failed(call: &str) -> impl Fn(io::Error) -> String {
    move |error| failed_call(call, &error)
}
