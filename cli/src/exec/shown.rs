//! The command as people read it in a manifest.

use std::borrow::Cow;
use std::ffi::OsString;

/// A command line may have megabytes, and is written with each state of the run.
const COMMAND_BYTES_MAX: usize = 32 * 1024;
const TITLE_CHARS_MAX: usize = 80;
/// What stands behind a text that was cut.
const CUT: &str = "...";

/// A command line.
#[derive(Debug, Default)]
pub struct Shown {
    /// The program, short enough for a heading.
    pub title: String,
    /// The words as one would type them, or the beginning of that.
    pub command: String,
    /// Whether it is only the beginning.
    pub is_cut: bool,
}

impl Shown {
    /// Shows a command line.
    pub fn new(command: &[OsString]) -> Self {
        let mut shown = Shown::default();
        for word in command.iter().map(|word| word.to_string_lossy()) {
            if shown.command.is_empty() {
                shown.title = title(&word);
            } else {
                shown.command.push(' ');
            }
            // A word with a NUL cannot be quoted, nor run.
            let quoted = shlex::try_quote(&word).unwrap_or(Cow::Borrowed(&word));
            shown.command.push_str(&quoted);
            // What comes after is not needed to know that.
            if shown.command.len() > COMMAND_BYTES_MAX {
                shown.command.truncate(shown.command.floor_char_boundary(COMMAND_BYTES_MAX));
                shown.command.push_str(CUT);
                shown.is_cut = true;
                break;
            }
        }
        shown
    }

    /// What stands in its place when it is to be in no file.
    pub fn omitted() -> Self {
        Shown { title: "command".to_owned(), ..Shown::default() }
    }
}

fn title(program: &str) -> String {
    match program.char_indices().nth(TITLE_CHARS_MAX) {
        None => program.to_owned(),
        Some((end, _)) => format!("{}{CUT}", &program[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(words: &[&str]) -> Shown {
        Shown::new(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn words_are_shown_as_one_would_type_them() {
        let shown = shown(&["make", "", "a b", "it's", "-j2"]);
        assert_eq!((&*shown.title, shown.is_cut), ("make", false));
        assert_eq!(shown.command, r#"make '' 'a b' "it's" -j2"#);
    }

    #[test]
    fn what_is_long_is_cut_at_a_character() {
        let whole = "x".repeat(COMMAND_BYTES_MAX - 2);
        assert!(!shown(&["e", &whole]).is_cut);
        for more in [whole.clone() + "y", "é".repeat(COMMAND_BYTES_MAX)] {
            let shown = shown(&["e", &more, "z"]);
            let beginning = shown.command.strip_suffix(CUT).unwrap();
            assert!(shown.is_cut && !beginning.contains('z'));
            assert!((COMMAND_BYTES_MAX - 1..=COMMAND_BYTES_MAX).contains(&beginning.len()));
        }
        assert_eq!(shown(&[&"é".repeat(81)]).title, "é".repeat(80) + CUT);
    }
}
