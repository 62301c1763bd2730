//! What the command line of `exec` says, and its help.

use std::ffi::OsString;

use super::common::MAX_MS;
use super::omit::Omitting;
use super::outputs::OutputOptions;
use super::record::RecordArgs;
use crate::location::Location;
use crate::mode::Mode;

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
    pub location: Location,

    /// The task that the run belongs to
    #[arg(long, value_name = "ID", default_value = "exec")]
    pub task: String,

    /// The run [default: the time and eight random digits]
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,

    /// The least time between two writes of the manifest while the command runs, in milliseconds; one
    /// that is due within a tenth of it goes along with a heartbeat
    #[arg(long, value_name = "MS", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..=MAX_MS))]
    pub interval: u64,

    /// The time between two heartbeats, in milliseconds; one that is due within a tenth of it goes
    /// along with the manifest [default: 5000, or what the store tells]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=MAX_MS))]
    pub heartbeat: Option<u64>,

    /// What all files survive: a power loss (durable) or a crash of the process (visible)
    /// [default: visible for the heartbeat, durable for the others]
    #[arg(long, value_name = "WHAT")]
    pub durability: Option<DurabilityArg>,

    #[command(flatten)]
    pub record: RecordArgs,

    #[command(flatten)]
    pub omit: Omitting,

    #[command(flatten)]
    pub mode: Mode,

    /// Show no progress line on a terminal
    #[arg(long)]
    pub no_progress: bool,

    /// Run the command in a process group of its own, pass signals on to all of the group, and end what
    /// the command leaves behind when it has ended, on Linux also what has left the group
    #[arg(long)]
    pub group: bool,

    /// With --group: how long after SIGTERM what the command leaves behind is killed, in milliseconds
    #[arg(long, value_name = "MS", requires = "group", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(..=MAX_MS))]
    pub kill_after: u64,
    #[command(flatten)]
    pub outputs: OutputOptions,

    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum DurabilityArg {
    Durable,
    Visible,
}
