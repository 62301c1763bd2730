//! `tandem prune`: removes runs that are over, and what killed processes left.

mod common;
mod directories;
mod end_state;
mod found;
mod found_run;
mod ids;
mod in_files;
#[cfg(feature = "postgres")]
mod in_store;
mod kept;
mod leftovers;
mod place;
mod removal;
mod report;
mod rules;
#[cfg(feature = "postgres")]
mod seen_task;
mod stop;
mod summary;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use tandem_host::limits::in_words;
use tandem_host::{HistoryOptions, Json, Tandem};

use super::access::Access;
use super::exec::signal_name;
use super::ids::check as check_id;
use super::inherited::Inherited;
use super::location::{Location, OpenedLocation};
use super::plain::{complain, message};
use super::status::scan;
use common::COMMAND;
use end_state::EndState;
use found::{Other, TaskRuns};
use found_run::FoundRun;
use leftovers::Leftovers;
use place::RunsPlace;
use removal::{Removal, RemovalOutcome};
use report::Report;
use rules::Rules;
use stop::Stop;

/// Remove runs that are over, with all that is in their directories; show them first
///
/// Without --yes it only shows what would go. A run goes if every rule that is given lets it go:
/// --state, --older-than, --keep-last. Without any rule no run goes, only what killed processes
/// left: temporary files older than an hour, directories of summaries that never came to be, and
/// directories that an earlier prune had begun to remove.
///
/// What goes of a run is .runs/TASK/cli/RUN and .runs/TASK/RUN, whoever put files there; links are
/// not followed. .runs/TASK/RUN alone is a run if its manifest.json is the summary of that task and
/// run, and .runs/TASK/cli/RUN if it has a status, a heartbeat, a summary, or nothing in it; what
/// cannot be read, or has none of them, is one if the history has it. Its entry in the task's history, out/TASK/runs.json, stays unless --history is
/// given. A run that is live, as `tandem status` tells it, never goes, nor does one whose manifest
/// or heartbeat was written within the last 30 seconds and that is not recorded since. A time in a
/// file that is more than 5 seconds ahead of the clock does not count.
///
/// In a store there are no links and no temporary files, and other documents of a run's place go with
/// it. The time of a document is the store's. etcd has no clock, so the times there are those of who wrote,
/// and no run goes that is stale or empty.
///
/// A signal ends it after the up to 256 runs in hand, and a second one at once. One that comes again
/// within a second, or from the same sender within 100 ms, is no second one, nor is any SIGHUP after a
/// SIGHUP.
///
/// Exit codes: 0; 128 + n if signal n ended it; 1 if something could not be removed or looked for, a history's lock could not be had, or a task
/// is named that cannot be one or whose directory is a symbolic link; 2 if this command line is
/// wrong. Directories whose names can be no ids stay, and those that may be no runs, which a note
/// tells.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    location: Location,
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
    /// Only runs in this state; more with commas, or by giving it again [default: done, failed,
    /// cancelled, stale, empty, recorded]
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    state: Vec<EndState>,
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
pub async fn run(args: Args, inherited: Inherited) -> ExitCode {
    let stop = Stop::default();
    let done = if args.yes {
        // Nobody would give the lock back for it.
        match stop.on_signals(&inherited) {
            Ok(()) => prune(&args, &stop).await,
            Err(error) => Err(format!("cannot catch signals: {}", in_words(&error))),
        }
    } else {
        prune(&args, &stop).await
    };
    if let Err(message) = &done {
        complain(COMMAND, message);
    }
    match stop.code() {
        Some(code) => ExitCode::from(code),
        None if done == Ok(true) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    }
}

/// Tells whether all that was to go could.
async fn prune(args: &Args, stop: &Stop) -> Result<bool, String> {
    let access = if args.yes { Access::Write } else { Access::Read };
    let opened = args.location.open(access).await?;
    let place: Box<dyn RunsPlace> = match &opened {
        OpenedLocation::Directory(root) => Box::new(scan::open_root(root)?),
        #[cfg(feature = "postgres")]
        OpenedLocation::Store(store) => {
            Box::new(in_store::RunsStore::new(store.clone(), store.has_clock()))
        }
    };
    let place = &*place;
    let rules = Rules::new(&args.state, args.keep_last, args.older_than);
    let builder = if args.yes { opened.keeper().await? } else { opened.reader() };
    let tandem = builder.build().await.map_err(|error| message(&error))?;
    for task in &args.task {
        check_id(&tandem, task).await?;
        place.check(task)?;
    }
    let mut report = Report::new(args.yes);
    let tasks: BTreeSet<String> = match args.task.is_empty() {
        true => place.tasks(args.history)?,
        false => args.task.iter().cloned().collect(),
    };
    for task in tasks {
        if stop.signal().is_some() {
            report.stop();
            break;
        }
        let Going { runs: going, is_task, notes } =
            match going(place, &tandem, args, &task, &rules).await {
                Ok(found) => found,
                Err(why) => {
                    report.fail(&why);
                    continue;
                }
            };
        notes.iter().for_each(|note| report.note(note));
        if !is_task {
            continue;
        }
        if !args.yes {
            match leftovers(place, &tandem, &task, &going).await {
                Ok(count) => report.leftovers += count,
                Err(why) => report.fail(&why),
            }
            report.show(&task, &going);
            continue;
        }
        let wait = Duration::from_millis(args.lock_wait);
        let from_history = args.history;
        let sweep = true;
        let removal = Removal { place, task: &task, from_history, sweep, wait, stop };
        let outcome = removal.remove(&tandem, &going).await;
        report.add(&task, &going, outcome);
    }
    stop.finish();
    if let Some(signal) = stop.signal().filter(|_| report.is_stopped()) {
        report.fail(&format!("{} ended it before all was removed", signal_name(signal)));
    }
    report.print(args.json)
}

