//! The program `tandem`: a module for each command.
//!
//! It is a program; what this library offers is for its own tests.

#![deny(unsafe_code)]
#![warn(missing_docs)]

mod access;
mod columns;
mod component;
mod descriptors;
mod exec;
mod feed;
mod file_kind;
mod history;
mod ids;
mod inherited;
mod json;
mod location;
mod log;
mod memory;
#[cfg(feature = "postgres")]
mod migrate;
mod mode;
mod plain;
mod prune;
mod root;
#[cfg(feature = "serve")]
mod serve;
mod signals;
mod status;
#[cfg(feature = "postgres")]
mod store;
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
use tandem_host::limits::in_words;

use inherited::Inherited;
use log::OpenedLog;

/// Crash-safe run manifests, heartbeats and history: runs a command and keeps what it does, feeds
/// runs from any language, shows them, and removes them.
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
    #[cfg(feature = "serve")]
    Serve(serve::Args),
    History(history::Args),
    Prune(prune::Args),
    #[cfg(feature = "postgres")]
    Migrate(migrate::Args),
    Component(component::Args),
    #[cfg(feature = "torture")]
    Torture(torture::Args),
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    // Before what needs most of it.
    match memory::check_stack() {
        Ok(()) => run(),
        Err(why) => {
            let command = std::env::args_os().nth(1).unwrap_or_default();
            plain::complain(&command.to_string_lossy(), &why);
            if command == "exec" { exec::EXIT_NO_STATE.into() } else { ExitCode::FAILURE }
        }
    }
}

#[inline(never)]
fn run() -> ExitCode {
    memory::be_thrifty();
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => return usage::show::<CommandLine>(&error),
    };
    let inherited = Inherited::take();
    match line.command {
        Command::Exec(args) => on_runtime("exec", exec::EXIT_NO_STATE.into(), || {
            let signals = exec::catch(&args, &inherited);
            exec::run(args, inherited, signals)
        }),
        Command::Feed(args) => {
            feed::raise_open_files();
            on_runtime("feed", ExitCode::FAILURE, || feed::run(args, inherited))
        }
        Command::Status(args) => status::run(&args),
        #[cfg(feature = "serve")]
        Command::Serve(args) => {
            feed::raise_open_files();
            on_runtime("serve", ExitCode::FAILURE, || serve::run(args, inherited))
        }
        Command::History(args) => on_runtime("history", ExitCode::FAILURE, || history::run(args)),
        Command::Prune(args) => {
            on_runtime("prune", ExitCode::FAILURE, || prune::run(args, inherited))
        }
        #[cfg(feature = "postgres")]
        Command::Migrate(args) => on_runtime("migrate", ExitCode::FAILURE, || migrate::run(args)),
        Command::Component(args) => component::run(&args),
        #[cfg(feature = "torture")]
        Command::Torture(args) => torture::run(&args),
    }
}

/// Runs an asynchronous command to its end, on this thread. `failure` is its exit code if there is too
/// little for it.
fn on_runtime<W: Future<Output = ExitCode>>(
    command: &'static str,
    failure: ExitCode,
    work: impl FnOnce() -> W,
) -> ExitCode {
    // The first of all: a descriptor that the variable names, and that nobody opened, is nobody's yet.
    let log = OpenedLog::open();
    // It counts what can be opened, so nothing else is open before it. Some of what makes an event
    // loop panics without descriptors.
    let ready = descriptors::check().and_then(|()| {
        let work = work();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| format!("cannot make an event loop: {}", in_words(&error)));
        Ok((runtime?, work))
    });
    // Not earlier: `exec` forks before there is a second thread.
    let log = log.start(command);
    let code = match ready {
        Ok((runtime, work)) => runtime.block_on(work),
        Err(why) => {
            plain::complain(command, &why);
            failure
        }
    };
    log.end();
    code
}
