//! JSON indented by two spaces: strings, numbers and the order of keys stay what the caller wrote.

use super::bytes::CHUNK;
use super::check::{Sink, Stop};

/// A line's end, what stands before it, and as much as a chunk has of what the next line is indented
/// by.
const NEW_LINE: [u8; CHUNK] = *b"\n               ";
const COMMA: [u8; CHUNK] = *b",\n              ";
const OBJECT: [u8; CHUNK] = *b"{\n              ";
const ARRAY: [u8; CHUNK] = *b"[\n              ";
const COLON: [u8; CHUNK] = *b":               ";
const SPACES: [u8; CHUNK] = [b' '; CHUNK];

/// The indented text, as far as it goes.
pub struct Indented {
    /// The text, and room behind it: whole chunks are written, and what belongs to the text is
    /// counted, which takes less than to have a vector grow and shrink.
    out: Vec<u8>,
    length: usize,
    /// The depth of what is added next, and the deepest.
    pub depth: usize,
    max_depth: usize,
    max_bytes: u64,
}

impl Indented {
    /// Nothing yet, with room for so many bytes.
    pub fn new(bytes: usize, max_bytes: u64, max_depth: usize) -> Self {
        let mut indented = Indented { out: Vec::new(), length: 0, depth: 0, max_depth, max_bytes };
        indented.make_room(bytes);
        indented
    }

    /// Has room for so many bytes, or for as many as there may be.
    fn make_room(&mut self, bytes: usize) {
        let most = usize::try_from(self.max_bytes).unwrap_or(usize::MAX);
        let bytes = bytes.min(most).saturating_add(CHUNK);
        self.out.reserve_exact(bytes.saturating_sub(self.out.len()));
        self.out.resize(bytes.max(self.out.len()), 0);
    }

    /// Adds text as it is.
    pub fn push(&mut self, text: &str) {
        self.text(text.as_bytes());
    }

    /// Adds the first `count` bytes of a chunk.
    #[inline(always)]
    fn put(&mut self, chunk: &[u8; CHUNK], count: usize) {
        let room = self.out.get_mut(self.length..).and_then(|room| room.first_chunk_mut());
        match room {
            // A copy of a size that is known is no call.
            Some(room) => *room = *chunk,
            None => self.put_beyond(chunk),
        }
        self.length += count;
    }

    #[cold]
    fn put_beyond(&mut self, chunk: &[u8; CHUNK]) {
        self.grow(CHUNK);
        self.out[self.length..self.length + CHUNK].copy_from_slice(chunk);
    }

    /// Makes room for so many bytes more.
    fn grow(&mut self, bytes: usize) {
        let length = self.length + bytes;
        if length > self.out.len() {
            self.make_room(length + length / 2);
            // One piece may be beyond what may be: the next line's begin tells.
            self.out.resize(length.max(self.out.len()), 0);
        }
    }

    /// Begins a member of an object, up to its value.
    ///
    /// # Errors
    /// The size, or the depth.
    pub fn member(&mut self, is_first: bool, key: &str) -> Result<(), Stop> {
        if is_first {
            self.new_line(0)?
        } else {
            self.comma(0)?
        };
        self.push(key);
        self.colon();
        Ok(())
    }

    /// Begins a line.
    ///
    /// # Errors
    /// The size, or the depth.
    pub fn new_line(&mut self, depth: usize) -> Result<(), Stop> {
        self.line(0, &NEW_LINE, depth)
    }

    /// Adds the first `count` bytes of `begin`, a line's end and what the next line is indented by.
    fn line(&mut self, count: usize, begin: &[u8; CHUNK], depth: usize) -> Result<(), Stop> {
        let depth = self.depth + depth;
        if depth > self.max_depth {
            return Err(Stop::TooDeep);
        }
        self.check_size()?;
        let mut left = count + 1 + 2 * depth;
        self.put(begin, left.min(CHUNK));
        while left > CHUNK {
            left -= CHUNK;
            self.put(&SPACES, left.min(CHUNK));
        }
        Ok(())
    }

    fn check_size(&self) -> Result<(), Stop> {
        if self.length as u64 > self.max_bytes { Err(Stop::TooLarge) } else { Ok(()) }
    }

    /// Ends the text, of which nobody looks again whether it is UTF-8: it is pieces of texts, cut at
    /// ASCII characters. That the texts are UTF-8 is a promise of whoever passes a string.
    ///
    /// # Errors
    /// The size.
    pub fn finish(&mut self, end: &str) -> Result<Vec<u8>, Stop> {
        self.push(end);
        self.check_size()?;
        let mut text = std::mem::take(&mut self.out);
        text.truncate(self.length);
        debug_assert!(std::str::from_utf8(&text).is_ok());
        Ok(text)
    }

    /// How many bytes there are so far.
    pub fn length(&self) -> usize {
        self.length
    }
}

impl Sink for Indented {
    fn open(&mut self, bracket: u8, depth: usize) -> Result<(), Stop> {
        self.line(1, if bracket == b'{' { &OBJECT } else { &ARRAY }, depth)
    }

    fn close(&mut self, bracket: u8, depth: usize) -> Result<(), Stop> {
        self.new_line(depth)?;
        self.put(&[bracket; CHUNK], 1);
        Ok(())
    }

    fn empty(&mut self, brackets: &[u8; 2]) {
        let mut chunk = [brackets[1]; CHUNK];
        chunk[0] = brackets[0];
        self.put(&chunk, 2);
    }

    fn comma(&mut self, depth: usize) -> Result<(), Stop> {
        self.line(1, &COMMA, depth)
    }

    #[inline(always)]
    fn colon(&mut self) {
        self.put(&COLON, 2);
    }

    #[inline(always)]
    fn chunk(&mut self, bytes: &[u8; CHUNK], count: usize) {
        self.put(bytes, count);
    }

    fn text(&mut self, bytes: &[u8]) {
        self.grow(bytes.len());
        self.out[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }
}
