//! `tandem exec`: runs a command, keeps its manifest and heartbeat, and records its end.

mod children;
mod command;
mod common;
mod ended;
mod foreground;
mod fresh;
mod groups;
mod handler;
mod job;
mod keeper;
mod manifest;
mod messages;
mod omit;
mod outputs;
mod processes;
mod progress;
mod pty;
mod pump;
mod raw_terminal;
mod record;
mod run_id;
mod same_place;
mod script;
mod shown;
mod signals;
mod status;
mod steps;
mod stops;
mod summary;
mod tail;
mod undecided;
mod watch;
#[cfg(target_os = "linux")]
mod witness;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use tandem_host::limits::in_words;

use super::inherited::Inherited;
use super::mode::Mode;
use super::plain::{complain, message};
use super::root::Root;
use common::{CANCELLED_DRAIN, COMMAND, MAX_MS};
pub use ended::EXIT_NO_STATE;
use ended::cancelled_before_start;
use fresh::Fresh;
pub use handler::{Caught, Pipe, Sender, catchable};
use keeper::Keeper;
use messages::Messages;
use outputs::OutputOptions;
use progress::Progress;
use run_id::new_run_id;
use signals::Signals;
pub use signals::name as signal_name;
pub use undecided::is_queue;

/// Run a command, keep its manifest and heartbeat, and record it in its task's history.
///
/// The state is kept below DIR in .runs/TASK/cli/RUN: manifest.json tells the command, its status,
/// times, exit code, the last 8 KiB of its output and how many bytes it wrote; .heartbeat tells
/// when the command was last seen alive. Output, signals and the exit code pass through. Of a
/// command line above 32 KiB only the beginning is kept.
///
/// If both outputs go to one place (a pipe, a terminal, a socket, or a file that is open once or for
/// appending), their order is kept; stdout_bytes then counts both, and stderr_bytes is left out.
///
/// When the command is over, its summary goes to .runs/TASK/RUN/manifest.json and into the task's
/// history, out/TASK/runs.json. If that fails, exec warns and the exit code stays. A signal ends
/// the wait for a history that others write; a run that a signal cancelled waits at most 2 seconds.
///
/// Exit codes: the command's own; 1 if its output could not be written and it ended with 0 anyway;
/// 128 + n if signal n killed it; 127 if it, or its interpreter, is not found; 126 if it is not
/// executable; 125 if the state cannot be kept, or a call of exec itself fails before the command
/// starts (it is not started); 2 if this command line is wrong.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    root: Root,

    /// The task that the run belongs to
    #[arg(long, value_name = "ID", default_value = "exec")]
    task: String,

    /// The run [default: the time and eight random digits]
    #[arg(long, value_name = "ID")]
    run: Option<String>,

    /// The least time between two writes of the manifest while the command runs, in milliseconds; one
    /// that is due within a tenth of it goes along with a heartbeat
    #[arg(long, value_name = "MS", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..=MAX_MS))]
    interval: u64,

    /// The time between two heartbeats, in milliseconds; one that is due within a tenth of it goes
    /// along with the manifest
    #[arg(long, value_name = "MS", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..=MAX_MS))]
    heartbeat: u64,

    /// What all files survive: a power loss (durable) or a crash of the process (visible)
    /// [default: visible for the heartbeat, durable for the others]
    #[arg(long, value_name = "WHAT")]
    durability: Option<DurabilityArg>,

    #[command(flatten)]
    record: record::Options,

    #[command(flatten)]
    omit: omit::Omitting,

    #[command(flatten)]
    mode: Mode,

    /// Show no progress line on a terminal
    #[arg(long)]
    no_progress: bool,

    /// Run the command in a process group of its own, pass signals on to all of the group, and end what
    /// the command leaves behind when it has ended, on Linux also what has left the group
    #[arg(long)]
    group: bool,

    /// With --group: how long after SIGTERM what the command leaves behind is killed, in milliseconds
    #[arg(long, value_name = "MS", requires = "group", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(..=MAX_MS))]
    kill_after: u64,
    #[command(flatten)]
    outputs: OutputOptions,

    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum DurabilityArg {
    Durable,
    Visible,
}

/// Catches the signals of a run. Comes before the first thread.
pub fn catch(args: &Args, inherited: &Inherited) -> io::Result<Signals> {
    Signals::catch(inherited, args.group)
}

/// Runs the command; the exit code is the program's.
pub async fn run(args: Args, inherited: Inherited, signals: io::Result<Signals>) -> ExitCode {
    let mut signals = match signals {
        Ok(signals) => signals,
        Err(error) => {
            complain(COMMAND, &format!("cannot catch signals: {}", in_words(&error)));
            return EXIT_NO_STATE.into();
        }
    };
    let run_id = args.run.clone().unwrap_or_else(new_run_id);
    let fresh = Fresh::find(&args.root.path, &args.task, &run_id);
    let mut keeper = match Keeper::open(&args, run_id, inherited).await {
        Ok(keeper) => keeper,
        Err(error) => {
            fresh.discard();
            return refuse(message(&error), &mut signals).await;
        }
    };
    // No command is started whose state cannot be kept.
    if let Err(error) = keeper.write(true).await {
        keeper.complain(message(&error));
        keeper.give_up(&args, &mut signals).await;
        fresh.discard();
        return EXIT_NO_STATE.into();
    }
    let early = signals.settle().await;
    let end = match early.iter().find(|early| signals::END.contains(&early.signal())) {
        Some(early) => cancelled_before_start(early.signal()),
        None => keeper.run_command(&args, &mut signals, early).await,
    };
    keeper.finish(&args, &end, &mut signals).await;
    end.exit_code.into()
}

async fn refuse(why: String, signals: &mut Signals) -> ExitCode {
    let messages = Messages::new(Arc::new(Progress::none()));
    messages.say(why);
    messages.end(false, CANCELLED_DRAIN, signals).await;
    EXIT_NO_STATE.into()
}
