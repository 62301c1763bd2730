//! `tandem status`: the runs below a root.

mod args;
pub mod known;
pub mod locked;
pub mod manifest;
mod output;
pub mod row;
pub mod scan;
mod screen;
pub mod select;
#[cfg_attr(not(feature = "serve"), allow(dead_code, reason = "what `status` does not ask for"))]
pub mod source;
pub mod state;
#[cfg(feature = "postgres")]
pub mod stored;
mod table;
mod watch;

use std::process::ExitCode;
use std::sync::Mutex;

use futures::executor::block_on;

use super::access::Access;
use super::location::OpenedLocation;
use super::plain::complain;
pub use args::Args;
use args::COMMAND;
use locked::{lock, unlocked};
use output::{NotShown, Printer};
use row::Row;
use scan::Files;
use select::Selection;
use source::Source;

/// Shows the runs.
pub fn run(args: &Args) -> ExitCode {
    match show(args) {
        Ok(()) | Err(NotShown::Unread) => ExitCode::SUCCESS,
        Err(NotShown::Problem(message)) => {
            complain(COMMAND, &message);
            ExitCode::FAILURE
        }
    }
}

/// The runs of a place. This alone knows which sources there are.
///
/// # Errors
/// Why there can be no runs.
pub fn source_of(place: &OpenedLocation, is_polled: bool) -> Result<Box<dyn Source>, String> {
    match place {
        OpenedLocation::Directory(root) => Ok(Box::new(Files::open(root, is_polled)?)),
        #[cfg(feature = "postgres")]
        OpenedLocation::Store(store) => Ok(Box::new(stored::Stored::new(store.clone()))),
    }
}

fn show(args: &Args) -> Result<(), NotShown> {
    let source = source_of(&block_on(args.location.open(Access::Read))?, args.poll)?;
    let mut output = Printer::new(args);
    if args.watch {
        watch::watch(args, source, output)
    } else if args.json_lines {
        output.stream(|print| source.each(&args.selection, print))
    } else {
        let mut rows = all(&*source, &args.selection)?;
        let left_out = args.order.arrange(&mut rows);
        output.print(&rows, left_out)
    }
}

/// The selected runs, in no order.
fn all(source: &dyn Source, selection: &Selection) -> Result<Vec<Row>, String> {
    let rows = Mutex::new(Vec::new());
    source.each(selection, &|piece| {
        lock(&rows).extend(piece);
        true
    })?;
    Ok(unlocked(rows))
}
