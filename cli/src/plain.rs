//! Text for people: one line, and nothing that steers a terminal.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use crate::terminal::line_end;

use tandem_host::limits::{self, LEADS_OUT};

/// One line on standard error, as `tandem COMMAND: MESSAGE`.
///
/// A standard error that is closed or full is no reason to stop.
pub fn complain(command: &str, message: &str) {
    let end = line_end(io::stderr());
    let line = format!("tandem {command}: {}{end}", plain(message));
    let _ = crate::waiting::stderr().write_all(line.as_bytes());
}

/// An error with its cause, if it has one, in one sentence, and the way out if there is one.
pub fn message(error: &tandem_host::Error) -> String {
    let Some(cause) = std::error::Error::source(error) else { return error.to_string() };
    with_way_out(format!("{error}: {cause}"))
}

/// Why a call of the system failed, with the limit that it met, and the way out if there is one.
pub fn failed_call(call: &str, error: &io::Error) -> String {
    with_way_out(limits::failed_call(call, error))
}

fn with_way_out(told: String) -> String {
    if told.ends_with(LEADS_OUT) {
        return format!("{told}, move the root to where it leads (--root)");
    }
    told
}

/// `text` with every character that steers a terminal, or reorders what it shows, written out.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            plain.extend(c.escape_default());
        } else {
            plain.push(c);
        }
    }
    plain
}

/// JSON with the same value as `json`, and every such character escaped as JSON does.
///
/// Outside strings JSON has no such characters but white space, which must be on one line already.
pub fn plain_json(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    for c in json.chars() {
        if steers(c) {
            // All of them are below U+10000, so one escape is enough. Writing to a string cannot
            // fail.
            let _ = write!(plain, "\\u{:04x}", u32::from(c));
        } else {
            plain.push(c);
        }
    }
    plain
}

/// C0, DEL, C1, line separators, marks and overrides of direction, the byte order mark.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(feature = "postgres")]
/// An error with all its causes.
pub fn sentence(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_written_out() {
        assert_eq!(plain("a\u{1b}[31m\n\u{9b}b\u{202e}"), "a\\u{1b}[31m\\n\\u{9b}b\\u{202e}");
        assert_eq!(plain("Zoë \u{1f680}"), "Zoë \u{1f680}");
    }

    #[test]
    fn escaped_json_has_the_same_value() {
        let json = serde_json::to_string("x\u{9b}\u{7f}\u{202e}\u{1b}\u{1f680}").unwrap();
        let plain = plain_json(&json);
        assert!(!plain.chars().any(steers));
        assert_eq!(
            serde_json::from_str::<String>(&plain).unwrap(),
            "x\u{9b}\u{7f}\u{202e}\u{1b}\u{1f680}"
        );
    }
}
