//! Figures from times: a table for people and a file for programs.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::Result;

/// The contender that the others are set against.
pub const BASE: &str = "native-concurrent";

/// One contender in one case, set against another.
#[derive(Serialize)]
pub struct Row {
    pub case: &'static str,
    /// The size of the manifest or of the history.
    pub bytes: usize,
    pub contender: &'static str,
    pub p50_us: f64,
    pub p99_us: f64,
    /// How often the work was done in a second, whatever it was.
    pub pairs_per_s: f64,
    pub ratio_to: &'static str,
    pub ratio: f64,
    /// How many other runs the history holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<usize>,
    /// How its median stands to its own with an empty history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_to_empty: Option<f64>,
}

/// What the times of one contender come to.
#[derive(Clone, Copy)]
pub struct Figures {
    pub p50_us: f64,
    pub p99_us: f64,
    pub pairs_per_s: f64,
}

impl Figures {
    /// The times of at least one round.
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |percent: usize| {
            let index = (times.len() * percent).div_ceil(100).saturating_sub(1);
            times.get(index).copied().unwrap_or_default().as_secs_f64() * 1e6
        };
        let total: Duration = times.iter().sum();
        Self {
            p50_us: round(at(50)),
            p99_us: round(at(99)),
            pairs_per_s: round(times.len() as f64 / total.as_secs_f64()),
        }
    }
}

/// Below a tenth, and a thousandth in ratios, there is only noise.
fn round(figure: f64) -> f64 {
    (figure * 10.0).round() / 10.0
}

pub fn ratio(of: Figures, to: Figures) -> f64 {
    (of.p50_us / to.p50_us * 1000.0).round() / 1000.0
}

pub fn heading_of_growth() {
    println!(
        "{:<8} {:>9}  {:<20} {:>10} {:>10} {:>9}  {:>6}  {:>7}  {:>8}",
        "case", "bytes", "contender", "p50 us", "p99 us", "runs/s", "ratio", "entries", "to empty"
    );
}

pub fn heading() {
    println!(
        "{:<8} {:>9}  {:<20} {:>10} {:>10} {:>9}  {:>6}",
        "case", "bytes", "contender", "p50 us", "p99 us", "pairs/s", "ratio"
    );
}

impl Row {
    pub fn print(&self) {
        let growth = match (self.entries, self.ratio_to_empty) {
            (Some(entries), Some(ratio)) => format!("  {entries:>7}  {ratio:>8.2}"),
            _ => String::new(),
        };
        println!(
            "{:<8} {:>9}  {:<20} {:>10.1} {:>10.1} {:>9.0}  {:>6.2}{growth}",
            self.case,
            self.bytes,
            self.contender,
            self.p50_us,
            self.p99_us,
            self.pairs_per_s,
            self.ratio
        );
    }
}

pub fn write(path: &Path, rows: Vec<Row>) -> Result<()> {
    #[derive(Serialize)]
    struct Report {
        rows: Vec<Row>,
    }
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut text = serde_json::to_string_pretty(&Report { rows })?;
    text.push('\n');
    std::fs::write(path, text)
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    println!("\nwritten to target/bench.json; the ratio is of medians, to {BASE}");
    Ok(())
}
