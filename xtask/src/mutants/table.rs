//! A table whose rows are shown as they come.

use super::outcome::Cells;

/// Numbers stand at the right.
const HEAD: [&str; 6] = ["mutant", "what is wrong", "verdict", "states", "seconds", "found"];
const WIDTHS_MIN: [usize; 6] = [6, 13, 8, 7, 7, 0];
const AT_RIGHT: [bool; 6] = [false, false, false, true, true, false];
const CUT: &str = "...";

pub struct Table {
    widths: [usize; 6],
    /// A longer line is cut.
    chars_max: usize,
}

impl Table {
    /// A table with these texts in its first two columns.
    pub fn new<'a>(texts: impl Iterator<Item = [&'a str; 2]>, chars_max: usize) -> Self {
        let mut widths = WIDTHS_MIN;
        for texts in texts {
            for (width, text) in widths.iter_mut().zip(texts) {
                *width = text.chars().count().max(*width);
            }
        }
        Table { widths, chars_max }
    }

    pub fn head(&self) -> String {
        self.row(&HEAD.map(str::to_owned))
    }

    pub fn row(&self, cells: &Cells) -> String {
        let mut line = String::new();
        for ((cell, width), is_at_right) in cells.iter().zip(self.widths).zip(AT_RIGHT) {
            let space = " ".repeat(width.saturating_sub(cell.chars().count()));
            let [before, after] = if is_at_right { [&*space, ""] } else { ["", &*space] };
            // Nothing that steers a terminal.
            let cell = cell.replace(char::is_control, " ");
            line.extend([before, &cell, after, "  "]);
        }
        let line = line.trim_end();
        if line.chars().count() <= self.chars_max {
            return line.to_owned();
        }
        line.chars().take(self.chars_max.saturating_sub(CUT.len())).chain(CUT.chars()).collect()
    }
}

/// How long a line may be: as the terminal is wide, or endless where there is none.
pub fn chars_max() -> usize {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(std::io::stdout())
        && size.ws_col > 0
    {
        return size.ws_col.into();
    }
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(found: &str) -> Cells {
        ["a", "it is wrong", "caught", "12", "3.4", found].map(str::to_owned)
    }

    #[test]
    fn columns_are_aligned() {
        let table = Table::new([["a", "it is wrong"], ["no-sync", "b"]].into_iter(), usize::MAX);
        assert_eq!(table.head(), "mutant   what is wrong  verdict    states  seconds  found");
        let row = "a        it is wrong    caught         12      3.4  a run is lost";
        assert_eq!(table.row(&cells("a run is\nlost")), row);
    }

    #[test]
    fn a_long_line_is_cut() {
        let table = Table::new([["a", "it is wrong"]].into_iter(), 60);
        let row = table.row(&cells("a sentence that is too long for it"));
        assert_eq!(row.chars().count(), 60);
        assert!(row.ends_with("..."), "{row}");
    }
}
