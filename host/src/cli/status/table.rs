//! Runs as a table for people.

use std::time::Duration;

use super::row::{Row, time};
use crate::cli::plain::plain;

const HEAD: [&str; COLUMNS] = ["TASK", "RUN", "STATE", "STARTED", "HEARTBEAT", "DETAIL"];
const COLUMNS: usize = 6;
const NONE: &str = "-";
/// `2026-01-06T00:27:16Z`
const STARTED_CHARS_MAX: usize = 20;
const DETAIL_CHARS_MAX: usize = 160;
const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 60 * MINUTE_S;
const DAY_S: u64 = 24 * HOUR_S;

/// The lines of the table. The last column has no fixed width.
pub fn lines(rows: &[Row]) -> Vec<String> {
    let mut cells = vec![HEAD.map(str::to_owned)];
    cells.extend(rows.iter().map(columns));
    let mut widths = [0; COLUMNS - 1];
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; COLUMNS]| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(&format!("{cell:width$}  "));
        }
        line.push_str(&row[COLUMNS - 1]);
        line.truncate(line.trim_end().len());
        line
    };
    cells.iter().map(line).collect()
}

fn columns(row: &Row) -> [String; COLUMNS] {
    let or_none = |text: &str| if text.is_empty() { NONE.to_owned() } else { plain(text) };
    [
        or_none(&row.task),
        or_none(&row.run),
        row.state.word().to_owned(),
        row.started_at.as_deref().map_or_else(|| NONE.to_owned(), started),
        row.heartbeat_age_ms.map_or_else(|| NONE.to_owned(), age),
        detail(row),
    ]
}

/// To the second, or as it is written if it is no time.
fn started(at: &str) -> String {
    match time(at) {
        Some(at) => humantime::format_rfc3339_seconds(at).to_string(),
        None => cut(at, STARTED_CHARS_MAX),
    }
}

fn detail(row: &Row) -> String {
    let text = row.detail.as_deref().map(|detail| cut(detail, DETAIL_CHARS_MAX));
    // Many details tell the exit code themselves.
    let is_told = row.detail.as_deref().is_some_and(|detail| detail.contains("exit code"));
    let exit = row.exit_code.filter(|_| !is_told).map(|code| format!("exit {code}"));
    match (exit, text) {
        (Some(exit), Some(text)) => format!("{exit}, {text}"),
        (exit, text) => exit.or(text).unwrap_or_default(),
    }
}

/// The beginning of a text, on one line.
fn cut(text: &str, chars_max: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let is_longer = line.chars().nth(chars_max).is_some();
    let kept: String = line.chars().take(chars_max).collect();
    plain(&kept) + if is_longer { "..." } else { "" }
}

/// An age in the largest unit that fits.
fn age(age_ms: u64) -> String {
    let seconds = Duration::from_millis(age_ms).as_secs();
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
    use crate::cli::status::row::State;

    #[test]
    fn columns_are_aligned_and_nothing_steers_the_terminal() {
        let mut row = Row::without_manifest(
            "t",
            "a-long-run-id",
            State::Unreadable,
            "x\u{1b}[2J\ny\u{9b}".to_owned(),
        );
        row.heartbeat_age_ms = Some(3_600_000);
        row.exit_code = Some(7);
        assert_eq!(
            lines(&[row]),
            [
                "TASK  RUN            STATE       STARTED  HEARTBEAT  DETAIL",
                "t     a-long-run-id  unreadable  -        1h         exit 7, x\\u{1b}[2J y\\u{9b}",
            ]
        );
    }

    #[test]
    fn ages_are_short() {
        for (age_ms, shown) in [(999, "0s"), (59_999, "59s"), (60_000, "1m"), (86_400_000, "1d")] {
            assert_eq!(age(age_ms), shown);
        }
    }
}
