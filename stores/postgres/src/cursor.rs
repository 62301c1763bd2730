//! Where somebody who follows the changes has come to, as text.

use tandem_documents::Cursor;

/// The snapshot in which nothing is visible.
pub(crate) const NOTHING: &str = "1:1:";

/// A place in the changes. A round tells, in the order of the keys, what was written behind a
/// snapshot; the next round begins behind the snapshot that this one began in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The word of the server's life that the snapshots are from.
    pub life: String,
    /// What was told up to here is visible in this snapshot.
    pub since: String,
    /// In the middle of a round: the snapshot that the round began in, and the last key told.
    pub round: Option<(String, String)>,
}

impl Position {
    /// At the beginning of a round.
    pub fn new(life: String, since: String) -> Self {
        Position { life, since, round: None }
    }

    /// As text, of which the last part is the key, whatever it has.
    pub fn cursor(&self) -> Cursor {
        let Position { life, since, round } = self;
        Cursor(match round {
            None => format!("{life} {since}"),
            Some((began, key)) => format!("{life} {since} {began} {key}"),
        })
    }

    /// Out of a text; none if no store of this crate made it.
    pub fn of(cursor: &Cursor) -> Option<Self> {
        let mut parts = cursor.0.splitn(4, ' ');
        let (life, since) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        let round = match (parts.next(), parts.next()) {
            (None, None) => None,
            (Some(began), Some(key)) => Some((began.to_owned(), key.to_owned())),
            _ => return None,
        };
        let is_whole = !life.is_empty()
            && is_snapshot(&since)
            && round.as_ref().is_none_or(|(began, _)| is_snapshot(began));
        is_whole.then_some(Position { life, since, round })
    }
}

/// Whether it is of the form that the server gives snapshots, `10:20:10,14`.
fn is_snapshot(text: &str) -> bool {
    let mut parts = text.split(':');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (least, next, running, rest) = (parts.next(), parts.next(), parts.next(), parts.next());
    least.is_some_and(is_number)
        && next.is_some_and(is_number)
        && running.is_some_and(|ids| ids.is_empty() || ids.split(',').all(is_number))
        && rest.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_out_of_its_text() {
        let mut position = Position::new("7/00000001/5".into(), "10:20:10,14".into());
        assert_eq!(Position::of(&position.cursor()), Some(position.clone()));
        position.round = Some(("11:21:".into(), "runs/a b/c  d".into()));
        assert_eq!(Position::of(&position.cursor()), Some(position));
    }

    #[test]
    fn what_is_no_position_is_none() {
        for text in
            ["", "a", "a b", "a 1:2", "a 1:2:x", "a 1:2: 1:2:", " 1:2:", "a 1:2:,", "a 1:2::"]
        {
            assert_eq!(Position::of(&Cursor(text.into())), None, "{text:?}");
        }
    }
}
