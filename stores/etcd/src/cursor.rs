//! Where somebody who follows the changes has come to, as text.

use tandem_documents::Cursor;

/// A place in the changes of one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The cluster that the revision is from.
    pub cluster: u64,
    /// What was told up to here is what stood there in this revision.
    pub revision: u64,
    /// In the middle of the list of what stood there: the last key that was told.
    pub listed: Option<String>,
}

impl Position {
    /// As text, of which the last part is the key, whatever it has.
    pub fn cursor(&self) -> Cursor {
        let Position { cluster, revision, listed } = self;
        Cursor(match listed {
            None => format!("{cluster:x} {revision}"),
            Some(key) => format!("{cluster:x} {revision} {key}"),
        })
    }

    /// Out of a text; none if no store of this crate made it.
    pub fn of(cursor: &Cursor) -> Option<Self> {
        let mut parts = cursor.0.splitn(3, ' ');
        let (cluster, revision) = (parts.next()?, parts.next()?);
        let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_number(cluster) || !is_number(revision) {
            return None;
        }
        Some(Position {
            cluster: u64::from_str_radix(cluster, 16).ok()?,
            revision: revision.parse().ok()?,
            listed: parts.next().map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_out_of_its_text() {
        let mut position = Position { cluster: u64::MAX, revision: 7, listed: None };
        assert_eq!(Position::of(&position.cursor()), Some(position.clone()));
        for key in ["runs/a b/c  d", ""] {
            position.listed = Some(key.into());
            assert_eq!(Position::of(&position.cursor()), Some(position.clone()));
        }
    }

    #[test]
    fn what_is_no_position_is_none() {
        for text in ["", "a", "a ", " 1", "x 1", "a x", "a +1", "+a 1", "a -1", "a 1a"] {
            assert_eq!(Position::of(&Cursor(text.into())), None, "{text:?}");
        }
    }
}
