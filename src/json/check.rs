//! Checks JSON (RFC 8259) in one pass, and tells a sink what it meets, so that nothing else has to
//! read the text once more.

use std::num::NonZeroUsize;

use super::bytes::{CHUNK, chunk, is_plain, plain, plain_after, skip_space};

/// Why a check ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The text is no valid JSON.
    Invalid,
    /// It nests deeper than the sink allows.
    TooDeep,
    /// What the sink makes of it is above its limit.
    TooLarge,
}

/// What is told of a text while it is checked, in the order of the text.
pub trait Sink {
    /// An object or array that is not empty opens; `depth` is that of what it holds.
    fn open(&mut self, bracket: u8, depth: usize) -> Result<(), Stop>;
    /// An object or array that is not empty closes; `depth` is its own.
    fn close(&mut self, bracket: u8, depth: usize) -> Result<(), Stop>;
    /// An object or array that is empty.
    fn empty(&mut self, brackets: &[u8; 2]);
    /// Another value follows, at this depth.
    fn comma(&mut self, depth: usize) -> Result<(), Stop>;
    /// A value follows its key.
    fn colon(&mut self);
    /// The first `count` bytes of these belong to a string or scalar.
    fn chunk(&mut self, bytes: &[u8; CHUNK], count: usize);
    /// All these bytes belong to a string or scalar, or to both.
    fn text(&mut self, bytes: &[u8]);
}

/// A sink that only bounds the nesting.
pub struct Depth {
    /// The deepest; an empty object or array adds no level.
    pub max: usize,
}

impl Depth {
    /// Any nesting is right.
    pub fn any() -> Self {
        Depth { max: usize::MAX }
    }
}

impl Sink for Depth {
    fn open(&mut self, _: u8, depth: usize) -> Result<(), Stop> {
        if depth > self.max { Err(Stop::TooDeep) } else { Ok(()) }
    }
    fn close(&mut self, _: u8, _: usize) -> Result<(), Stop> {
        Ok(())
    }
    fn empty(&mut self, _: &[u8; 2]) {}
    fn comma(&mut self, _: usize) -> Result<(), Stop> {
        Ok(())
    }
    fn colon(&mut self) {}
    fn chunk(&mut self, _: &[u8; CHUNK], _: usize) {}
    fn text(&mut self, _: &[u8]) {}
}

/// Checks a whole text: one value, with white space around it.
///
/// # Errors
/// It is invalid, or the sink stops.
pub fn text(text: &str, sink: &mut impl Sink) -> Result<(), Stop> {
    let bytes = text.as_bytes();
    let end = value(bytes, skip_space(bytes, 0), sink)?;
    if skip_space(bytes, end) == bytes.len() { Ok(()) } else { Err(Stop::Invalid) }
}

/// Checks the value that starts at `at`, and gives the index after it.
///
/// # Errors
/// It is invalid, or the sink stops.
pub fn value(bytes: &[u8], mut at: usize, sink: &mut impl Sink) -> Result<usize, Stop> {
    let mut nesting = Nesting::default();
    loop {
        let byte = byte(bytes, at)?;
        at = match byte {
            b'"' => end(string(bytes, at, sink))?,
            b'{' | b'[' => {
                let inside = skip_space(bytes, at + 1);
                // Both brackets of a kind are two apart.
                if bytes.get(inside) == Some(&(byte + 2)) {
                    sink.empty(&[byte, byte + 2]);
                    inside + 1
                } else {
                    nesting.push(byte == b'{');
                    sink.open(byte, nesting.depth)?;
                    at = if byte == b'{' { end(key(bytes, inside, sink))? } else { inside };
                    continue;
                }
            }
            _ => end(scalar(bytes, at, sink))?,
        };
        // Behind a value.
        loop {
            let Some(is_object) = nesting.is_object() else { return Ok(at) };
            at = skip_space(bytes, at);
            let close = if is_object { b'}' } else { b']' };
            match self::byte(bytes, at)? {
                b',' => {
                    sink.comma(nesting.depth)?;
                    at = skip_space(bytes, at + 1);
                    if is_object {
                        at = end(key(bytes, at, sink))?;
                    }
                    break;
                }
                byte if byte == close => {
                    nesting.pop();
                    sink.close(close, nesting.depth)?;
                    at += 1;
                }
                _ => return Err(Stop::Invalid),
            }
        }
    }
}

/// The index after a part of a text; none if it is no valid JSON.
type End = Option<NonZeroUsize>;

