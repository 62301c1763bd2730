//! What can be the id of a task or a run.

use tandem_host::{ErrorKind, HistoryOptions, Tandem};

#[cfg(feature = "serve")]
use super::location::OpenedLocation;
use super::plain::message;

/// Refuses what is no id, by the rules of the component.
///
/// # Errors
/// One sentence that names the rule.
pub async fn check(tandem: &Tandem, id: &str) -> Result<(), String> {
    if is_usual(id) {
        return Ok(());
    }
    match tandem.history(HistoryOptions::new(id).limit(0)).await {
        Err(error) if error.kind() == ErrorKind::InvalidId => Err(message(&error)),
        // What else is wrong with the history is told by who needs it.
        _ => Ok(()),
    }
}

/// The same, by a component for this alone.
///
/// # Errors
/// As [`check`], or why there is no component.
#[cfg(feature = "serve")]
pub async fn check_in(place: &OpenedLocation, id: &str) -> Result<(), String> {
    let tandem = place.reader().build().await.map_err(|error| message(&error))?;
    check(&tandem, id).await
}

/// As most ids are, which breaks no rule.
pub fn is_usual(id: &str) -> bool {
    id.len() <= 64
        && id.starts_with(|first: char| first.is_ascii_digit())
        && id.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_ids_break_no_rule() {
        assert!(is_usual("2026-01-06T00-27-16-820Z-ca34f41d") && is_usual("0042-quarterly_report"));
        for odd in ["", "con", "cli", "local-mcp", "1.lock", "1:2", "1.", "1 ", "1\u{e9}"] {
            assert!(!is_usual(odd), "{odd}");
        }
        assert!(!is_usual(&"1".repeat(129)));
    }
}
