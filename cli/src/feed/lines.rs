//! Standard input, line by line.

use std::io::{self, BufRead, BufReader, Read};

use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::limits::{LINE_BYTES_MAX, Limits, Share};
use crate::plain::complain;
use crate::waiting;

const BUFFER_BYTES: usize = 64 * 1024;
/// What some programs write before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One line without its end, and its share of the limits.
pub struct Line {
    pub text: Result<Vec<u8>, TooLong>,
    pub share: Share,
}

/// What comes from standard input.
pub enum Input {
    /// A line.
    Line(Line),
    /// It cannot be read any more, which is told already.
    Broken,
}

/// The line is longer than any request can be.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

/// Starts to read standard input on a thread of its own, which nobody waits for: a read that
/// blocks cannot be ended.
pub fn read(limits: Limits) -> io::Result<UnboundedReceiver<Input>> {
    let (sender, receiver) = unbounded_channel();
    let runtime = Handle::current();
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut input = BufReader::with_capacity(BUFFER_BYTES, waiting::stdin());
        if let Err(error) = forward(&mut input, &limits, &runtime, &sender) {
            complain("feed", &format!("cannot read standard input: {error}"));
            // Nobody may be left to hear it.
            let _ = sender.send(Input::Broken);
        }
    })?;
    Ok(receiver)
}

fn forward(
    input: &mut impl BufRead,
    limits: &Limits,
    runtime: &Handle,
    lines: &UnboundedSender<Input>,
) -> io::Result<()> {
    let mut is_first = true;
    while let Some(mut text) = next(input, LINE_BYTES_MAX)? {
        if std::mem::take(&mut is_first)
            && let Ok(text) = &mut text
            && text.starts_with(BYTE_ORDER_MARK)
        {
            text.drain(..BYTE_ORDER_MARK.len());
        }
        if text.as_ref().is_ok_and(|text| text.trim_ascii().is_empty()) {
            continue;
        }
        let bytes = text.as_ref().map_or(0, Vec::len);
        let Ok(share) = runtime.block_on(limits.admit(bytes)) else { break };
        if lines.send(Input::Line(Line { text, share })).is_err() {
            break;
        }
    }
    Ok(())
}

/// The next line without its end. Of one that is too long, nothing is kept.
pub fn next(
    input: &mut impl BufRead,
    bytes_max: usize,
) -> io::Result<Option<Result<Vec<u8>, TooLong>>> {
    let mut line = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    if input.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > bytes_max {
        input.skip_until(b'\n')?;
        return Ok(Some(Err(TooLong)));
    }
    Ok(Some(Ok(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut input: &[u8], bytes_max: usize) -> Vec<Result<Vec<u8>, TooLong>> {
        std::iter::from_fn(|| next(&mut input, bytes_max).unwrap()).collect()
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_the_next_one_is_read() {
        assert_eq!(
            all(b"123\n1234\n12345678\n\n12", 3),
            [Ok(b"123".to_vec()), Err(TooLong), Err(TooLong), Ok(Vec::new()), Ok(b"12".to_vec())]
        );
    }

    #[test]
    fn the_last_line_needs_no_end() {
        assert_eq!(all(b"1234", 3), [Err(TooLong)]);
        assert_eq!(all(b"123", 3), [Ok(b"123".to_vec())]);
        assert_eq!(all(b"", 3), []);
    }
}
