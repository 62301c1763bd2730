//! Shows runs and goes on with what changes.

use std::collections::HashMap;

use super::args::{Args, COMMAND};
use super::output::{NotShown, Printer, lines};
use super::row::Row;
use super::screen::Screen;
use super::source::{Follow, Source};
use crate::plain::{complain, plain};

/// Shows the runs until nobody sees it any more.
pub fn watch(args: &Args, source: Box<dyn Source>, output: Printer<'_>) -> Result<(), NotShown> {
    let screen = Screen::new();
    let is_redrawn = screen.is_terminal() && !args.json && !args.json_lines;
    let mut shown = View { args, output, screen, is_redrawn, note: None, rows: None };
    let mut followed = source.follow(args.selection.clone())?;
    loop {
        shown.note(Note::of(&*followed));
        shown.show(&*followed)?;
        if !shown.screen.wait(followed.notices()) {
            return Ok(());
        }
        followed.update(&mut |_| {})?;
    }
}

/// What was shown last.
struct View<'a> {
    args: &'a Args,
    output: Printer<'a>,
    screen: Screen,
    is_redrawn: bool,
    note: Option<Note>,
    rows: Option<Vec<Row>>,
}

/// What there is to tell of where the runs are kept.
enum Note {
    /// Why it cannot be reached.
    Away(String),
    /// Why changes are looked for.
    Polled(String),
}

impl Note {
    fn of(followed: &dyn Follow) -> Option<Self> {
        followed.away().map(Note::Away).or_else(|| followed.note().map(Note::Polled))
    }

    /// Its sentence, for who sees no table below which it would stand.
    fn told(&self) -> String {
        match self {
            Note::Away(why) => format!("{why}; what is shown is of before"),
            Note::Polled(why) => format!("{why}; what is not watched is looked at each second"),
        }
    }

    /// The line below the table.
    fn line(&self) -> String {
        let (Note::Away(why) | Note::Polled(why)) = self;
        plain(why)
    }
}

impl View<'_> {
    /// Tells a note once; where the screen is redrawn, below the table.
    fn note(&mut self, note: Option<Note>) {
        // One outage may have several reasons, one after the other.
        let is_told = match (&self.note, &note) {
            (Some(Note::Away(_)), Some(Note::Away(_))) => true,
            (Some(Note::Polled(told)), Some(Note::Polled(why))) => told == why,
            _ => false,
        };
        if !is_told
            && let Some(note) = &note
            && !self.is_redrawn
        {
            complain(COMMAND, &note.told());
        }
        self.note = note;
    }

    fn show(&mut self, followed: &dyn Follow) -> Result<(), NotShown> {
        let now = followed.judged_at();
        let rows = followed.known().map(|known| Row::new(known.clone(), now));
        if self.args.json_lines {
            return self.show_each(rows.collect());
        }
        let mut rows: Vec<Row> = rows.filter(|row| self.args.selection.has_state(row)).collect();
        let left_out = self.args.order.arrange(&mut rows);
        if self.is_redrawn && self.screen.is_behind() {
            // It is drawn when the job is brought back.
            return Ok(());
        }
        if self.is_redrawn {
            let (columns, mut lines_max) = self.screen.size();
            let note = self.note.as_ref().map(Note::line);
            lines_max -= usize::from(note.is_some());
            // The head of the table, and what tells that there are more.
            let fits = left_out == 0 && rows.len() < lines_max;
            let rows_max = if fits { rows.len() } else { lines_max.saturating_sub(2) };
            let shown = &rows[..rows.len().min(rows_max)];
            let left_out = left_out + rows.len() - shown.len();
            let lines = lines(self.args, shown, left_out).chain(note);
            return Ok(self.screen.redraw(columns, lines)?);
        }
        if !self.rows.as_ref().is_some_and(|shown| are_same(shown, &rows)) {
            self.output.print(&rows, left_out)?;
        }
        self.rows = Some(rows);
        Ok(())
    }

    /// Prints the runs that changed.
    fn show_each(&mut self, mut rows: Vec<Row>) -> Result<(), NotShown> {
        fn key(row: &Row) -> (&str, &str) {
            (&row.task, &row.run)
        }
        let shown = self.rows.take().unwrap_or_default();
        let mut before: HashMap<_, _> = shown.iter().map(|row| (key(row), row)).collect();
        let selection = &self.args.selection;
        for row in &rows {
            let was_shown = before.remove(&key(row));
            let is_shown = selection.has_state(row) || was_shown.is_some();
            if is_shown && !was_shown.is_some_and(|was| was.is_same(row)) {
                self.output.one(row)?;
            }
        }
        before.into_values().try_for_each(|row| self.output.gone(row))?;
        rows.retain(|row| selection.has_state(row));
        self.rows = Some(rows);
        self.output.flush()
    }
}

fn are_same(shown: &[Row], rows: &[Row]) -> bool {
    shown.len() == rows.len() && shown.iter().zip(rows).all(|(shown, row)| shown.is_same(row))
}