fn end(end: End) -> Result<usize, Stop> {
    end.map(NonZeroUsize::get).ok_or(Stop::Invalid)
}

/// Checks a key and its colon, and gives the index of its value.
fn key(bytes: &[u8], at: usize, sink: &mut impl Sink) -> End {
    let end = skip_space(bytes, string(bytes, at, sink)?.get());
    if *bytes.get(end)? != b':' {
        return None;
    }
    sink.colon();
    NonZeroUsize::new(skip_space(bytes, end + 1))
}

/// Checks the string that opens at `at`, and gives the index after its closing quote; none if it is no string.
pub fn string(bytes: &[u8], at: usize, sink: &mut impl Sink) -> End {
    if *bytes.get(at)? != b'"' {
        return None;
    }
    // The first chunk has the opening quote, so that most strings are one chunk.
    let Some(first) = chunk(bytes, at) else {
        sink.text(b"\"");
        return end_of_string(bytes, at + 1, sink);
    };
    let (mut next, mut count, mut at) = (first, plain_after(first), at);
    loop {
        if count < CHUNK {
            // With the quote.
            sink.chunk(next, count + 1);
            at += count + 1;
            match next[count] {
                b'"' => return NonZeroUsize::new(at),
                b'\\' => at = escape(bytes, at, sink)?.get(),
                _ => return None,
            }
        } else {
            sink.chunk(next, CHUNK);
            at += CHUNK;
        }
        let Some(chunk) = chunk(bytes, at) else { return end_of_string(bytes, at, sink) };
        (next, count) = (chunk, plain(chunk));
    }
}

/// The rest of a string near the text's end.
fn end_of_string(bytes: &[u8], mut at: usize, sink: &mut impl Sink) -> End {
    loop {
        let byte = *bytes.get(at)?;
        sink.text(&bytes[at..=at]);
        at += 1;
        match byte {
            b'"' => return NonZeroUsize::new(at),
            b'\\' => at = escape(bytes, at, sink)?.get(),
            byte if is_plain(byte) => {}
            _ => return None,
        }
    }
}

/// What stands behind a backslash.
fn escape(bytes: &[u8], at: usize, sink: &mut impl Sink) -> End {
    let length = match *bytes.get(at)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 1,
        b'u' => 5,
        _ => return None,
    };
    let escape = bytes.get(at..at + length)?;
    if !escape[1..].iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    sink.text(escape);
    NonZeroUsize::new(at + length)
}

/// Checks the number or literal that starts at `at`, and gives the index after it.
fn scalar(bytes: &[u8], at: usize, sink: &mut impl Sink) -> End {
    let rest = &bytes[at..];
    let count = match rest.first() {
        Some(b't') if rest.starts_with(b"true") => 4,
        Some(b'f') if rest.starts_with(b"false") => 5,
        Some(b'n') if rest.starts_with(b"null") => 4,
        _ => number(rest)?,
    };
    match rest.first_chunk() {
        Some(chunk) if count <= CHUNK => sink.chunk(chunk, count),
        _ => sink.text(&rest[..count]),
    }
    NonZeroUsize::new(at + count)
}

/// How many bytes the number has that comes first.
fn number(bytes: &[u8]) -> Option<usize> {
    let digits = |at: usize| {
        let count = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count > 0).then_some(at + count)
    };
    let first = usize::from(bytes.first() == Some(&b'-'));
    let mut at = match bytes.get(first) {
        Some(b'0') => first + 1,
        _ => digits(first)?,
    };
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        at = digits(at + 1 + sign)?;
    }
    // Where a number goes on with a digit, its first was a zero.
    (!bytes.get(at).is_some_and(u8::is_ascii_digit)).then_some(at)
}

fn byte(bytes: &[u8], at: usize) -> Result<u8, Stop> {
    bytes.get(at).copied().ok_or(Stop::Invalid)
}

/// Which of the open brackets are those of objects: a bit for each.
#[derive(Default)]
struct Nesting {
    depth: usize,
    /// The innermost.
    bits: u64,
    /// The others.
    above: Vec<u64>,
}

impl Nesting {
    fn push(&mut self, is_object: bool) {
        if self.depth != 0 && self.depth.is_multiple_of(64) {
            self.above.push(self.bits);
        }
        self.depth += 1;
        self.bits = self.bits << 1 | u64::from(is_object);
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.bits >>= 1;
        if self.depth.is_multiple_of(64)
            && let Some(bits) = self.above.pop()
        {
            self.bits = bits;
        }
    }

