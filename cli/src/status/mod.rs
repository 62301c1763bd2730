//! `tandem status`: the runs below a root.

mod args;
pub mod known;
mod locked;
pub mod manifest;
mod output;
pub mod row;
pub mod scan;
mod screen;
mod select;
pub mod state;
mod table;
mod watch;

use std::process::ExitCode;

use super::plain::complain;
pub use args::Args;
use args::COMMAND;
use output::{NotShown, Printer};
use scan::Scanner;

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

fn show(args: &Args) -> Result<(), NotShown> {
    let scanner = Scanner::open(&args.root.path)?;
    let mut output = Printer::new(args);
    if args.watch {
        watch::watch(args, scanner, output)
    } else if args.json_lines {
        output.stream(|print| scanner.each(&args.selection, print))
    } else {
        let mut rows = scanner.scan(&args.selection)?;
        let left_out = args.order.arrange(&mut rows);
        output.print(&rows, left_out)
    }
}
