//! Rows of figures, and the files that they go to.

use std::path::Path;

use serde::Serialize;

use crate::Result;
use crate::figures::Figures;
use crate::kind::Kind;
use crate::say::say;
use crate::table::Group;

/// One contender in one case, set against another.
#[derive(Clone, Serialize)]
pub struct Row {
    pub case: &'static str,
    /// The size of the manifest's file or of the history.
    pub bytes: usize,
    pub contender: &'static str,
    pub p50_us: f64,
    pub p99_us: f64,
    /// How often the work was done in a second, whatever it was.
    pub pairs_per_s: f64,
    pub ratio_to: &'static str,
    /// Of the medians, from the same rounds.
    pub ratio: f64,
    /// How many turns the figures are made of.
    pub rounds: usize,
    /// How many runs work at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_at_once: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Of all threads, for one pair; for a replay, all of it. None where nobody measures it:
    /// of a step, and of a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_us: Option<f64>,
    /// Of a process that does only this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_peak_bytes: Option<u64>,
    /// How often a pair asks the device to keep what it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syncs: Option<u32>,
    /// How many pairs the runs of a replay asked for, and how often one was written for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs_requested: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs_written: Option<usize>,
    /// How many runs are open in one instance, what it took to open one and flush it once, and
    /// what memory one takes beside its document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_open: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_of_run_bytes: Option<f64>,
    /// Set if the machine was too noisy for small differences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<String>,
    /// What the same contender differs by from itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_percent: Option<f64>,
    /// How many other runs the history holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<usize>,
    /// How its median stands to its own with an empty history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_to_empty: Option<f64>,
}

impl Row {
    pub fn new(
        case: &'static str,
        bytes: usize,
        contender: &'static str,
        figures: Figures,
        ratio_to: &'static str,
    ) -> Self {
        let Figures { rounds, p50_us, p99_us, pairs_per_s, cpu_us } = figures;
        Self {
            case,
            bytes,
            contender,
            p50_us,
            p99_us,
            pairs_per_s,
            ratio_to,
            ratio: 1.0,
            rounds,
            runs_at_once: None,
            version: None,
            cpu_us: (cpu_us > 0.0).then_some(cpu_us),
            memory_peak_bytes: None,
            syncs: None,
            pairs_requested: None,
            pairs_written: None,
            runs_open: None,
            open_us: None,
            memory_of_run_bytes: None,
            noise: None,
            noise_percent: None,
            entries: None,
            ratio_to_empty: None,
        }
    }

    /// The same, set against another contender.
    pub fn against(&self, ratio_to: &'static str, ratio: f64) -> Self {
        Row { ratio_to, ratio, ..self.clone() }
    }
}

/// A contender that could not take part.
#[derive(Serialize)]
pub struct LeftOut {
    #[serde(skip)]
    pub kind: Kind,
    pub contender: &'static str,
    pub reason: String,
}

impl LeftOut {
    pub fn new(kind: Kind, reason: &str) -> Self {
        LeftOut { kind, contender: kind.name(), reason: reason.to_owned() }
    }
}

#[derive(Serialize)]
pub struct Report {
    pub cpus: usize,
    pub system: String,
    pub left_out: Vec<LeftOut>,
    pub rows: Vec<Row>,
}

impl Report {
    pub fn new(left_out: Vec<LeftOut>) -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        Report { cpus, system, left_out, rows: Vec::new() }
    }

    /// Show the rows of one case, and keep them.
    pub fn add(&mut self, rows: Vec<Row>) {
        for group in Group::all(&rows) {
            group.print();
        }
        self.rows.extend(rows);
    }

    /// Into `bench.json`, `bench.md` and `bench.html`.
    pub fn write(&self, directory: &Path) -> Result<()> {
        std::fs::create_dir_all(directory)?;
        let json = serde_json::to_string_pretty(self)? + "\n";
        let files = [
            ("bench.json", json),
            ("bench.md", crate::markdown::page(self)),
            ("bench.html", crate::html::page(self)),
        ];
        for (name, text) in files {
            let path = directory.join(name);
            std::fs::write(&path, text)
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            say(&format!("written to target/{name}"));
        }
        Ok(())
    }
}
