//! What all of `prune` uses.

/// How messages name this command.
pub const COMMAND: &str = "prune";
