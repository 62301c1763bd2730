//! Tables for people.

use std::borrow::Borrow;
use std::time::{Duration, SystemTime};

use super::columns;
use super::plain::plain;

/// What stands where there is nothing to show.
pub const NONE: &str = "-";
const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 60 * MINUTE_S;
const DAY_S: u64 = 24 * HOUR_S;
/// `10000-01-01T00:00:00Z`
const YEAR_10000_S: u64 = 253_402_300_800;
/// `2026-01-06T00:27:16Z`
const TIME_CHARS_MAX: usize = 20;

/// The lines of a table, made one by one: rows are gone through twice. The last column has no fixed
/// width.
pub fn lines<const COLUMNS: usize>(
    rows: impl Iterator<Item: Borrow<[String; COLUMNS]>> + Clone,
) -> impl Iterator<Item = String> {
    let mut widths = [0; COLUMNS];
    for row in rows.clone() {
        for (width, cell) in widths.iter_mut().zip(row.borrow()) {
            *width = columns::width(cell).max(*width);
        }
    }
    rows.map(move |row| {
        let mut line = String::new();
        for (cell, width) in row.borrow().iter().zip(widths) {
            line.push_str(cell);
            // The width of a format has a limit.
            line.extend(std::iter::repeat_n(' ', width - columns::width(cell) + 2));
        }
        line.truncate(line.trim_end().len());
        line
    })
}

/// A name as a cell.
pub fn name(name: &str) -> String {
    if name.is_empty() { NONE.to_owned() } else { plain(name) }
}

/// The beginning of a text, on one line.
pub fn cut(text: &str, chars_max: usize) -> String {
    let mut line = String::new();
    let mut chars = 0;
    for word in text.split_whitespace() {
        let space = usize::from(chars > 0);
        for c in " ".chars().take(space).chain(word.chars()) {
            if chars == chars_max {
                return plain(&line) + "...";
            }
            line.push(c);
            chars += 1;
        }
    }
    plain(&line)
}

/// Reads a time as the files have it.
pub fn time(text: &str) -> Option<SystemTime> {
    humantime::parse_rfc3339(text.trim_ascii_end()).ok()
}

/// A time as the files have it. They have none before 1970 or after the year 9999.
pub fn timestamp(at: SystemTime) -> Option<String> {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let shown = humantime::format_rfc3339_millis(at);
    (since.as_secs() < YEAR_10000_S).then(|| shown.to_string())
}

/// To the second, or as it is written if it is no time.
pub fn moment(at: &str) -> String {
    match time(at) {
        Some(at) => humantime::format_rfc3339_seconds(at).to_string(),
        None => name(&cut(at, TIME_CHARS_MAX)),
    }
}

/// A time span in the largest unit that fits.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..MINUTE_S => format!("{seconds}s"),
        MINUTE_S..HOUR_S => format!("{}m", seconds / MINUTE_S),
        HOUR_S..DAY_S => format!("{}h", seconds / HOUR_S),
        _ => format!("{}d", seconds / DAY_S),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let rows = [row(["A", "LONG", "LAST"]), row(["aaa", "b", ""])];
        assert_eq!(lines(rows.iter()).collect::<Vec<_>>(), ["A    LONG  LAST", "aaa  b"]);
    }

    #[test]
    fn columns_are_aligned_whatever_they_are_written_in() {
        let rows =
            [["漢字", "b"], ["abcde", "b"], ["e\u{301}", "b"]].map(|row| row.map(str::to_owned));
        let shown: Vec<_> = lines(rows.iter()).collect();
        assert_eq!(shown, ["漢字   b", "abcde  b", "e\u{301}      b"]);
    }

    #[test]
    fn a_cell_of_any_length_is_shown() {
        let long = "x".repeat(70_000);
        let rows = [[long.clone(), "b".to_owned()], ["a".to_owned(), "b".to_owned()]];
        let shown: Vec<_> = lines(rows.iter()).collect();
        assert_eq!(shown, [format!("{long}  b"), format!("a{}b", " ".repeat(70_001))]);
    }

    #[test]
    fn a_long_text_is_cut_and_steers_nothing() {
        assert_eq!(cut(" a \n b\u{1b}c ", 5), "a b\\u{1b}c");
        assert_eq!(cut("a b\u{1b}c", 4), "a b\\u{1b}...");
        assert_eq!(cut("", 4), "");
        assert_eq!(moment("\u{9b}2J"), "\\u{9b}2J");
        assert_eq!(moment("2026-01-06T00:27:16.820Z"), "2026-01-06T00:27:16Z");
    }

    #[test]
    fn spans_are_short() {
        for (ms, shown) in [(999, "0s"), (59_999, "59s"), (60_000, "1m"), (86_400_000, "1d")] {
            assert_eq!(span(Duration::from_millis(ms)), shown);
        }
    }
}
