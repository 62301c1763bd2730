//! Bytes of a JSON text, sixteen at a time.

use wide::u8x16;

/// How many bytes are looked at together.
pub const CHUNK: usize = 16;

/// The next bytes, if there are enough.
pub fn chunk(bytes: &[u8], at: usize) -> Option<&[u8; CHUNK]> {
    bytes.get(at..)?.first_chunk()
}

/// How many bytes come before the first that may not stand in a string as it is: a quote, a
/// backslash, a control character.
pub fn plain(chunk: &[u8; CHUNK]) -> usize {
    first(special(chunk))
}

/// As [`plain`], with any byte at the start.
pub fn plain_after(chunk: &[u8; CHUNK]) -> usize {
    first(special(chunk) & !1)
}

fn special(chunk: &[u8; CHUNK]) -> u32 {
    let chunk = u8x16::from(*chunk);
    let is_control = chunk.min(u8x16::splat(0x1f)).simd_eq(chunk);
    let is_special = chunk.simd_eq(u8x16::splat(b'"')) | chunk.simd_eq(u8x16::splat(b'\\'));
    (is_control | is_special).to_bitmask()
}

/// The lowest bit that is set, or else how many bytes a chunk has.
fn first(mask: u32) -> usize {
    (mask | 1 << CHUNK).trailing_zeros() as usize
}

/// Whether a byte may stand in a string as it is.
pub fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

/// The index of the next byte that is no white space.
pub fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|byte| is_space(*byte)) {
        at += 1;
        // One space is common, and so is a line's end with what the next line is indented by.
        if !bytes.get(at).is_some_and(|byte| is_space(*byte)) {
            break;
        }
        while let Some(chunk) = chunk(bytes, at) {
            let count = spaces(chunk);
            at += count;
            if count < CHUNK {
                return at;
            }
        }
    }
    at
}

fn is_space(byte: u8) -> bool {
    // What follows is seldom asked.
    byte <= b' ' && matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// How many white bytes come first.
fn spaces(chunk: &[u8; CHUNK]) -> usize {
    let chunk = u8x16::from(*chunk);
    let is = |byte| chunk.simd_eq(u8x16::splat(byte));
    let is_space = is(b' ') | is(b'\n') | is(b'\t') | is(b'\r');
    first(!is_space.to_bitmask())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn chunks_tell_what_single_bytes_tell(chunk in any::<[u8; CHUNK]>()) {
            let first = chunk.iter().position(|byte| !is_plain(*byte)).unwrap_or(CHUNK);
            prop_assert_eq!(plain(&chunk), first);
        }

        #[test]
        fn space_is_skipped_up_to_what_is_none(text in "[ \\n\\t\\rx]{0,60}", at in 0usize..70) {
            let expected = text.bytes().skip(at).position(|byte| byte == b'x');
            let expected = expected.map_or(text.len().max(at), |count| at + count);
            prop_assert_eq!(skip_space(text.as_bytes(), at), expected);
        }
    }

    #[test]
    fn each_byte_is_plain_or_not_as_rfc_8259_has_it() {
        for byte in 0..=255 {
            let chunk = [byte; CHUNK];
            let is_plain = !matches!(byte, 0..=0x1f | b'"' | b'\\');
            assert_eq!(plain(&chunk), if is_plain { CHUNK } else { 0 }, "{byte}");
        }
    }
}
