//! `tandem status`: the runs below a root.

mod files;
mod manifest;
mod row;
mod scan;
mod screen;
mod table;

use std::io;
use std::process::ExitCode;

use rustix::event::Timespec;

use super::plain::{complain, plain, plain_json};
use super::root::Root;
use row::Row;
use scan::Scanner;
use screen::Screen;

const REFRESH: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Show the runs below the root, newest first, and how they stand
///
///   live        in progress
///   stale       in progress, but the newest of its heartbeat file and heartbeat_at is older than
///               heartbeat_stale_after_seconds of its manifest (30 if it has none); one that is
///               more than 5 seconds ahead of the clock does not count
///   queued, done, failed, cancelled
///               as its manifest says
///   unknown     its manifest has another status
///   empty       it has no manifest yet
///   unreadable  its manifest cannot be read, the detail tells why
///
/// It reads only, and it never follows a link out of the root.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    root: Root,
    /// Print one line of JSON: an array of runs
    ///
    /// Each has task, run, state, started_at, heartbeat_at, heartbeat_age_ms, exit_code, detail.
    #[arg(long)]
    json: bool,
    /// Go on and show changes
    ///
    /// A terminal is redrawn each second, unless it is dumb. Elsewhere, and with --json, everything is
    /// printed anew after each change.
    #[arg(long, verbatim_doc_comment)]
    watch: bool,
}

/// How showing ended.
enum NotShown {
    /// Nobody reads any more, which is no failure.
    Unread,
    Problem(String),
}

/// Shows the runs.
pub fn run(args: &Args) -> ExitCode {
    match show(args) {
        Ok(()) | Err(NotShown::Unread) => ExitCode::SUCCESS,
        Err(NotShown::Problem(message)) => {
            complain("status", &message);
            ExitCode::FAILURE
        }
    }
}

fn show(args: &Args) -> Result<(), NotShown> {
    let mut scanner = Scanner::open(&args.root.path)?;
    let mut screen = Screen::new();
    let mut shown: Option<Vec<Row>> = None;
    loop {
        let rows = scanner.scan()?;
        if args.watch && screen.is_terminal() && !args.json {
            screen.redraw(&lines(args, &rows)?)?;
        } else if !shown.as_ref().is_some_and(|shown| are_same(shown, &rows)) {
            screen.print(&lines(args, &rows)?)?;
        }
        if !args.watch || !screen.wait(REFRESH) {
            return Ok(());
        }
        shown = Some(rows);
    }
}

fn lines(args: &Args, rows: &[Row]) -> Result<Vec<String>, NotShown> {
    if args.json {
        let json =
            serde_json::to_string(rows).map_err(|error| NotShown::Problem(error.to_string()))?;
        return Ok(vec![plain_json(&json)]);
    }
    if rows.is_empty() {
        let root = plain(&args.root.path.display().to_string());
        return Ok(vec![format!("there are no runs below {root}")]);
    }
    Ok(table::lines(rows))
}

fn are_same(shown: &[Row], rows: &[Row]) -> bool {
    shown.len() == rows.len() && shown.iter().zip(rows).all(|(shown, row)| shown.is_same(row))
}

impl From<String> for NotShown {
    fn from(message: String) -> Self {
        NotShown::Problem(message)
    }
}

impl From<io::Error> for NotShown {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => NotShown::Unread,
            _ => NotShown::Problem(format!("cannot write to standard output: {error}")),
        }
    }
}
