//! How wide text is on a terminal, where a character may take two columns or none.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// As much of the beginning of a text as there is room for.
pub fn beginning(text: &str, columns: usize) -> &str {
    let mut end = 0;
    let mut used = 0;
    for (at, c) in text.char_indices() {
        // What one terminal joins, another one shows apart.
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        end = at + c.len_utf8();
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_character_takes_two_columns_and_a_mark_above_one_takes_none() {
        assert_eq!((width("漢a"), width("e\u{301}")), (3, 1));
        assert_eq!(beginning("漢字", 3), "漢");
        assert_eq!(beginning("e\u{301}e", 1), "e\u{301}");
        assert_eq!(beginning("abc", 5), "abc");
    }
}
