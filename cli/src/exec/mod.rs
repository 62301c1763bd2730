//! `tandem exec`: runs a command, keeps its manifest and heartbeat, and records its end.

mod args;
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
mod lending;
mod manifest;
mod messages;
mod not_started;
mod omit;
mod outputs;
mod processes;
mod progress;
mod pty;
mod pump;
mod raw_terminal;
mod received;
mod record;
mod run_id;
mod same_place;
mod script;
mod shown;
mod signal;
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

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use tandem_host::limits::in_words;

use super::inherited::Inherited;
use super::plain::{complain, message};
pub use args::Args;
use common::{CANCELLED_DRAIN, COMMAND};
use fresh::Fresh;
pub use handler::{Caught, Pipe, Sender, catchable};
use keeper::Keeper;
use messages::Messages;
pub use not_started::EXIT_NO_STATE;
use not_started::cancelled_before_start;
use progress::Progress;
use run_id::new_run_id;
pub use signal::{is_queue, name as signal_name};
use signals::Signals;

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
    let fresh = Fresh::find(&args.location, &args.task, &run_id);
    let mut keeper = match Keeper::open(&args, run_id, inherited).await {
        Ok(keeper) => keeper,
        Err(error) => {
            fresh.discard();
            return refuse(error, &mut signals).await;
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
    let end = match early.iter().find(|early| signal::END.contains(&early.signal())) {
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
