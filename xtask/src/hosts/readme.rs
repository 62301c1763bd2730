//! The part of the README that is made from the results.

use std::fs;
use std::path::Path;

use crate::process::{Failure, say};

const BEGIN: &str = "<!-- conformance: begin -->\n";
const END: &str = "<!-- conformance: end -->\n";

/// Writes the table, or fails if another one stands there.
pub fn update(path: &Path, table: &str, is_write: bool) -> Result<(), Failure> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let updated = replaced(&text, table)
        .ok_or_else(|| format!("{shown} has no place for the table between its two marks"))?;
    if updated == text {
        return say(format_args!("\nthe table in {shown} is what the results say"));
    }
    if !is_write {
        let advice = "look at it after `cargo xtask hosts --write`";
        return Err(format!("the table in {shown} is not what the results say: {advice}").into());
    }
    fs::write(path, updated).map_err(|error| format!("cannot write {shown}: {error}"))?;
    say(format_args!("\nwrote the table to {shown}"))
}

fn replaced(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = format!("before\n{BEGIN}old\n{END}after\n");
        let once = replaced(&text, "new\n");
        assert_eq!(once.as_deref(), Some(&*format!("before\n{BEGIN}\nnew\n\n{END}after\n")));
        assert_eq!(once.as_deref().and_then(|text| replaced(text, "new\n")), once);
        assert_eq!(replaced("no marks", "new"), None);
    }
}
