//! What is recorded in each turn, and the history that comes of it. All entries have one size, so
//! that it is known without a look where each one stands.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::manifest::digits;

pub const TASK: &str = "bench";

/// Between two runs that were recorded before.
const MINUTE_MS: u64 = 60_000;
/// Of the first run: the start of 2026.
const FIRST_MS: u64 = 1_767_225_600_000;

pub const BETWEEN: &str = ",\n    ";
pub const AFTER: &str = "\n  ]\n}";

/// A run, by its number, and when it was completed.
#[derive(Clone, Copy)]
struct Run {
    number: u32,
    at_ms: u64,
}

/// What a turn can record.
#[derive(Clone, Copy)]
enum Addition {
    /// Later than all others
    New,
    /// One that is not there yet, in the middle of the others
    Middle,
    /// One that is there, as the last of all when the turn begins
    Again,
}

/// Where an entry was before it was merged.
#[derive(Clone, Copy)]
enum Origin {
    /// In the history, at this place
    Before(usize),
    /// Among what the turn records
    Turn(usize),
}

/// How many kinds of additions there are.
pub const KINDS: usize = 3;

/// A run to be recorded.
pub struct Summary {
    pub run: String,
    /// On one line, as Tandem is given it.
    pub compact: String,
    /// As its file holds it.
    pub file: String,
}

/// A part of the history after a turn.
pub enum Part {
    /// Entries of the history before it
    Kept(Range<usize>),
    /// Summaries of the turn, by their places
    New(Vec<usize>),
}

/// What one turn does.
pub struct Turn {
    pub summaries: Vec<Summary>,
    /// The history after it, in its order.
    pub parts: Vec<Part>,
    /// What it begins with then.
    pub before: String,
}

/// A history that keeps its length: for a run that comes the oldest other one goes.
pub struct History {
    runs: Vec<Run>,
    next_number: u32,
}

impl History {
    /// One run, and `others` that are older.
    pub fn new(others: usize) -> Self {
        let run = |number| Run { number, at_ms: FIRST_MS + u64::from(number) * MINUTE_MS };
        let runs = (0..).take(others + 1).map(run).collect::<Vec<_>>();
        let next_number = runs.last().map_or(0, |run| run.number + 1);
        History { runs, next_number }
    }

    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// The file, as the turn before the first left it.
    pub fn file(&self) -> String {
        let entries = self.runs.iter().map(|run| entry(&Summary::new(*run, 0).file));
        self.before() + &entries.collect::<Vec<_>>().join(BETWEEN) + AFTER
    }

    /// Up to the first entry.
    pub fn before(&self) -> String {
        let last = self.runs.last().map_or_else(String::new, |run| timestamp(run.at_ms));
        format!("{{\n  \"taskId\": \"{TASK}\",\n  \"lastRunAt\": \"{last}\",\n  \"runs\": [\n    ")
    }

    /// How many bytes an entry has.
    pub fn entry_bytes() -> usize {
        entry(&Summary::new(Run { number: 0, at_ms: FIRST_MS }, 0).file).len()
    }

    /// Records as many runs at once, a third of each kind. One at a time, the kinds take turns.
    pub fn turn(&mut self, turn: u32, runs_at_once: usize) -> Turn {
        let keep = self.runs.len();
        let last_ms = self.runs.last().map_or(FIRST_MS, |run| run.at_ms);
        let middle_ms = self.runs.get(keep / 2).map_or(FIRST_MS, |run| run.at_ms);
        let known: Vec<_> = self.runs.iter().rev().copied().collect();
        let kept = self.runs.iter().enumerate().map(|(at, run)| (*run, Origin::Before(at)));
        let mut merged: Vec<_> = kept.collect();
        let mut summaries = Vec::new();
        for (place, after) in (0..runs_at_once).zip(1..) {
            let kind = [Addition::New, Addition::Middle, Addition::Again];
            let run = match kind[(turn as usize + place) % KINDS] {
                Addition::New => self.next(last_ms + after * MINUTE_MS),
                Addition::Middle => self.next(middle_ms - after),
                Addition::Again => known[place / KINDS % known.len()],
            };
            merged.retain(|(other, _)| other.number != run.number);
            let at = merged.partition_point(|(other, _)| other.at_ms <= run.at_ms);
            merged.insert(at, (run, Origin::Turn(place)));
            if merged.len() > keep {
                // The run just recorded stays, whatever its time.
                merged.remove(usize::from(at == 0));
            }
            summaries.push(Summary::new(run, turn));
        }
        let mut parts = Vec::new();
        for (_, origin) in &merged {
            match (*origin, parts.last_mut()) {
                (Origin::Before(at), Some(Part::Kept(kept))) if kept.end == at => kept.end += 1,
                (Origin::Before(at), _) => parts.push(Part::Kept(at..at + 1)),
                (Origin::Turn(place), Some(Part::New(places))) => places.push(place),
                (Origin::Turn(place), _) => parts.push(Part::New(vec![place])),
            }
        }
        self.runs = merged.into_iter().map(|(run, _)| run).collect();
        Turn { summaries, parts, before: self.before() }
    }

    fn next(&mut self, at_ms: u64) -> Run {
        self.next_number += 1;
        Run { number: self.next_number - 1, at_ms }
    }
}

/// As many digits for each.
fn run_name(run: Run) -> String {
    format!("run-{:08}", run.number)
}

fn timestamp(at_ms: u64) -> String {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(at_ms);
    humantime::format_rfc3339_millis(at).to_string()
}

impl Summary {
    /// Of about 3 KiB, and another one in each turn.
    fn new(run: Run, turn: u32) -> Self {
        let artifact = |number: usize| {
            let path = format!("artifacts/{number:02}/coverage-report.json");
            json!({"path": path, "description": "What the tests covered, by file"})
        };
        let review = format!("after turn {}: {}", digits(turn), "x".repeat(580));
        let summary = json!({
            "taskId": TASK,
            "runId": run_name(run),
            "timestamp": timestamp(run.at_ms),
            "mode": "exec",
            "build": {"subtaskId": "build", "success": true, "artifacts": Vec::from_iter((0..16).map(artifact))},
            "test": {"subtaskId": "test", "success": true, "reports": ["unit", "component", "program"]},
            "review": {"summary": review, "decision": {"approved": true, "feedback": null}},
        });
        Self { run: run_name(run), compact: summary.to_string(), file: format!("{summary:#}") }
    }
}

/// A summary as the history holds it.
pub fn entry(summary: &str) -> String {
    summary.replace('\n', "\n    ")
}
