//! What several parts of `exec` need.

/// How messages name this command.
pub const COMMAND: &str = "exec";
/// The longest time that an option takes: one year.
pub const MAX_MS: u64 = 365 * 24 * 3600 * 1000;
