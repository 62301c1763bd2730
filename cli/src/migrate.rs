//! `tandem migrate`: makes the tables of a store.

use std::process::ExitCode;
use std::time::Duration;

use tandem_documents::Settings;

use super::plain::complain;
use super::store;

/// How messages name this command.
const COMMAND: &str = "migrate";

/// Make the tables of a store, or bring them to what this release needs
///
/// It can be run at any time and as often as one likes, also while others use the store. The user must
/// be allowed to create a schema, or own the one that is there; those who keep runs need less.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The store: postgres://USER@HOST:PORT,HOST:PORT/DATABASE?OPTION=VALUE&...
    #[arg(long, value_name = "URL")]
    store: String,
    /// Have runs that are opened from now on, and are told nothing else, show a sign of life so often,
    /// such as 15s; their manifests say that they are stale after six times as long, 30 seconds at
    /// least [default: as it is, 5s in a new store]
    ///
    /// So many heartbeats are written in a second as there are runs, divided by this.
    #[arg(long, value_name = "TIME", value_parser = heartbeat_interval)]
    heartbeat_interval: Option<Duration>,
}

fn heartbeat_interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let is_within = Settings::HEARTBEAT_INTERVALS.contains(&interval);
    is_within.then_some(interval).ok_or_else(|| "it is not within a millisecond and a day".into())
}

/// Makes them.
pub async fn run(args: Args) -> ExitCode {
    match store::migrate(&args.store, args.heartbeat_interval).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complain(COMMAND, &why);
            ExitCode::FAILURE
        }
    }
}
