//! What is told of what happened.

use std::fmt::Write;
use std::time::Duration;

use crate::judge::Verdict;
use crate::ledger::Told;

/// What became of one event.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub event: String,
    /// How long it took.
    pub duration: Duration,
    /// What was found.
    pub outcome: Outcome,
}

/// What was found.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was played.
    Judged {
        /// What was acknowledged and found so far.
        verdict: Verdict,
        /// What was told meanwhile.
        told: Told,
        /// What was measured, a sentence each.
        measured: Vec<String>,
    },
    /// It cannot be played on this machine, and why.
    NotPlayed(String),
}

impl Entry {
    /// What is not as it must be.
    pub fn wrong(&self) -> &[String] {
        match &self.outcome {
            Outcome::Judged { verdict, .. } => &verdict.wrong,
            Outcome::NotPlayed(_) => &[],
        }
    }
}

/// A line each, with what failed and what is wrong behind them.
pub fn table(entries: &[Entry]) -> String {
    let head = [
        "event",
        "seconds",
        "acknowledged",
        "kept",
        "found",
        "lost",
        "gap s",
        "heartbeats",
        "late s",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(entries.iter().filter_map(row));
    let widths: Vec<usize> = (0..head.len())
        .map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or_default())
        .collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text += &(cells.collect::<Vec<_>>().join("  ") + "\n");
    }
    for Entry { event, outcome, .. } in entries {
        // A text takes everything.
        let _ = match outcome {
            Outcome::NotPlayed(reason) => writeln!(text, "{event}: not played, {reason}"),
            Outcome::Judged { told, measured, .. } => {
                measured.iter().for_each(|measured| text += &format!("{event}: {measured}\n"));
                if told.failed.is_empty() {
                    continue;
                }
                let failed = told.failed.iter().map(|(what, count)| format!("{count} {what}"));
                let failed = failed.collect::<Vec<_>>().join(", ");
                writeln!(text, "{event}: failed calls: {failed}")
            }
        };
    }
    for entry in entries {
        for wrong in entry.wrong() {
            let _ = writeln!(text, "{}: WRONG: {wrong}", entry.event);
        }
    }
    text
}

fn row(entry: &Entry) -> Option<Vec<String>> {
    let Outcome::Judged { verdict, told, .. } = &entry.outcome else { return None };
    let seconds = |duration: Duration| format!("{:.1}", duration.as_secs_f64());
    Some(vec![
        entry.event.clone(),
        seconds(entry.duration),
        told.acknowledged.to_string(),
        verdict.acknowledged.to_string(),
        verdict.found.to_string(),
        (verdict.acknowledged - verdict.found).to_string(),
        seconds(told.gap_max),
        told.heartbeats.to_string(),
        seconds(Duration::from_millis(told.heartbeat_late_ms_max)),
    ])
}