    /// Whether the innermost is an object; none if nothing is open.
    fn is_object(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.bits & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    fn is_valid(json: &str) -> bool {
        text(json, &mut Depth::any()).is_ok()
    }

    fn is_valid_elsewhere(json: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(json).is_ok()
    }

    #[test]
    fn what_another_reader_takes_is_valid_and_nothing_else() {
        let valid = [
            "0",
            "-0",
            "1",
            "-10.5",
            "1.0e5",
            "1E+9",
            "1e-09",
            "true",
            "false",
            "null",
            "\"\"",
            " [ ] ",
            "[1]",
            "{}",
            "{\"\":1}",
            "[[],{}]",
            "\"\\u00e9\\ud800\"",
            "\"\u{7f}\u{80}\"",
            "[1 , 2\n,\r\t3]",
            "{ \"a\" : { \"b\" : [ \"]}\" ] } }",
            "1e400",
            "[\"a long string, \\\" escaped\"]",
        ];
        let invalid = [
            "",
            " ",
            "-",
            "01",
            "-01",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "00",
            "0x1",
            "1 2",
            "tru",
            "truE",
            "nulll",
            "NaN",
            "Infinity",
            "'a'",
            "\"",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\n\"",
            "\"\u{1f}\"",
            "[",
            "]",
            "[1",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{",
            "}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "[}",
            "{]",
            "[1}",
            "{\"a\":1]",
            "{\"a\" 1}",
            "\u{feff}1",
            "[1]x",
            "\"a\"\"b\"",
            "\"0123456789abcdef\n\"",
            "\"0123456789abcde\\",
            "1\u{a0}",
        ];
        for json in valid {
            assert!(is_valid(json) && is_valid_elsewhere(json), "{json}");
        }
        for json in invalid {
            assert!(!is_valid(json) && !is_valid_elsewhere(json), "{json}");
        }
    }

    #[test]
    fn each_nesting_closes_as_it_was_opened() {
        for depth in [1, 63, 64, 65, 127, 128, 129, 400] {
            let kinds: Vec<bool> = (0..depth).map(|n| n % 3 == 0 || n % 64 == 0).collect();
            let open = |is_object: &bool| if *is_object { "{\"a\":" } else { "[" };
            let close = |is_object: &bool| if *is_object { '}' } else { ']' };
            let opened: String = kinds.iter().map(open).collect();
            let closed: String = kinds.iter().rev().map(close).collect();
            assert!(is_valid(&format!("{opened}1{closed}")), "{depth}");
            for at in 0..depth {
                let mut wrong = closed.clone();
                let other = if &closed[at..=at] == "}" { "]" } else { "}" };
                wrong.replace_range(at..=at, other);
                assert!(!is_valid(&format!("{opened}1{wrong}")), "{depth} {at}");
            }
        }
    }

    #[test]
    fn what_stands_at_the_end_of_a_chunk_is_checked_as_elsewhere() {
        for at in 0..2 * CHUNK {
            let text = format!(r#"["{}\" \u00e9 \\","x",-1.5e+7]"#, "a".repeat(at));
            assert!(is_valid(&text), "{text}");
            for end in 0..text.len() {
                assert!(!is_valid(&text[..end]), "{}", &text[..end]);
                for byte in ["\n", "\"", "\\", "x", "0", ",", "]", "}"] {
                    let mut changed = text.clone();
                    changed.replace_range(end..=end, byte);
                    assert_eq!(is_valid(&changed), is_valid_elsewhere(&changed), "{changed}");
                }
            }
        }
    }

    #[test]
    fn an_empty_object_or_array_adds_no_level() {
        assert_eq!(text("[[[]]]", &mut Depth { max: 2 }), Ok(()));
        assert_eq!(text("[[[1]]]", &mut Depth { max: 2 }), Err(Stop::TooDeep));
        assert_eq!(text("[{\"a\":{ }}]", &mut Depth { max: 2 }), Ok(()));
    }

    proptest! {
        #[test]
        fn any_text_is_taken_as_another_reader_takes_it(
            json in "[\\[\\]{}\",:a0\\\\\\-.eE+1nultrfs \\n\u{e9}]{0,40}",
            around in "[x ]{0,20}",
        ) {
            prop_assert_eq!(is_valid(&json), is_valid_elsewhere(&json));
            // Strings that are longer than a chunk, and not.
            let json = format!("[\"{around}\", {json}, \"{around}\"]");
            prop_assert_eq!(is_valid(&json), is_valid_elsewhere(&json));
        }
    }
}