/// What goes of a task.
struct Going {
    runs: Vec<FoundRun>,
    /// Whether its name can be that of a task.
    is_task: bool,
    /// That there are others, which stay because of a name, or of what is in them.
    notes: Vec<String>,
}

/// The runs of a task that the rules let go.
async fn going(
    place: &dyn RunsPlace,
    tandem: &Tandem,
    args: &Args,
    task: &str,
    rules: &Rules,
) -> Result<Going, String> {
    let there = place.task(task)?;
    let mut found = found::runs(there.as_deref(), task)?;
    let now = SystemTime::now();
    if let Err(why) = check_id(tandem, task).await {
        let is_any = !rules.going(found.over, now).is_empty();
        let note = is_any.then(|| format!("the runs of a directory stay: {why}"));
        return Ok(Going { runs: Vec::new(), is_task: false, notes: note.into_iter().collect() });
    }
    let entries = decide(tandem, task, &mut found, args.history).await?;
    if args.history {
        found.add_recorded(&entries);
    }
    let (own, others) = ids::part(tandem, found.over).await;
    let note = rules.going(others, now).first().map(|other| {
        let shown = &other.run;
        format!("directories of {task} stay whose names are no ids of runs, such as {shown:?}")
    });
    let (runs, beside) = found::part(there.as_deref(), task, rules.going(own, now));
    let mut notes: Vec<String> = note.into_iter().collect();
    notes.extend(stays(task, found.others, beside, rules, now));
    Ok(Going { runs, is_task: true, notes })
}

/// Has the history tell which directories are those of runs, if it is needed. Gives its entries.
///
/// # Errors
/// It `is_wanted` for more, and cannot be read.
async fn decide(
    tandem: &Tandem,
    task: &str,
    found: &mut TaskRuns,
    is_wanted: bool,
) -> Result<Vec<Json>, String> {
    let mut entries = Vec::new();
    if is_wanted || found.is_doubtful() {
        match tandem.history(HistoryOptions::new(task)).await {
            Ok(history) => entries = history.runs,
            Err(error) if is_wanted => return Err(message(&error)),
            // Of what it does not tell, nothing is certain.
            Err(_) => {}
        }
    }
    found.decide(&entries);
    Ok(entries)
}

/// Tells of directories that the rules would let go, and that may be somebody else's.
fn stays(
    task: &str,
    others: Vec<Other>,
    beside: Vec<Other>,
    rules: &Rules,
    now: SystemTime,
) -> Option<String> {
    let mut why = BTreeMap::new();
    let mut runs = Vec::new();
    for Other { run, why: reason } in others {
        why.insert(run.run.clone(), reason);
        runs.push(run);
    }
    let first = rules.going(runs, now).into_iter().next();
    let why = first.and_then(|run| why.remove(&run.run));
    let why = why.or_else(|| beside.into_iter().next().map(|other| other.why))?;
    Some(format!("directories of {task} stay that may be no runs: {why}"))
}

/// How many leftovers a removal would find, but for those that go with their run.
///
/// # Errors
/// They cannot be looked for.
async fn leftovers(
    place: &dyn RunsPlace,
    tandem: &Tandem,
    task: &str,
    going: &[FoundRun],
) -> Result<usize, String> {
    let Leftovers { of_task, of_runs } = place.leftovers(task)?;
    let going: BTreeSet<&str> = going.iter().map(|run| run.run.as_str()).collect();
    let mut sum = of_task;
    for (run, count) in of_runs {
        if !going.contains(&*run) && check_id(tandem, &run).await.is_ok() {
            sum += count;
        }
    }
    Ok(sum)
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
        root.check(task)?;
        let there = RunsPlace::task(&root, task)?;
        let runs = found::runs(there.as_deref(), task)?;
        Ok((root, there, runs))
    });
    let (root, there, mut runs) = match found {
        Ok(found) => found,
        Err(why) => return vec![why],
    };
    if let Err(why) = decide(tandem, task, &mut runs, false).await {
        return vec![why];
    }
    let rules = Rules::new(&[], Some(keep_last), None);
    let (own, _) = ids::part(tandem, runs.over).await;
    let mut going = rules.going(own, SystemTime::now());
    going.retain(|run| run.run != kept);
    // What is somebody else's stays without a word each time: `tandem prune` tells of it.
    let (going, _) = found::part(there.as_deref(), task, going);
    if going.is_empty() {
        return Vec::new();
    }
    let stop = &Stop::default();
    let removal = Removal { place: &root, task, from_history: false, sweep: false, wait, stop };
    let RemovalOutcome { problems, .. } = removal.remove(tandem, &going).await;
    problems.into_iter().collect()
}
