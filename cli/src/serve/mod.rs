//! `tandem serve`: the runs below a root as a web page that only reads.

mod answer;
mod assets;
mod board;
mod bounds;
mod connections;
mod events;
mod host;
mod line;
mod manifest;
mod past;
mod patient;
mod query;
mod reading;
mod route;
mod server;
mod watcher;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use tandem_host::limits::in_words;
use tokio::net::TcpListener;

use super::access::Access;
use super::inherited::Inherited;
use super::location::Location;
use super::plain::complain;
use super::signals::EndSignals;
use super::waiting;
use server::Server;

/// How messages name this command.
const COMMAND: &str = "serve";

/// Show the runs below the root as a web page, live, until a signal ends it
///
/// It prints the address of the page on one line, and serves it: all runs and how they stand, as
/// `tandem status` tells it, a run's manifest with the end of its output, and a task's history. The
/// page shows what changes as it changes.
///
/// It reads only, asks nobody who they are, and by default can be reached from this machine alone.
/// What it shows is what is in the files: a command line and an output among them, unless they were
/// left out by `exec --omit`. The same rules hold as for `tandem status`: no link is followed out of
/// the root. On a loopback address it answers only to requests that name one, or localhost, so that no
/// other web page can read it by a name of its own.
///
/// Files are looked at only while somebody has the page open, and once for all who have.
///
/// Exit codes: 128 + n if signal n ended it, which any does that ends a program by default; 1 if the
/// root, or the store, cannot be opened, the address cannot be had, or nothing can be written to standard output; 0
/// if nobody reads that any more; 2 if this command line is wrong.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    location: Location,
    /// Where to listen; port 0 takes one that is free
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8263")]
    listen: SocketAddr,
    /// Look at the times of all files each second, and ask the system for no word of changes
    #[arg(long)]
    poll: bool,
}

/// Serves until a signal ends it.
pub async fn run(args: Args, inherited: Inherited) -> ExitCode {
    match serve(args, inherited).await {
        Ok(code) => code,
        Err(message) => {
            complain(COMMAND, &message);
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: Args, inherited: Inherited) -> Result<ExitCode, String> {
    let mut signals = EndSignals::catch(&inherited)
        .map_err(|error| format!("cannot catch signals: {}", in_words(&error)))?;
    // Whoever starts it should learn at once that there can be no runs.
    let place = args.location.open(Access::Read).await?;
    drop(super::status::source_of(&place, args.poll)?);
    let cannot_listen = |error| format!("cannot listen on {}: {}", args.listen, in_words(&error));
    let listener = TcpListener::bind(args.listen).await.map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    match writeln!(waiting::stdout(), "http://{address}/") {
        // Nobody reads any more, which is no failure.
        Err(error) if waiting::is_reader_gone(&error) => return Ok(ExitCode::SUCCESS),
        written => written.map_err(|error| format!("cannot write to standard output: {error}"))?,
    }
    if !address.ip().is_loopback() {
        let warning =
            "warning: whoever can reach the address sees the runs, with commands and outputs";
        complain(COMMAND, &format!("{warning}: {address}"));
    }
    let server = Server::start(place, args.poll, address.ip().is_loopback())
        .map_err(|error| format!("cannot start a thread: {}", in_words(&error)))?;
    tokio::select! {
        () = connections::accept(listener, server) => Ok(ExitCode::FAILURE),
        signal = signals.next() => {
            Ok(u8::try_from(128 + signal).map_or(ExitCode::FAILURE, ExitCode::from))
        }
    }
}
