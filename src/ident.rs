//! Identifiers: a task id or a run id is returned unchanged or refused, never rewritten.

use crate::error::Error;

/// The longest identifier, in bytes of UTF-8.
pub const MAX_ID_BYTES: usize = 128;

/// The longest file name of the layout, so that a temporary file's name fits into 255 bytes.
const MAX_NAME_BYTES: usize = 128;

/// Names that the layout uses itself, in any ASCII case.
const RESERVED: [&str; 3] = ["cli", "mcp", "local-mcp"];

/// Checks one identifier; `what` is `task id` or `run id`.
///
/// # Errors
/// [`Error::InvalidId`], whose message names the id, the character and the rule.
pub fn check(what: &'static str, id: &str) -> Result<(), Error> {
    match broken_rule(id) {
        None => Ok(()),
        Some(rule) => Err(Error::InvalidId(format!("{what} {rule}: {id:?}"))),
    }
}

/// The rule that `id` breaks, in words.
fn broken_rule(id: &str) -> Option<String> {
    let (Some(first), Some(last)) = (id.chars().next(), id.chars().next_back()) else {
        return Some("is empty".into());
    };
    if id.len() > MAX_ID_BYTES {
        return Some(format!("is longer than {MAX_ID_BYTES} bytes"));
    }
    if let Some(c) = id.chars().find(|&c| is_forbidden(c)) {
        return Some(format!("has the forbidden character {c:?}"));
    }
    if first == '.' {
        return Some("starts with a dot".into());
    }
    if last == '.' {
        return Some("ends with a dot".into());
    }
    if first.is_whitespace() || last.is_whitespace() {
        return Some("starts or ends with a space".into());
    }
    if is_device_name(id) {
        return Some("is a windows device name".into());
    }
    if RESERVED.iter().any(|name| id.eq_ignore_ascii_case(name)) || ends_in_lock(id) {
        return Some("is a name that the layout uses".into());
    }
    None
}

/// Checks a file name of the layout; `option` names it.
///
/// # Errors
/// [`Error::InvalidInput`], whose message names the option, the rule and the name.
pub fn check_name(option: &str, name: &str) -> Result<(), Error> {
    check_part(option, name, name)
}

/// Checks a directory of the layout, one or several names with `/` between them.
///
/// # Errors
/// As [`check_name`].
pub fn check_path(option: &str, path: &str) -> Result<(), Error> {
    path.split('/').try_for_each(|name| check_part(option, name, path))
}

fn check_part(option: &str, name: &str, whole: &str) -> Result<(), Error> {
    let rule = if name.is_empty() {
        "has an empty part"
    } else if name.len() > MAX_NAME_BYTES {
        "has a part longer than 128 bytes"
    } else if name.chars().all(|c| c == '.') {
        "has a part of dots alone"
    } else if name.chars().any(is_forbidden) {
        "has a forbidden character"
    } else if name.ends_with(['.', ' ']) {
        "has a part that ends with a dot or a space"
    } else if is_device_name(name) {
        "has a windows device name"
    } else {
        return Ok(());
    };
    Err(Error::invalid_input(format!("{option} {rule}: {whole:?}")))
}

/// Characters that no file name of the layout may hold: controls (C0, DEL, C1), separators, what
/// Windows forbids, and what changes how a name is shown (bidirectional controls, byte order mark).
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '/' | '\\')
        || matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}')
        || matches!(c, '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// `CON`, `COM1.txt`, `conin$`: Windows opens a device whatever follows the first dot.
fn is_device_name(name: &str) -> bool {
    // Windows ignores spaces before the dot.
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    let upper = stem.to_ascii_uppercase();
    match upper.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" => true,
        _ => match upper.strip_prefix("COM").or(upper.strip_prefix("LPT")) {
            Some(port) => matches!(port.as_bytes(), [b'1'..=b'9']),
            None => false,
        },
    }
}

fn ends_in_lock(id: &str) -> bool {
    let bytes = id.as_bytes();
    bytes.len() >= 5 && bytes[bytes.len() - 5..].eq_ignore_ascii_case(b".lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(id: &str) -> String {
        match check("task id", id) {
            Err(Error::InvalidId(message)) => message,
            other => panic!("{id:?} gave {other:?}"),
        }
    }

    #[test]
    fn usual_ids_are_accepted() {
        for id in [
            "0042-quarterly-report",
            "2026-01-06T00-27-16-820Z-ca34f41d",
            "a",
            "a.b",
            "con1",
            "COM0",
            "COM10",
            "clip",
            "mcp2",
            "a.lockfile",
            "größe",
            "a b",
            "日本",
        ] {
            check("task id", id).expect(id);
        }
        check("run id", &"x".repeat(MAX_ID_BYTES)).expect("the longest id");
    }

    #[test]
    fn an_empty_id_is_refused() {
        assert_eq!(refused(""), "task id is empty: \"\"");
    }

    #[test]
    fn an_id_above_128_bytes_is_refused() {
        assert!(refused(&"x".repeat(129)).contains("longer than 128 bytes"));
        assert!(refused(&"é".repeat(65)).contains("longer than 128 bytes"));
    }

    #[test]
    fn control_characters_are_refused() {
        for c in ['\0', '\n', '\u{1f}', '\u{7f}', '\u{80}', '\u{9f}'] {
            assert!(refused(&format!("a{c}b")).contains("forbidden character"));
        }
    }

    #[test]
    fn separators_and_windows_characters_are_refused() {
        for c in r#"<>:"|?*/\"#.chars() {
            let message = refused(&format!("a{c}b"));
            assert!(message.contains(&format!("{c:?}")), "{message}");
        }
    }

    /// Messages end up in terminals and logs.
    #[test]
    fn controls_and_what_directs_text_are_never_shown() {
        let directs = "\u{61C}\u{200E}\u{200F}\u{202A}\u{202B}\u{202C}\u{202D}\u{202E}\
                       \u{2066}\u{2067}\u{2068}\u{2069}\u{FEFF}";
        for c in ('\0'..='\u{9F}').filter(|c| c.is_control()).chain(directs.chars()) {
            let text = format!("a{c}b");
            let option = check_name("manifest_name", &text).expect_err("refused").to_string();
            for message in [refused(&text), option] {
                assert!(!message.contains(c), "{message:?}");
            }
        }
    }

    #[test]
    fn bidi_controls_and_the_byte_order_mark_are_refused() {
        for c in ['\u{202e}', '\u{202a}', '\u{2066}', '\u{2069}', '\u{feff}', '\u{200f}'] {
            refused(&format!("a{c}b"));
        }
    }

    #[test]
    fn dots_and_spaces_at_the_ends_are_refused() {
        assert!(refused(".a").contains("starts with a dot"));
        assert!(refused("..").contains("starts with a dot"));
        assert!(refused("a.").contains("ends with a dot"));
        for id in ["a ", " a", "a\u{a0}", "\u{3000}a"] {
            assert!(refused(id).contains("space"), "{id:?}");
        }
    }

    #[test]
    fn windows_device_names_are_refused() {
        for id in [
            "CON", "con", "PRN", "aux", "NUL", "COM1", "com9", "LPT1", "lpt9", "CONIN$", "conout$",
            "nul.txt", "Com1.a.b", "con .x",
        ] {
            assert!(refused(id).contains("windows device name"), "{id}");
        }
    }

    #[test]
    fn names_of_the_layout_are_refused_in_any_case() {
        for id in ["cli", "CLI", "mcp", "Mcp", "local-mcp", "LOCAL-MCP", "a.lock", "a.LOCK"] {
            assert!(refused(id).contains("layout"), "{id}");
        }
    }
}
