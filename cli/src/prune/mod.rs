//! `tandem prune`: removes runs that are over, and what killed processes left.

mod found;
mod ids;
mod removal;
mod report;
mod rules;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use cap_std::fs::Dir;
use tandem_host::{HistoryOptions, Tandem};

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
/// is named that cannot be one or whose directory is a symbolic link; 2 if this command line is
/// wrong. Directories whose names can be no ids stay, which a note tells.
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
    let tandem = tandem::open(&args.root.path).await.map_err(|error| message(&error))?;
    for task in &args.task {
        ids::check(&tandem, task).await?;
        found::refuse_link(&root, task)?;
    }
    let mut report = Report::new(args.yes);
    let tasks: BTreeSet<String> = match args.task.is_empty() {
        true => found::tasks(&root, args.history)?,
        false => args.task.iter().cloned().collect(),
    };
    for task in tasks {
        let Going { runs: going, is_task, note } =
            match going(&root, &tandem, args, &task, &rules).await {
                Ok(found) => found,
                Err(why) => {
                    report.fail(&why);
                    continue;
                }
            };
        if let Some(note) = note {
            report.note(&note);
        }
        if !is_task {
            continue;
        }
        if !args.yes {
            report.leftovers += leftovers(&root, &tandem, &task, &going).await;
            report.show(&task, &going);
            continue;
        }
        let wait = Duration::from_millis(args.lock_wait);
        let from_history = args.history;
        let removal = Removal { root: &root, task: &task, from_history, sweep: true, wait };
        let outcome = removal.remove(&tandem, &going).await;
        report.add(&task, &going, outcome);
    }
    report.print(args.json)
}

/// What goes of a task.
struct Going {
    runs: Vec<FoundRun>,
    /// Whether its name can be that of a task.
    is_task: bool,
    /// That there are others, which stay because of a name.
    note: Option<String>,
}

/// The runs of a task that the rules let go.
async fn going(
    root: &Dir,
    tandem: &Tandem,
    args: &Args,
    task: &str,
    rules: &Rules,
) -> Result<Going, String> {
    let mut found = found::runs(root, task)?;
    let now = SystemTime::now();
    if let Err(why) = ids::check(tandem, task).await {
        let is_any = !rules.going(found.over, now).is_empty();
        let note = is_any.then(|| format!("the runs of a directory stay: {why}"));
        return Ok(Going { runs: Vec::new(), is_task: false, note });
    }
    if args.history {
        let history = tandem.history(HistoryOptions::new(task)).await;
        found.add_recorded(history.map_err(|error| message(&error))?.runs);
    }
    let (own, others) = ids::part(tandem, found.over).await;
    let note = rules.going(others, now).first().map(|other| {
        let shown = &other.run;
        format!("directories of {task} stay whose names are no ids of runs, such as {shown:?}")
    });
    Ok(Going { runs: rules.going(own, now), is_task: true, note })
}

/// How many leftovers a removal would find, but for those that go with their run.
async fn leftovers(root: &Dir, tandem: &Tandem, task: &str, going: &[FoundRun]) -> usize {
    let found::Leftovers { of_task, of_runs } = found::leftovers(root, task);
    let going: BTreeSet<&str> = going.iter().map(|run| run.run.as_str()).collect();
    let mut sum = of_task;
    for (run, count) in of_runs {
        if !going.contains(&*run) && ids::check(tandem, &run).await.is_ok() {
            sum += count;
        }
    }
    sum
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
        found::refuse_link(&root, task)?;
        let runs = found::runs(&root, task)?;
        Ok((root, runs))
    });
    let (root, runs) = match found {
        Ok(found) => found,
        Err(why) => return vec![why],
    };
    let rules = Rules::new(&[], Some(keep_last), None);
    let (own, _) = ids::part(tandem, runs.over).await;
    let mut going = rules.going(own, SystemTime::now());
    going.retain(|run| run.run != kept);
    if going.is_empty() {
        return Vec::new();
    }
    let removal = Removal { root: &root, task, from_history: false, sweep: false, wait };
    let Outcome { problems, .. } = removal.remove(tandem, &going).await;
    problems.into_iter().collect()
}
