//! Runs as a table for people.

use std::iter;
use std::time::Duration;

use super::row::Row;
use crate::table::{NONE, cut, lines as table, moment, name, span};

const HEAD: [&str; 6] = ["TASK", "RUN", "STATE", "STARTED", "HEARTBEAT", "DETAIL"];
const DETAIL_CHARS_MAX: usize = 160;

/// The lines of the table, made one by one.
pub fn lines(rows: &[Row]) -> impl Iterator<Item = String> {
    table(iter::once(HEAD.map(str::to_owned)).chain(rows.iter().map(columns)))
}

fn columns(row: &Row) -> [String; HEAD.len()] {
    let age = |age_ms| span(Duration::from_millis(age_ms));
    [
        name(&row.task),
        name(&row.run),
        row.state.word().to_owned(),
        row.started_at.as_deref().map_or_else(|| NONE.to_owned(), moment),
        row.heartbeat_age_ms.map_or_else(|| NONE.to_owned(), age),
        detail(row),
    ]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::state::State;

    #[test]
    fn columns_are_aligned_and_nothing_steers_the_terminal() {
        let row = Row {
            task: "t".to_owned(),
            run: "a-long-run-id".to_owned(),
            state: State::Unreadable,
            detail: Some("x\u{1b}[2J\ny\u{9b}".to_owned()),
            heartbeat_age_ms: Some(3_600_000),
            exit_code: Some(7),
            ..Row::default()
        };
        assert_eq!(
            lines(&[row]).collect::<Vec<_>>(),
            [
                "TASK  RUN            STATE       STARTED  HEARTBEAT  DETAIL",
                "t     a-long-run-id  unreadable  -        1h         exit 7, x\\u{1b}[2J y\\u{9b}",
            ]
        );
    }
}
