//! The last bytes of a command's output, and how many there were.

use std::collections::VecDeque;
use std::fmt;

/// How much of the output the manifest shows.
const TAIL_BYTES: usize = 8 * 1024;

/// One of the command's two outputs. Both are the first one where they are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stream::Stdout => "standard output",
            Stream::Stderr => "standard error",
        })
    }
}

/// The end of both outputs, in the order in which they came.
#[derive(Debug)]
pub struct Tail {
    bytes: VecDeque<u8>,
    is_cut: bool,
    /// Bytes of standard output so far, or of both outputs where they are one. `None` if nobody counts.
    pub stdout_bytes: Option<u64>,
    /// Bytes of standard error so far. `None` if nobody counts them apart.
    pub stderr_bytes: Option<u64>,
}

impl Tail {
    /// Of a command that has written nothing, and of whose outputs these are counted.
    pub fn counting(streams: &[Stream]) -> Self {
        let of = |stream| streams.contains(&stream).then_some(0);
        let (stdout_bytes, stderr_bytes) = (of(Stream::Stdout), of(Stream::Stderr));
        Tail { bytes: VecDeque::new(), is_cut: false, stdout_bytes, stderr_bytes }
    }

    /// Takes a piece of output.
    pub fn push(&mut self, stream: Stream, piece: &[u8]) {
        let bytes = match stream {
            Stream::Stdout => &mut self.stdout_bytes,
            Stream::Stderr => &mut self.stderr_bytes,
        };
        *bytes.get_or_insert(0) += piece.len() as u64;
        self.bytes.extend(piece);
        if let Some(excess) = self.bytes.len().checked_sub(TAIL_BYTES).filter(|&n| n > 0) {
            self.bytes.drain(..excess);
            self.is_cut = true;
        }
    }

    /// The tail as text, if any is kept; what is no UTF-8 is replaced by U+FFFD.
    pub fn text(&self) -> Option<String> {
        self.stdout_bytes?;
        let mut bytes: Vec<u8> = self.bytes.iter().copied().collect();
        if self.is_cut {
            // The cut may have left the end of a character.
            let is_inside = |byte: &&u8| **byte & 0b1100_0000 == 0b1000_0000;
            let inside = bytes.iter().take(3).take_while(is_inside).count();
            bytes.drain(..inside);
        }
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_8_kib_are_kept_and_everything_is_counted() {
        let mut tail = Tail::counting(&[Stream::Stdout, Stream::Stderr]);
        tail.push(Stream::Stdout, &[b'a'; 10_000]);
        tail.push(Stream::Stderr, b"end");
        assert_eq!(tail.text().unwrap(), "a".repeat(8189) + "end");
        assert_eq!((tail.stdout_bytes, tail.stderr_bytes), (Some(10_000), Some(3)));
    }

    #[test]
    fn a_character_that_the_cut_divides_is_left_out() {
        let mut tail = Tail::counting(&[Stream::Stdout, Stream::Stderr]);
        tail.push(Stream::Stdout, "é".repeat(4096).as_bytes());
        tail.push(Stream::Stdout, b"x");
        assert_eq!(tail.text().unwrap(), "é".repeat(4095) + "x");
    }

    #[test]
    fn invalid_utf_8_is_replaced() {
        let mut tail = Tail::counting(&[Stream::Stdout, Stream::Stderr]);
        tail.push(Stream::Stdout, b"\x80a\xffb");
        assert_eq!(tail.text().unwrap(), "\u{fffd}a\u{fffd}b");
    }
}
