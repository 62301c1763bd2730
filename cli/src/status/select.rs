//! Which runs are shown, and in which order.

use std::cmp::Reverse;
use std::ffi::OsStr;

use super::row::Row;
use super::state::State;

/// Which runs.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Selection {
    /// Only runs of this task; give it again for one more
    ///
    /// No other task's directory is read.
    #[arg(long = "task", value_name = "ID")]
    pub tasks: Vec<String>,
    /// Only runs of this name; give it again for one more
    #[arg(long = "run", value_name = "ID")]
    pub runs: Vec<String>,
    /// Only runs in this state; more with commas, or by giving it again
    ///
    /// A task that cannot be listed is shown all the same: its runs may be in any state.
    #[arg(
        long = "state",
        value_name = "STATE",
        value_enum,
        value_delimiter = ',',
        hide_possible_values = true
    )]
    pub states: Vec<State>,
}

impl Selection {
    /// Whether all runs are selected.
    pub fn is_everything(&self) -> bool {
        self.tasks.is_empty() && self.runs.is_empty() && self.states.is_empty()
    }

    /// Whether runs of the task may be selected.
    pub fn has_task(&self, task: &OsStr) -> bool {
        self.tasks.is_empty() || self.tasks.iter().any(|wanted| wanted.as_str() == task)
    }

    /// Whether the run may be selected, as far as its name tells.
    pub fn has_run(&self, run: &OsStr) -> bool {
        self.runs.is_empty() || self.runs.iter().any(|wanted| wanted.as_str() == run)
    }

    /// Whether a run that was found by its names is selected.
    pub fn has_state(&self, row: &Row) -> bool {
        self.states.is_empty() || row.run.is_empty() || self.states.contains(&row.state)
    }
}

/// In which order, and how many.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Order {
    /// What the order is by
    ///
    /// The newest start or heartbeat comes first; tasks are in alphabetical order, states in the
    /// order of the list above. What is equal is ordered by the start.
    #[arg(long, value_name = "BY", value_enum, default_value_t = Sort::Started)]
    sort: Sort,
    /// Turn the order around
    #[arg(long)]
    reverse: bool,
    /// Show at most this many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Sort {
    Started,
    Task,
    State,
    Heartbeat,
}

impl Order {
    /// Puts rows in order and leaves out those above the limit; answers how many those are.
    pub fn arrange(self, rows: &mut Vec<Row>) -> usize {
        let names = |a: &Row, b: &Row| (&a.task, &a.run).cmp(&(&b.task, &b.run));
        let started = |a: &Row, b: &Row| Reverse(a.began).cmp(&Reverse(b.began));
        rows.sort_unstable_by(|a, b| {
            let by = match self.sort {
                Sort::Started => started(a, b),
                Sort::Task => a.task.cmp(&b.task),
                Sort::State => a.state.cmp(&b.state),
                // What has none comes last.
                Sort::Heartbeat => {
                    let age = |row: &Row| (row.heartbeat_age_ms.is_none(), row.heartbeat_age_ms);
                    age(a).cmp(&age(b))
                }
            };
            by.then_with(|| started(a, b)).then_with(|| names(a, b))
        });
        if self.reverse {
            rows.reverse();
        }
        let left_out = rows.len().saturating_sub(self.limit.unwrap_or(usize::MAX));
        rows.truncate(rows.len() - left_out);
        left_out
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn row(task: &str, state: State, began_s: Option<u64>, age_ms: Option<u64>) -> Row {
        let began = began_s.map(|at| SystemTime::UNIX_EPOCH + Duration::from_secs(at));
        let row = Row { task: task.to_owned(), state, heartbeat_age_ms: age_ms, ..Row::default() };
        Row { began, ..row }
    }

    fn tasks(sort: Sort, reverse: bool, limit: Option<usize>) -> (String, usize) {
        let mut rows = vec![
            row("a", State::Done, Some(1), None),
            row("d", State::Live, Some(2), Some(9)),
            row("c", State::Stale, Some(3), Some(5)),
            row("b", State::Live, None, Some(7)),
        ];
        let left_out = Order { sort, reverse, limit }.arrange(&mut rows);
        (rows.into_iter().map(|row| row.task).collect(), left_out)
    }

    #[test]
    fn rows_come_in_the_order_that_was_asked_for() {
        for (sort, order) in [
            (Sort::Started, "cdab"),
            (Sort::Task, "abcd"),
            (Sort::State, "dbca"),
            (Sort::Heartbeat, "cbda"),
        ] {
            assert_eq!(tasks(sort, false, None), (order.to_owned(), 0));
            assert_eq!(tasks(sort, true, None), (order.chars().rev().collect(), 0));
            assert_eq!(tasks(sort, false, Some(3)), (order[..3].to_owned(), 1));
        }
        assert_eq!(tasks(Sort::Task, false, Some(0)), (String::new(), 4));
    }
}
