//! What a terminal can do.

/// Whether the terminal moves its cursor when it is told to. One that is dumb, or that nobody names,
/// may show the codes as they are.
pub fn moves_cursor() -> bool {
    std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}
