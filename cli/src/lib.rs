//! The program `tandem`: a module for each command.
//!
//! It is a program; what this library offers is for its own tests.

#![deny(unsafe_code)]
#![warn(missing_docs)]

mod component;
mod exec;
mod feed;
mod history;
mod inherited;
mod json;
mod plain;
mod root;
mod status;
mod table;
mod tandem;
mod terminal;
#[cfg(feature = "torture")]
mod torture;
mod usage;
mod waiting;

#[cfg(fuzzing)]
pub use feed::fuzz;

use std::future::Future;
use std::process::ExitCode;

use clap::Parser;

use inherited::Inherited;

/// Crash-safe run manifests, heartbeats and history: runs a command and keeps what it does, feeds
/// runs from any language, and shows them.
#[derive(Debug, Parser)]
#[command(name = "tandem", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Exec(exec::Args),
    Feed(feed::Args),
    Status(status::Args),
    History(history::Args),
    Component(component::Args),
    #[cfg(feature = "torture")]
    Torture(torture::Args),
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => return usage::show(&error),
    };
    let inherited = Inherited::take();
    match line.command {
        Command::Exec(args) => on_runtime("exec", exec::run(args, inherited)),
        Command::Feed(args) => on_runtime("feed", feed::run(args, inherited)),
        Command::Status(args) => status::run(&args),
        Command::History(args) => on_runtime("history", history::run(args)),
        Command::Component(args) => component::run(&args),
        #[cfg(feature = "torture")]
        Command::Torture(args) => torture::run(&args),
    }
}

/// Runs an asynchronous command to its end.
fn on_runtime(command: &str, work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => {
            plain::complain(command, &format!("cannot start threads: {error}"));
            ExitCode::FAILURE
        }
    }
}
