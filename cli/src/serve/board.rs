//! All runs as they were seen last, and in which order they changed.
//!
//! Each change gets a number, and of each run only the last one is kept. So whoever knows everything up
//! to a number can be told the rest, however long that was ago, and nothing is kept for anybody: a slow
//! viewer is told less, not later.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::bounds::GONE_MAX;

/// The task and the run.
pub type RunName = (String, String);

/// What the runs are and were.
#[derive(Default)]
pub struct Board {
    entries: HashMap<Arc<RunName>, Latest>,
    /// By the number of their last change.
    order: BTreeMap<u64, Arc<RunName>>,
    last: u64,
    /// Those that are no more, the longest gone first, by the number of that change.
    gone: VecDeque<(u64, Arc<RunName>)>,
    /// Of up to this number, what is gone may be forgotten.
    forgotten: u64,
}

struct Latest {
    number: u64,
    /// Nothing if the run is no more.
    line: Option<Box<str>>,
}

/// Some changes.
#[derive(Debug, Default, PartialEq)]
pub struct NewsPiece {
    /// Lines with commas between them.
    pub runs: String,
    pub gone: Vec<RunName>,
    /// The number of the last of them.
    pub last: u64,
    /// Whether there is no other change after them.
    pub is_last: bool,
}

impl Board {
    /// Takes how a run stands, and tells whether that is a change.
    pub fn put(&mut self, name: RunName, line: String) -> bool {
        let known = self.entries.get(&name);
        if known.is_some_and(|entry| entry.line.as_deref() == Some(&*line)) {
            return false;
        }
        self.set(name, Some(line.into()));
        true
    }

    /// Takes that a run is no more, and tells whether that is a change.
    pub fn remove(&mut self, name: &RunName) -> bool {
        let is_there = self.entries.get(name).is_some_and(|entry| entry.line.is_some());
        if is_there {
            let name = self.set(name.clone(), None);
            self.gone.push_back((self.last, name));
            self.forget();
        }
        is_there
    }

    /// The runs that are there.
    pub fn names(&self) -> impl Iterator<Item = &Arc<RunName>> {
        self.entries.iter().filter(|(_, entry)| entry.line.is_some()).map(|(name, _)| name)
    }

    /// Whether all that changed after a number is known.
    pub fn reaches_back_to(&self, number: u64) -> bool {
        (self.forgotten..=self.last).contains(&number)
    }

    /// What changed after a number, up to about as many bytes. After 0, nothing of what is gone is told.
    pub fn after(&self, number: u64, bytes: usize) -> NewsPiece {
        let mut piece = NewsPiece { last: number, is_last: true, ..NewsPiece::default() };
        let mut told = 0;
        for (&at, name) in self.order.range(number.saturating_add(1)..) {
            if told >= bytes {
                piece.is_last = false;
                break;
            }
            piece.last = at;
            match self.entries.get(name).and_then(|entry| entry.line.as_deref()) {
                Some(line) => {
                    if !piece.runs.is_empty() {
                        piece.runs.push(',');
                    }
                    piece.runs.push_str(line);
                    told += line.len();
                }
                None if number == 0 => {}
                None => {
                    told += name.0.len() + name.1.len();
                    piece.gone.push((**name).clone());
                }
            }
        }
        piece
    }

    fn set(&mut self, name: RunName, line: Option<Box<str>>) -> Arc<RunName> {
        self.last += 1;
        let entry = Latest { number: self.last, line };
        let name = match self.entries.get_key_value(&name) {
            Some((name, before)) => {
                self.order.remove(&before.number);
                name.clone()
            }
            None => Arc::new(name),
        };
        self.order.insert(self.last, name.clone());
        self.entries.insert(name.clone(), entry);
        name
    }

    fn forget(&mut self) {
        while self.gone.len() > GONE_MAX {
            let Some((number, name)) = self.gone.pop_front() else { return };
            // It may be there again.
            if self.entries.get(&name).is_some_and(|entry| entry.number == number) {
                self.entries.remove(&name);
                self.order.remove(&number);
                self.forgotten = number;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(run: &str) -> RunName {
        ("t".to_owned(), run.to_owned())
    }

    fn board(runs: &[&str]) -> Board {
        let mut board = Board::default();
        for run in runs {
            assert!(board.put(name(run), format!("{run}0")));
        }
        board
    }

    fn runs(board: &Board, number: u64) -> String {
        board.after(number, usize::MAX).runs
    }

    #[test]
    fn only_the_last_change_of_a_run_is_told() {
        let mut board = board(&["a", "b"]);
        assert_eq!(runs(&board, 0), "a0,b0");
        assert!(!board.put(name("a"), "a0".to_owned()), "it is the same");
        assert!(board.put(name("a"), "a1".to_owned()));
        assert!(board.put(name("a"), "a2".to_owned()));
        assert_eq!((runs(&board, 0), runs(&board, 1)), ("b0,a2".to_owned(), "b0,a2".to_owned()));
        assert_eq!(runs(&board, 2), "a2");
        assert_eq!(board.after(4, 9), NewsPiece { last: 4, is_last: true, ..NewsPiece::default() });
    }

    #[test]
    fn what_is_much_is_told_in_pieces() {
        let board = board(&["a", "b", "c"]);
        let piece = board.after(0, 3);
        assert_eq!((&*piece.runs, piece.last, piece.is_last), ("a0,b0", 2, false));
        let piece = board.after(piece.last, 3);
        assert_eq!((&*piece.runs, piece.last, piece.is_last), ("c0", 3, true));
    }

    #[test]
    fn what_is_gone_is_told_to_those_who_knew_it() {
        let mut board = board(&["a", "b"]);
        assert!(board.remove(&name("a")) && !board.remove(&name("a")) && !board.remove(&name("c")));
        assert_eq!(board.after(2, 9).gone, [name("a")]);
        assert_eq!((runs(&board, 0), board.after(0, 9).gone), ("b0".to_owned(), vec![]));
        assert_eq!(board.names().count(), 1);
        assert!(board.put(name("a"), "a0".to_owned()), "it is there again");
        assert_eq!((runs(&board, 2), board.after(2, 9).gone), ("a0".to_owned(), vec![]));
    }

    #[test]
    fn what_is_long_gone_is_forgotten_and_that_is_known() {
        let mut board = Board::default();
        for at in 0..=GONE_MAX {
            board.put(name(&at.to_string()), String::new());
        }
        let all = board.after(0, usize::MAX).last;
        for at in 0..=GONE_MAX {
            board.remove(&name(&at.to_string()));
        }
        assert!(!board.reaches_back_to(all));
        assert!(board.reaches_back_to(all + 1) && !board.reaches_back_to(u64::MAX));
        assert_eq!(board.entries.len(), GONE_MAX);
        assert_eq!((board.order.len(), board.gone.len()), (GONE_MAX, GONE_MAX));
    }
}
