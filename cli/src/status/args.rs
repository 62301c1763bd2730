//! What the command line of `status` says, and its help.

use super::select::{Order, Selection};
use crate::location::Location;

/// How messages name this command.
pub const COMMAND: &str = "status";

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
/// It reads only, and it never follows a link out of the root. In a store, a heartbeat is as old as
/// its last change is by the store's clock (etcd has none: by that of who wrote), and with --watch since it was seen; a store that cannot
/// be reached is told, and makes no run stale.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    pub location: Location,
    #[command(flatten)]
    pub selection: Selection,
    #[command(flatten)]
    pub order: Order,
    /// Print one line of JSON: an array of runs
    ///
    /// Each has task, run, state, started_at, heartbeat_at, heartbeat_age_ms, exit_code, detail. Of a
    /// detail it has the first 1000 characters. A task that cannot be listed has an empty run.
    #[arg(long, verbatim_doc_comment)]
    pub json: bool,
    /// Print a line of JSON for each run, as it is found
    ///
    /// It begins at once and keeps nothing in memory, so the runs are in no order. With --watch, a run
    /// that changed has one more line; one that is no more has the state "gone", and one that is no
    /// longer selected has its new state. Of a store all runs are read before the first is printed.
    #[arg(long, verbatim_doc_comment, conflicts_with_all = ["json", "sort", "reverse", "limit"])]
    pub json_lines: bool,
    /// Go on and show changes
    ///
    /// A terminal is redrawn each second, unless it is dumb, or has another job in the foreground. Elsewhere, and with --json, everything is
    /// printed anew after each change. On Linux the system tells what has changed, if the file system is
    /// one of this machine, and only that is read again.
    #[arg(long, verbatim_doc_comment)]
    pub watch: bool,
    /// With --watch, look at the times of all files each second, and ask the system for no word
    #[arg(long, requires = "watch")]
    pub poll: bool,
}
