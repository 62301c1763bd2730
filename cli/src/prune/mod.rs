//! `tandem prune`: removes runs that are over, and what killed processes left.

mod found;
mod removal;
mod report;
mod rules;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use cap_std::fs::Dir;
use tandem_host::{ErrorKind, HistoryOptions, Tandem};

use super::plain::{complain, message};
use super::root::Root;
use super::status::scan;
use super::tandem;
use found::FoundRun;
use removal::{Outcome, Removal};
use report::Report;
use rules::{Ended, Rules};

/// How messages name this command.
const COMMAND: &str = "prune";

/// Remove runs that are over, with all that is in their directories; show them first
///
/// Without --yes it only shows what would go. A run goes if every rule that is given lets it go:
/// --state, --older-than, --keep-last. Without any rule no run goes, only what killed processes
/// left: temporary files older than an hour, directories of summaries that never came to be, and
/// directories that an earlier prune had begun to remove.
///
/// What goes of a run is .runs/TASK/cli/RUN and .runs/TASK/RUN, whoever put files there; links are
/// not followed. Its entry in the task's history, out/TASK/runs.json, stays unless --history is
/// given. A run that is live, as `tandem status` tells it, never goes, nor does one whose manifest
/// or heartbeat was written within the last 30 seconds and that is not recorded since. A time in a
/// file that is more than 5 seconds ahead of the clock does not count.
///
/// Exit codes: 0; 1 if something could not be removed, a history's lock could not be had, or a task
/// is named that cannot be one; 2 if this command line is wrong.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    root: Root,
    /// Only runs of this task; may be given several times [default: all tasks]
    #[arg(long, value_name = "ID")]
    task: Vec<String>,
    /// Keep the last N runs of each task, of those that --state names; live ones are not counted
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep_last: Option<u32>,
    /// Only runs that ended longer ago, such as 30d, 12h or "1h 30m"; one that tells no end counts
    /// from its last sign of life
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    older_than: Option<Duration>,
    /// Only runs in this state; may be given several times [default: done, failed, cancelled, stale,
    /// empty, recorded]
    #[arg(long, value_name = "STATE")]
    state: Vec<Ended>,
    /// Remove the entries of these runs from their history too, also those without a directory
    #[arg(long)]
    history: bool,
    /// Only show what would go, which is the default
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Remove it
    #[arg(long, short = 'y')]
    yes: bool,
    /// How long to wait for a history that others write, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    lock_wait: u64,
    /// Print one line of JSON: an object with dry_run, runs, entries and leftovers
    ///
    /// Each run has task, run, state, ended_at, removed and detail.
    #[arg(long)]
    json: bool,
}

/// Shows or removes what is to go.
pub async fn run(args: Args) -> ExitCode {
    match prune(&args).await {
        Ok(is_whole) if is_whole => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(message) => {
            complain(COMMAND, &message);
            ExitCode::FAILURE
        }
    }
}

/// Tells whether all that was to go could.
async fn prune(args: &Args) -> Result<bool, String> {
    let root = scan::open_root(&args.root.path)?;
    let rules = Rules::new(&args.state, args.keep_last, args.older_than);
    // It knows the rules of ids.
    let needs_component = args.yes || args.history || !args.task.is_empty();
    let tandem = match needs_component {
        true => Some(tandem::open(&args.root.path).await.map_err(|error| message(&error))?),
        false => None,
    };
    if let Some(tandem) = &tandem {
        for task in &args.task {
            check(tandem, task).await?;
        }
    }
    let mut report = Report::new(args.yes);
    let tasks: BTreeSet<String> = match args.task.is_empty() {
        true => found::tasks(&root, args.history)?,
        false => args.task.iter().cloned().collect(),
    };
    for task in tasks {
        let going = match going(&root, tandem.as_ref(), args, &task, &rules).await {
            Ok(going) => going,
            Err(why) => {
                report.fail(&why);
                continue;
            }
        };
        let Some(tandem) = tandem.as_ref().filter(|_| args.yes) else {
            report.leftovers += found::leftovers(&root, &task);
            report.show(&task, &going);
            continue;
        };
        let wait = Duration::from_millis(args.lock_wait);
        let from_history = args.history;
        let removal = Removal { root: &root, task: &task, from_history, sweep: true, wait };
        let outcome = removal.remove(tandem, &going).await;
        report.add(&task, &going, outcome);
    }
    report.print(args.json)
}

/// The runs of a task that the rules let go.
async fn going(
    root: &Dir,
    tandem: Option<&Tandem>,
    args: &Args,
    task: &str,
    rules: &Rules,
) -> Result<Vec<FoundRun>, String> {
    let mut runs = found::runs(root, task)?;
    if let Some(tandem) = tandem.filter(|_| args.history) {
        let history = tandem.history(HistoryOptions::new(task)).await;
        runs.add_recorded(history.map_err(|error| message(&error))?.runs);
    }
    Ok(rules.going(runs.over, SystemTime::now()))
}

/// Refuses what is no id of a task.
async fn check(tandem: &Tandem, task: &str) -> Result<(), String> {
    match tandem.history(HistoryOptions::new(task)).await {
        Err(error) if error.kind() == ErrorKind::InvalidId => Err(message(&error)),
        // What else is wrong with the history is told by who needs it.
        _ => Ok(()),
    }
}

/// Removes the directories of the runs of a task that are over, but for the last `keep_last` and
/// `kept`. What there is to warn of is told.
///
/// Several processes that do so at once agree: none removes what is among the last for another.
pub async fn keep(
    tandem: &Tandem,
    root: &std::path::Path,
    (task, kept): (&str, &str),
    keep_last: u32,
    wait: Duration,
) -> Vec<String> {
    let found = scan::open_root(root).and_then(|root| {
        let runs = found::runs(&root, task)?;
        Ok((root, runs))
    });
    let (root, runs) = match found {
        Ok(found) => found,
        Err(why) => return vec![why],
    };
    let rules = Rules::new(&[], Some(keep_last), None);
    let mut going = rules.going(runs.over, SystemTime::now());
    going.retain(|run| run.run != kept);
    if going.is_empty() {
        return Vec::new();
    }
    let removal = Removal { root: &root, task, from_history: false, sweep: false, wait };
    let Outcome { problems, .. } = removal.remove(tandem, &going).await;
    problems.into_iter().collect()
}
