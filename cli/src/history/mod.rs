//! `tandem history`: the recorded runs of a task.

pub mod entry;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use tandem_host::{Error, ErrorKind, HistoryOptions, TaskHistory};

use super::access::Access;
use super::file_kind::file_kind;
use super::json::on_one_line;
use super::location::{Location, OpenedLocation};
use super::plain::{complain, message, plain, plain_json};
use super::{table, waiting};
use entry::Entry;

/// How messages name this command.
const COMMAND: &str = "history";
const HEAD: [&str; 5] = ["RUN", "COMPLETED", "TOOK", "STATUS", "DETAIL"];

/// Show the recorded runs of a task, newest first
///
/// They are what out/ID/runs.json holds, whoever recorded them. It reads only.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    location: Location,
    /// The task
    #[arg(long, value_name = "ID")]
    task: String,
    /// Show at most this many runs
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Print one line of JSON: an object with taskId, lastRunAt, total and runs
    ///
    /// The runs are the whole summaries, newest first; keys and numbers are as they were written.
    #[arg(long)]
    json: bool,
}

/// Shows the history.
pub async fn run(args: Args) -> ExitCode {
    match show(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            complain(COMMAND, &message);
            ExitCode::FAILURE
        }
    }
}

async fn show(args: &Args) -> Result<(), String> {
    let place = args.location.open(Access::Read).await?;
    let history = recorded(&place, &args.task, args.limit).await?;
    let mut output = io::BufWriter::new(waiting::stdout());
    let printed = if args.json {
        print_json(&mut output, &args.task, &history)
    } else {
        lines(args, &history).iter().try_for_each(|line| writeln!(output, "{line}"))
    };
    match printed.and_then(|()| output.flush()) {
        // Nobody reads any more, which is no failure.
        Err(error) if waiting::is_reader_gone(&error) => Ok(()),
        printed => printed.map_err(|error| format!("cannot write to standard output: {error}")),
    }
}

/// The recorded runs of a task, the newest ones first.
///
/// # Errors
/// Why they cannot be read.
pub async fn recorded(
    place: &OpenedLocation,
    task: &str,
    limit: Option<u32>,
) -> Result<TaskHistory, String> {
    let history = read(place, task, limit).await?;
    if let Some(kind) = in_the_way(place, task).filter(|_| history.total == 0) {
        return Err(format!("out/{task}/runs.json is {kind}"));
    }
    Ok(history)
}

/// What stands in the place of the history. To the component it is no history, since the next write
/// replaces it; who looks for runs should know.
fn in_the_way(place: &OpenedLocation, task: &str) -> Option<&'static str> {
    let root = match place {
        OpenedLocation::Directory(root) => Dir::open_ambient_dir(root, ambient_authority()).ok()?,
        #[cfg(feature = "postgres")]
        OpenedLocation::Store(_) => return None,
    };
    let metadata = root.symlink_metadata(Path::new("out").join(task).join("runs.json")).ok()?;
    (!metadata.is_file()).then(|| file_kind(&metadata))
}

/// The component names the file of every failure but this one.
fn told(error: &Error) -> String {
    match error.path() {
        Some(path) if error.kind() == ErrorKind::TooLarge => format!("{}: {path}", message(error)),
        _ => message(error),
    }
}

async fn read(
    place: &OpenedLocation,
    task: &str,
    limit: Option<u32>,
) -> Result<TaskHistory, String> {
    let tandem = place.reader().build().await.map_err(|error| told(&error))?;
    let options = HistoryOptions::new(task);
    let options = match limit {
        Some(limit) => options.limit(limit),
        None => options,
    };
    tandem.history(options).await.map_err(|error| told(&error))
}

fn lines(args: &Args, history: &TaskHistory) -> Vec<String> {
    if history.total == 0 {
        let (task, place) = (plain(&args.task), args.location.name());
        return vec![format!("there are no recorded runs of {task} {place}")];
    }
    let mut cells = vec![HEAD.map(str::to_owned)];
    cells.extend(history.runs.iter().map(|run| Entry::read(run).columns()));
    let mut lines: Vec<String> = table::lines(cells.iter()).collect();
    let shown = u32::try_from(history.runs.len()).unwrap_or(u32::MAX);
    if let Some(more) = history.total.checked_sub(shown).filter(|&more| more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines
}

/// Entries go out one by one, since a history can have many megabytes.
fn print_json(output: &mut impl Write, task: &str, history: &TaskHistory) -> io::Result<()> {
    let string = |text: &str| serde_json::to_string(text).map(|json| plain_json(&json));
    write!(
        output,
        r#"{{"taskId":{},"lastRunAt":{},"total":{},"runs":["#,
        string(task)?,
        string(&history.last_run_at)?,
        history.total
    )?;
    for (at, run) in history.runs.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        write!(output, "{comma}{}", plain_json(&on_one_line(run)))?;
    }
    writeln!(output, "]}}")
}
