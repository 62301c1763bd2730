//! Rows as tables, one for each case.

use crate::kind::BASE;
use crate::report::Row;
use crate::say::say;

/// The rows of one case.
pub struct Group<'a> {
    pub lines: Vec<Line<'a>>,
}

/// One contender.
pub struct Line<'a> {
    /// Set against the base.
    pub row: &'a Row,
    /// The same, set against others.
    pub others: Vec<&'a Row>,
}

impl<'a> Group<'a> {
    /// In their order.
    pub fn all(rows: &'a [Row]) -> Vec<Group<'a>> {
        let key = |row: &Row| (row.case, row.bytes, row.runs_at_once, row.entries);
        let line = |row: &Row| (row.contender, row.runs_open);
        rows.chunk_by(|one, other| key(one) == key(other))
            .map(|rows| Group {
                lines: rows
                    .chunk_by(|one, other| line(one) == line(other))
                    .filter_map(|rows| rows.split_first())
                    .map(|(row, others)| Line { row, others: others.iter().collect() })
                    .collect(),
            })
            .collect()
    }

    pub fn title(&self) -> String {
        let Some(Line { row, .. }) = self.lines.first() else { return String::new() };
        let runs = match row.runs_at_once {
            None | Some(1) => String::new(),
            Some(runs) => format!(", {runs} runs at once"),
        };
        if row.runs_open.is_some() {
            return format!("a visible pair of {} while runs are open", size(row.bytes));
        }
        if row.case == crate::startup::CASE {
            return row.case.to_owned();
        }
        if row.case == crate::steps::CASE {
            return format!("the steps of a durable pair of {}", size(row.bytes));
        }
        match (row.entries, row.pairs_written) {
            (Some(entries), _) => format!("record into a history of {entries} other runs{runs}"),
            (None, Some(_)) => format!("replay{runs}"),
            (None, None) => match row.case.strip_prefix("flush-") {
                None => format!("{} pair of {}{runs}", row.case, size(row.bytes)),
                Some(case) => format!("{case} flush of {}{runs}", size(row.bytes)),
            },
        }
    }

    /// What the machine did to the figures.
    pub fn noise(&self) -> Option<&'a str> {
        self.lines.first().and_then(|line| line.row.noise.as_deref())
    }

    /// Heads, and a line of cells for each contender. A column without content is left out.
    pub fn columns(&self) -> (Vec<&'static str>, Vec<Vec<String>>) {
        let kept: Vec<_> = COLUMNS
            .iter()
            .filter(|column| self.lines.iter().any(|line| !(column.cell)(line).is_empty()))
            .collect();
        let cells = |line| kept.iter().map(|column| (column.cell)(line)).collect();
        (kept.iter().map(|column| column.head).collect(), self.lines.iter().map(cells).collect())
    }

    pub fn print(&self) {
        let (heads, lines) = self.columns();
        let width_of = |at: usize| {
            let cells = lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.len());
            cells.chain([heads[at].len()]).max().unwrap_or_default()
        };
        let widths: Vec<_> = (0..heads.len()).map(width_of).collect();
        say(&format!("\n{}", self.title()));
        let heads = heads.iter().map(|head| (*head).to_owned()).collect();
        for line in std::iter::once(&heads).chain(&lines) {
            let cells = line.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
                if is_text(at) { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            say(cells.collect::<Vec<_>>().join("  ").trim_end());
        }
        if let Some(noise) = self.noise() {
            say(noise);
        }
    }
}

/// The first column has names, the others figures.
pub fn is_text(column: usize) -> bool {
    column == 0
}

struct Column {
    head: &'static str,
    cell: fn(&Line) -> String,
}

const COLUMNS: [Column; 17] = [
    Column { head: "contender", cell: |line| line.row.contender.to_owned() },
    Column { head: "runs open", cell: |line| count(line.row.runs_open) },
    Column { head: "version", cell: |line| line.row.version.clone().unwrap_or_default() },
    Column { head: "p50 us", cell: |line| format!("{:.1}", line.row.p50_us) },
    Column { head: "p99 us", cell: |line| format!("{:.1}", line.row.p99_us) },
    Column { head: "per s", cell: |line| format!("{:.0}", line.row.pairs_per_s) },
    Column { head: "cpu us", cell: |line| shown(line.row.cpu_us) },
    Column {
        head: "peak MiB",
        cell: |line| shown(line.row.memory_peak_bytes.map(|bytes| bytes as f64 / 1048576.0)),
    },
    Column { head: "open us", cell: |line| shown(line.row.open_us) },
    Column {
        head: "bytes a run",
        cell: |line| line.row.memory_of_run_bytes.map_or(String::new(), |n| format!("{n:.0}")),
    },
    Column { head: "syncs", cell: |line| line.row.syncs.map_or(String::new(), |n| n.to_string()) },
    Column { head: "asked for", cell: |line| count(line.row.pairs_requested) },
    Column { head: "written", cell: |line| count(line.row.pairs_written) },
    Column { head: "to empty", cell: |line| shown(line.row.ratio_to_empty) },
    Column { head: "rounds", cell: |line| line.row.rounds.to_string() },
    Column {
        head: "ratio",
        cell: |line| {
            if line.others.is_empty() || line.row.ratio_to == BASE.name() {
                format!("{:.2}", line.row.ratio)
            } else {
                String::new()
            }
        },
    },
    Column {
        head: "to others",
        cell: |line| {
            let others = line.others.iter();
            let others = others.map(|row| format!("{:.2} of {}", row.ratio, row.ratio_to));
            others.collect::<Vec<_>>().join(", ")
        },
    },
];

fn shown(figure: Option<f64>) -> String {
    figure.map_or(String::new(), |figure| format!("{figure:.2}"))
}

fn count(count: Option<usize>) -> String {
    count.map_or(String::new(), |count| count.to_string())
}

/// In the largest unit that divides it.
pub fn size(bytes: usize) -> String {
    if bytes.is_multiple_of(1024) { format!("{} KiB", bytes / 1024) } else { format!("{bytes} B") }
}
