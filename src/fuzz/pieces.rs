//! Inputs of several files.

use super::mutate::SEPARATOR;

/// What stands between the separators of an input.
pub fn pieces(input: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = input;
    let separator = SEPARATOR.as_bytes();
    while let Some(at) = rest.windows(separator.len()).position(|window| window == separator) {
        pieces.push(&rest[..at]);
        rest = &rest[at + separator.len()..];
    }
    pieces.push(rest);
    pieces
}
