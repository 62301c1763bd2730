//! The flag that says who may read the files.

use tandem_host::Builder;

/// The mode of all files.
#[derive(Debug, clap::Args)]
pub struct Mode {
    /// The mode of every file that is written, such as 600, whatever the umask is and whichever mode
    /// a replaced file has; directories that are created may also be entered by whom may read
    /// [default: a replaced file keeps its mode, a new one has 666 less the umask]
    #[arg(long = "mode", value_name = "MODE", value_parser = parse)]
    #[cfg_attr(feature = "postgres", arg(conflicts_with = "store"))]
    files: Option<u32>,
}

impl Mode {
    /// Has the files of `builder` have this mode.
    pub fn of(&self, builder: Builder) -> Builder {
        match self.files {
            Some(mode) => builder.file_mode(mode),
            None => builder,
        }
    }
}

fn parse(text: &str) -> Result<u32, &'static str> {
    let is_octal = matches!(text.len(), 3 | 4) && text.bytes().all(|c| matches!(c, b'0'..=b'7'));
    let mode = u32::from_str_radix(text, 8).ok().filter(|_| is_octal);
    mode.filter(|mode| mode & 0o600 == 0o600 && mode & !0o666 == 0)
        .ok_or("a mode is three octal digits that let the owner read and write, and nobody execute")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_octal_and_lets_the_owner_read_and_write() {
        for (text, mode) in [("600", 0o600), ("0640", 0o640), ("666", 0o666)] {
            assert_eq!(parse(text), Ok(mode));
        }
        for text in ["", "6", "60", "0o600", "+600", "700", "400", "1600", "678", "u=rw", "00600"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
