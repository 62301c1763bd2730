//! Mutations that know what JSON looks like: random bytes rarely parse.

use std::ops::Range;

/// What separates the pieces of an input that has several.
pub const SEPARATOR: &str = "\n---\n";

/// What is put in the place of a value, or between two.
const TOKENS: [&str; 62] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1.0",
    "1e3",
    "1e400",
    "01",
    "10",
    "9",
    "3600000",
    "3600001",
    "12345678901234567890123",
    "{}",
    "[]",
    "[ ]",
    "{\"a\":1,\"a\":2}",
    "{\"a\":{\"b\":null}}",
    "[1,[2],{\"a\":null}]",
    "\"\"",
    "\"a\"",
    "\"b\"",
    "\"\\u0061\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\u{e9}\u{fffd}\u{202e}\"",
    "\"\\u0000\"",
    "\"]},[{\"",
    "\"taskId\"",
    "\"task\"",
    "\"other\"",
    "\"runId\"",
    "\"r1\"",
    "\"..\"",
    "\"a/b\"",
    "\"timestamp\"",
    "\"2026-01-06T00:00:01Z\"",
    "\"2026-01-06T00:00:01.5Z\"",
    "\"2026-01-06T00:00:60Z\"",
    "\"2024-02-30T00:00:00Z\"",
    "\"runs\"",
    "\"lastRunAt\"",
    "\"lease_ms\"",
    "\"id\"",
    "\"op\"",
    "\"record\"",
    "\"run\"",
    "\"summary\"",
    "\"durable\"",
    "\"durability\"",
    ",",
    ":",
    "{",
    "]",
    "\n",
    " ",
    "\u{feff}",
    SEPARATOR,
];

/// Numbers that look random and are the same for the same seed (splitmix64).
pub struct Random(u64);

impl Random {
    /// Numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or(0)
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Changes an input once; `other` lends pieces. The result has at most `bytes_max` bytes.
pub fn mutate(input: &[u8], other: &[u8], random: &mut Random, bytes_max: usize) -> Vec<u8> {
    let mut out = input.to_vec();
    match random.below(12) {
        0 => change_byte(&mut out, random),
        1 => out.truncate(random.below(out.len() + 1)),
        2 => replace(&mut out, random, |random, _| random.pick(&TOKENS).as_bytes().to_vec()),
        3 => insert(&mut out, random.pick(&TOKENS).as_bytes(), random),
        4 => replace(&mut out, random, |random, _| piece(other, random)),
        5 => {
            let piece = piece(other, random);
            insert(&mut out, &piece, random);
        }
        6 => replace(&mut out, random, |_, _| Vec::new()),
        7 => double(&mut out, random),
        8 => replace(&mut out, random, nested),
        9 => replace(&mut out, random, escaped),
        10 => replace(&mut out, random, |random, old| {
            let space = random.pick(&[" ", "\t", "\r\n", "  \n"]).as_bytes();
            [space, old, space].concat()
        }),
        _ => swap(&mut out, random),
    }
    out.truncate(bytes_max);
    out
}

fn change_byte(out: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(out.len() + 1);
    let byte = *random.pick(b"\"\\{}[],: \n.-0a\0\x7f\xc3\xff");
    match random.below(3) {
        0 => out.insert(at, byte),
        _ if at == out.len() => out.push(byte),
        1 => out[at] = byte,
        _ => drop(out.remove(at)),
    }
}

/// Replaces a value by what `new` makes of it.
fn replace(out: &mut Vec<u8>, random: &mut Random, new: impl Fn(&mut Random, &[u8]) -> Vec<u8>) {
    let Some(range) = any(&values(out), random) else { return };
    let new = new(random, &out[range.clone()]);
    out.splice(range, new);
}

fn insert(out: &mut Vec<u8>, new: &[u8], random: &mut Random) {
    let at = any(&values(out), random).map_or(out.len(), |range| range.start);
    out.splice(at..at, new.iter().copied());
}

/// Writes a value, or a key with its value, once more behind itself.
fn double(out: &mut Vec<u8>, random: &mut Random) {
    let values = values(out);
    let Some(first) = any(&values, random) else { return };
    let behind = |end: usize| values.iter().find(|value| value.start >= end);
    let is_key = |end: usize| out[end..].trim_ascii_start().first() == Some(&b':');
    let end = if is_key(first.end) { behind(first.end).map(|value| value.end) } else { None };
    let range = first.start..end.unwrap_or(first.end);
    let again = [b",".as_slice(), &out[range.clone()]].concat();
    out.splice(range.end..range.end, again);
}

/// Puts two values that do not overlap in each other's place.
fn swap(out: &mut Vec<u8>, random: &mut Random) {
    let values = values(out);
    let (Some(a), Some(b)) = (any(&values, random), any(&values, random)) else { return };
    let (a, b) = if a.start <= b.start { (a, b) } else { (b, a) };
    if a.end <= b.start {
        let swapped = [&out[b.clone()], &out[a.end..b.start], &out[a.clone()]].concat();
        out.splice(a.start..b.end, swapped);
    }
}

fn nested(random: &mut Random, old: &[u8]) -> Vec<u8> {
    let levels = *random.pick(&[1, 1, 2, 3, 124, 125, 126, 127, 128, 129]);
    let (open, close) = *random.pick(&[("[", "]"), ("{\"a\":", "}")]);
    [open.repeat(levels).as_bytes(), old, close.repeat(levels).as_bytes()].concat()
}

/// Writes the first letter of a string as an escape.
fn escaped(_: &mut Random, old: &[u8]) -> Vec<u8> {
    match old {
        [b'"', letter, rest @ ..] if letter.is_ascii_alphanumeric() => {
            [format!("\"\\u{letter:04x}").as_bytes(), rest].concat()
        }
        _ => old.to_vec(),
    }
}

fn piece(of: &[u8], random: &mut Random) -> Vec<u8> {
    any(&values(of), random).map(|range| of[range].to_vec()).unwrap_or_default()
}

fn any(ranges: &[Range<usize>], random: &mut Random) -> Option<Range<usize>> {
    if ranges.is_empty() { None } else { Some(random.pick(ranges).clone()) }
}

/// Where strings, scalars and whole objects and arrays stand, in the order in which they start. Of
/// what is no JSON, whatever looks like it.
fn values(text: &[u8]) -> Vec<Range<usize>> {
    let mut values = Vec::new();
    let mut open = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let start = at;
        at += 1;
        match text[start] {
            b'"' => {
                while at < text.len() && text[at] != b'"' {
                    at += if text[at] == b'\\' { 2 } else { 1 };
                }
                at = (at + 1).min(text.len());
                values.push(start..at);
            }
            b'{' | b'[' => {
                open.push(values.len());
                values.push(start..at);
            }
            b'}' | b']' => {
                if let Some(index) = open.pop() {
                    values[index].end = at;
                }
            }
            b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => {
                let rest = &text[at..];
                let is_end = |byte: &u8| b"{}[],: \t\r\n\"".contains(byte);
                at += rest.iter().position(is_end).unwrap_or(rest.len());
                values.push(start..at);
            }
        }
    }
    values
}
