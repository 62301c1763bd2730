//! What is shown of what goes.

use std::io::Write;

use serde::Serialize;

use super::common::COMMAND;
use super::end_state::EndState;
use super::found_run::FoundRun;
use super::removal::RemovalOutcome;
use crate::plain::{complain, plain_json};
use crate::table::{NONE, lines, name};
use crate::waiting;

const HEAD: [&str; 5] = ["TASK", "RUN", "STATE", "ENDED", "DETAIL"];

/// One run.
#[derive(Serialize)]
struct ReportedRun {
    task: String,
    run: String,
    state: EndState,
    ended_at: String,
    removed: bool,
    /// Why it is not removed.
    detail: Option<String>,
    #[serde(skip)]
    is_left: bool,
}

/// Everything that is to go.
#[derive(Serialize)]
pub struct Report {
    dry_run: bool,
    runs: Vec<ReportedRun>,
    entries: u32,
    /// Of a dry run those that are there, else those that are removed.
    pub leftovers: usize,
    /// Directories that were taken away and of which something stays.
    remaining: usize,
    #[serde(skip)]
    is_whole: bool,
    /// Whether a signal came before something was begun.
    #[serde(skip)]
    is_stopped: bool,
}

impl Report {
    pub fn new(is_real: bool) -> Self {
        Report {
            dry_run: !is_real,
            runs: Vec::new(),
            entries: 0,
            leftovers: 0,
            remaining: 0,
            is_whole: true,
            is_stopped: false,
        }
    }

    /// Tells of something that could not be done.
    pub fn fail(&mut self, why: &str) {
        complain(COMMAND, why);
        self.is_whole = false;
    }

    /// Notes that something was not begun.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

    pub fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Tells of something that stays as it must.
    pub fn note(&self, what: &str) {
        complain(COMMAND, &format!("note: {what}"));
    }

    /// Runs of a task that would go.
    pub fn show(&mut self, task: &str, going: &[FoundRun]) {
        self.runs.extend(going.iter().map(|run| shown(task, run, false, None)));
    }

    /// Runs of a task that were to go.
    pub fn add(&mut self, task: &str, going: &[FoundRun], outcome: RemovalOutcome) {
        let RemovalOutcome { left, is_stopped, gone, entries, swept, remaining, problems } =
            outcome;
        self.is_stopped |= is_stopped;
        self.remaining += remaining.len();
        self.runs.extend(going.iter().map(|run| {
            let why = left.get(&run.run).cloned();
            let is_left = why.is_some();
            let is_gone = gone.contains(&run.run);
            let detail = why.or_else(|| is_gone.then(|| "it is gone already".to_owned()));
            ReportedRun { is_left, ..shown(task, run, detail.is_none(), detail) }
        }));
        self.entries += entries;
        self.leftovers += swept as usize;
        for problem in problems {
            self.fail(&problem);
        }
    }

    /// Prints all of it, and tells whether all that was to go could.
    ///
    /// # Errors
    /// It cannot be printed.
    pub fn print(&self, is_json: bool) -> Result<bool, String> {
        let mut lines = if is_json {
            vec![plain_json(&serde_json::to_string(self).map_err(|error| error.to_string())?)]
        } else {
            self.lines()
        };
        lines.push(String::new());
        match waiting::stdout().write_all(lines.join("\n").as_bytes()) {
            // Nobody reads any more, which is no failure.
            Err(error) if !waiting::is_reader_gone(&error) => {
                Err(format!("cannot write to standard output: {error}"))
            }
            _ => Ok(self.is_whole),
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut all = Vec::new();
        if !self.runs.is_empty() {
            let mut cells = vec![HEAD.map(str::to_owned)];
            cells.extend(self.runs.iter().map(columns));
            all.extend(lines(cells.iter()));
        }
        let leftovers = counted(
            self.leftovers,
            "leftover of killed processes",
            "leftovers of killed processes",
        );
        if self.dry_run {
            let runs = counted(self.runs.len(), "run", "runs");
            let is_nothing = self.runs.is_empty() && self.leftovers == 0;
            let hint = if is_nothing { "" } else { "; to remove them, say --yes" };
            all.push(format!("{runs} and {leftovers} would be removed{hint}"));
            return all;
        }
        let mut what =
            vec![counted(self.runs.iter().filter(|run| run.removed).count(), "run", "runs")];
        if self.entries > 0 {
            what.push(counted(self.entries as usize, "entry of a history", "entries of histories"));
        }
        let left = match self.runs.iter().filter(|run| run.is_left).count() {
            0 => String::new(),
            left => format!("; {} left", counted(left, "run is", "runs are")),
        };
        let stays = match self.remaining {
            0 => String::new(),
            1 => "; something of 1 directory stays".to_owned(),
            count => format!("; something of {count} directories stays"),
        };
        all.push(format!("{} and {leftovers} removed{left}{stays}", what.join(", ")));
        all
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn shown(task: &str, run: &FoundRun, removed: bool, detail: Option<String>) -> ReportedRun {
    ReportedRun {
        task: task.to_owned(),
        run: run.run.clone(),
        state: run.state,
        ended_at: humantime::format_rfc3339_millis(run.ended).to_string(),
        removed,
        detail,
        is_left: false,
    }
}

fn columns(run: &ReportedRun) -> [String; HEAD.len()] {
    [
        name(&run.task),
        name(&run.run),
        run.state.word().to_owned(),
        crate::table::moment(&run.ended_at),
        run.detail.as_deref().map_or_else(|| NONE.to_owned(), crate::plain::plain),
    ]
}
