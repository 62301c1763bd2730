//! Checksums in the form that `sha256sum -c` reads.

use sha2::{Digest, Sha256};

/// The SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A line for each file, in the order given.
pub fn sums<'a>(files: impl IntoIterator<Item = (&'a String, &'a Vec<u8>)>) -> String {
    files.into_iter().map(|(name, bytes)| format!("{}  {name}\n", sha256(bytes))).collect()
}

/// The file that a line is about. A release has no directories, so a path is no name.
pub fn name(line: &str) -> Option<&str> {
    let (_, name) = line.split_once("  ")?;
    (!name.contains(['/', '\\']) && name != "..").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_checksum_is_the_one_that_the_standard_gives() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), expected);
    }

    #[test]
    fn every_file_has_a_line_sorted_by_name() {
        let files = BTreeMap::from([("b", "2"), ("a", "1")])
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
            .collect::<BTreeMap<_, _>>();
        let expected = format!("{}  a\n{}  b\n", sha256(b"1"), sha256(b"2"));
        assert_eq!(sums(&files), expected);
    }

    #[test]
    fn a_line_names_a_file_and_never_a_path() {
        assert_eq!(name("00ff  tandem.wasm"), Some("tandem.wasm"));
        for line in ["", "00ff", "00ff  ../diary.txt", "00ff  ..", "00ff  a\\b"] {
            assert_eq!(name(line), None, "{line:?}");
        }
    }
}
