//! Prints runs: a table, an array, or a line for each.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::Mutex;

use serde_json::json;

use super::args::Args;
use super::locked::{lock, unlocked};
use super::row::Row;
use super::table;
use crate::plain::plain_json;
use crate::waiting::{self, Waiting};

const BUFFER_BYTES: usize = 64 * 1024;

/// How showing ended.
pub enum NotShown {
    /// Nobody reads any more, which is no failure.
    Unread,
    Problem(String),
}

impl From<String> for NotShown {
    fn from(message: String) -> Self {
        NotShown::Problem(message)
    }
}

impl From<io::Error> for NotShown {
    fn from(error: io::Error) -> Self {
        match waiting::is_reader_gone(&error) {
            true => NotShown::Unread,
            false => NotShown::Problem(format!("cannot write to standard output: {error}")),
        }
    }
}

/// Standard output.
pub struct Printer<'a> {
    args: &'a Args,
    to: BufWriter<Waiting<Stdout>>,
}

impl<'a> Printer<'a> {
    pub fn new(args: &'a Args) -> Self {
        Printer { args, to: BufWriter::with_capacity(BUFFER_BYTES, waiting::stdout()) }
    }

    /// Prints all runs; as many were left out.
    pub fn print(&mut self, rows: &[Row], left_out: usize) -> Result<(), NotShown> {
        if self.args.json {
            self.array(rows)?;
        } else {
            for line in lines(self.args, rows, left_out) {
                writeln!(self.to, "{line}")?;
            }
        }
        self.flush()
    }

    fn array(&mut self, rows: &[Row]) -> io::Result<()> {
        write!(self.to, "[")?;
        for (at, row) in rows.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(self.to, "{comma}{}", line(row)?)?;
        }
        writeln!(self.to, "]")
    }

    /// Prints a run on a line of its own, when it is flushed.
    pub fn one(&mut self, row: &Row) -> Result<(), NotShown> {
        Ok(writeln!(self.to, "{}", line(row)?)?)
    }

    /// The same of a run that is no more.
    pub fn gone(&mut self, row: &Row) -> Result<(), NotShown> {
        let gone = json!({"task": row.task, "run": row.run, "state": "gone"});
        Ok(writeln!(self.to, "{}", plain_json(&gone.to_string()))?)
    }

    pub fn flush(&mut self) -> Result<(), NotShown> {
        Ok(self.to.flush()?)
    }

    /// Prints each run that is handed in, by any thread.
    pub fn stream(
        self,
        find: impl FnOnce(&(dyn Fn(Vec<Row>) -> bool + Sync)) -> Result<(), String>,
    ) -> Result<(), NotShown> {
        let output = Mutex::new((self, Ok(())));
        find(&|rows| {
            let mut output = lock(&output);
            let (output, printed) = &mut *output;
            if printed.is_ok() {
                let lines = rows.iter().try_for_each(|row| output.one(row));
                *printed = lines.and_then(|()| output.flush());
            }
            printed.is_ok()
        })?;
        unlocked(output).1
    }
}

/// The lines of the table, made one by one.
pub fn lines<'a>(
    args: &Args,
    rows: &'a [Row],
    left_out: usize,
) -> impl Iterator<Item = String> + use<'a> {
    let place = args.location.name();
    let none = match (rows.is_empty() && left_out == 0, args.selection.is_everything()) {
        (false, _) => None,
        (true, true) => Some(format!("there are no runs {place}")),
        (true, false) => Some(format!("there are no such runs {place}")),
    };
    let table = none.is_none().then(|| table::lines(rows));
    let more = (left_out > 0).then(|| format!("and {left_out} more"));
    none.into_iter().chain(table.into_iter().flatten()).chain(more)
}

fn line(row: &Row) -> io::Result<String> {
    Ok(plain_json(&serde_json::to_string(row)?))
}
