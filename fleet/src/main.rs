//! The program: plays the events, and is a process of hosts itself.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tandem_fleet::host::{self, Orders};
use tandem_fleet::report::{Entry, Outcome, table};
use tandem_fleet::settings::Settings;

/// Plays events on a fleet of hosts over three servers, and compares what was acknowledged with what is
/// found.
#[derive(Parser)]
#[command(name = "cargo xtask fleet", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Command {
    /// Be a process of hosts
    #[command(hide = true)]
    Host(Orders),
}

fn main() -> ExitCode {
    let Cli { command, settings } = Cli::parse();
    let outcome = match command {
        Some(Command::Host(orders)) => host::main(orders).map(|()| true),
        None => fleet(settings),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether all was found that was acknowledged.
fn fleet(settings: Settings) -> Result<bool, String> {
    let program = std::env::current_exe();
    let program = program.map_err(|error| format!("this program cannot be found: {error}"))?;
    let entries = tandem_fleet::play(settings, program, |entry| say(&line(entry)))?;
    // What nobody reads was played all the same.
    let _ = write!(std::io::stdout(), "\n{}", table(&entries));
    Ok(entries.iter().all(|entry| entry.wrong().is_empty()))
}

fn line(entry: &Entry) -> String {
    let Entry { event, duration, outcome } = entry;
    match outcome {
        Outcome::NotPlayed(reason) => format!("{event}: not played, {reason}"),
        Outcome::Judged { verdict, .. } => format!(
            "{event}: {} of {} found after {:.1} s",
            verdict.found,
            verdict.acknowledged,
            duration.as_secs_f64()
        ),
    }
}

fn say(line: &str) {
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(std::io::stderr(), "{line}");
}
