//! Texts in messages, quoted as `{:?}` does it, whose tables of Unicode would take 5 KB of the
//! component.

use alloc::string::String;

/// A text in double quotes.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    text.chars().for_each(|c| push(&mut out, c, '"'));
    out.push('"');
    out
}

/// A character in single quotes.
pub fn quoted_char(c: char) -> String {
    let mut out = String::from('\'');
    push(&mut out, c, '\'');
    out.push('\'');
    out
}

fn push(out: &mut String, c: char, mark: char) {
    if c == '\0' {
        out.push_str("\\0");
    } else if c == mark || c == '\\' || is_unseen(c) {
        out.extend(c.escape_default());
    } else {
        out.push(c);
    }
}

/// Whether a character cannot be seen, or changes how others are shown: controls, every space but
/// the usual one, accents that join the letter before, what has no width or directs the text, and
/// what Unicode gives no meaning.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{A0}' | '\u{AD}' | '\u{300}'..='\u{36F}' | '\u{61C}')
        || matches!(c, '\u{115F}'..='\u{1160}' | '\u{1680}' | '\u{17B4}'..='\u{17B5}')
        || matches!(c, '\u{180B}'..='\u{180F}' | '\u{2000}'..='\u{200F}')
        || matches!(c, '\u{2028}'..='\u{202F}' | '\u{205F}'..='\u{206F}' | '\u{3000}' | '\u{3164}')
        || matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}')
        || matches!(c, '\u{FFF0}'..='\u{FFFB}' | '\u{FFFE}'..='\u{FFFF}' | '\u{1BCA0}'..='\u{1BCA3}')
        || matches!(c, '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_seen_is_shown_as_it_is() {
        for text in
            ["", "a b", "it's", "Größe", "λ, я, 漢字, あ, 한, א, ع, 🙂", "a/b<c>:|?*", "\u{FFFD}"]
        {
            assert_eq!(quoted(text), format!("{text:?}"));
        }
        for c in ['a', '"', 'é', '漢', '🙂', '/', '<'] {
            assert_eq!(quoted_char(c), format!("{c:?}"));
        }
    }

    #[test]
    fn quotes_backslashes_and_what_cannot_be_seen_are_escaped() {
        for text in
            ["\"", "\\", "\t\n\r", "\0\u{1}\u{1B}\u{7F}\u{85}", "e\u{301}", "\u{2028}", "\u{A0}"]
        {
            assert_eq!(quoted(text), format!("{text:?}"));
        }
        for c in ['\'', '\\', '\n', '\u{7F}', '\u{9B}', '\u{202E}', '\u{2066}', '\u{FEFF}'] {
            assert_eq!(quoted_char(c), format!("{c:?}"));
        }
        assert_eq!(quoted("\u{3164}"), r#""\u{3164}""#);
    }

    /// Beyond `{:?}` there are the four letters without ink.
    #[test]
    fn no_character_is_escaped_without_need() {
        let shown = |c: &char| c.escape_debug().eq([*c]);
        let beyond: String = ('\0'..=char::MAX).filter(|c| shown(c) && is_unseen(*c)).collect();
        assert_eq!(beyond, "\u{115F}\u{1160}\u{3164}\u{FFA0}");
    }

    #[test]
    fn controls_and_what_directs_text_are_never_shown() {
        let directs = "\u{61C}\u{200E}\u{200F}\u{202A}\u{202B}\u{202C}\u{202D}\u{202E}\
                       \u{2066}\u{2067}\u{2068}\u{2069}\u{FEFF}";
        for c in ('\0'..='\u{9F}').filter(|c| c.is_control()).chain(directs.chars()) {
            assert!(!quoted(&String::from(c)).contains(c), "{c:?}");
            assert!(!quoted_char(c).contains(c), "{c:?}");
        }
    }
}
