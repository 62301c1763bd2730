//! What every contender does in a turn: the pairs of one run, or of several at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use clap::ValueEnum;

use crate::Result;
use crate::manifest::Manifest;

pub const TASK: &str = "bench";
pub const MANIFEST: &str = "manifest.json";
pub const HEARTBEAT: &str = ".heartbeat";
/// A time with milliseconds and a newline.
pub const HEARTBEAT_BYTES: usize = 25;

/// What is done with a pair in each turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// A new document is set and written.
    Pair,
    /// The document that was set at first is written again.
    Flush,
}

impl Measured {
    /// As `--only` has it.
    pub fn name(self) -> &'static str {
        match self {
            Measured::Pair => "pair",
            Measured::Flush => "flush",
        }
    }
}

/// What both files of a pair survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Case {
    /// Replaced atomically, without a sync
    Visible,
    /// Synced too
    Durable,
}

impl Case {
    pub const ALL: [Case; 2] = [Case::Visible, Case::Durable];

    pub fn name(self) -> &'static str {
        match self {
            Case::Visible => "visible",
            Case::Durable => "durable",
        }
    }

    pub fn is_durable(self) -> bool {
        self == Case::Durable
    }
}

#[derive(Clone)]
pub struct Work {
    pub measured: Measured,
    pub case: Case,
    /// The manifest's size.
    pub bytes: usize,
    pub manifest: Arc<Manifest>,
    /// Each with a directory of its own.
    pub runs_at_once: usize,
}

impl Work {
    pub fn new(measured: Measured, case: Case, bytes: usize, runs_at_once: usize) -> Result<Self> {
        let manifest = Manifest::new(bytes)?;
        let manifest = match measured {
            Measured::Pair => manifest,
            Measured::Flush => manifest.fixed(0),
        };
        Ok(Work { measured, case, bytes, manifest: manifest.into(), runs_at_once })
    }

    /// What rows call it.
    pub fn name(&self) -> &'static str {
        match (self.measured, self.case) {
            (Measured::Pair, case) => case.name(),
            (Measured::Flush, Case::Visible) => "flush-visible",
            (Measured::Flush, Case::Durable) => "flush-durable",
        }
    }

    /// Whether each turn sets a document.
    pub fn is_set_each_turn(&self) -> bool {
        self.measured == Measured::Pair
    }

    /// What a turn sets: a document for each run, or none.
    pub fn documents(&self, turn: u32) -> Vec<String> {
        if !self.is_set_each_turn() {
            return Vec::new();
        }
        vec![self.document(turn); self.runs_at_once]
    }

    /// The document of a turn, on one line.
    pub fn document(&self, turn: u32) -> String {
        self.manifest.compact.of_turn(turn)
    }

    /// The same as its file has it.
    pub fn file(&self, turn: u32) -> Arc<str> {
        self.manifest.file.of_turn(turn).into()
    }

    /// The directories of the runs below this one, made where they are missing.
    pub fn directories(&self, root: &Path) -> Result<Vec<PathBuf>> {
        let directories: Vec<_> =
            (0..self.runs_at_once).map(|run| directory(root, &run_name(run))).collect();
        for directory in &directories {
            std::fs::create_dir_all(directory)?;
        }
        Ok(directories)
    }
}

pub fn run_name(run: usize) -> String {
    format!("run-{run}")
}

/// Where Tandem keeps a run.
pub fn directory(root: &Path, run: &str) -> PathBuf {
    root.join(".runs").join(TASK).join("cli").join(run)
}

pub fn heartbeat() -> String {
    format!("{}\n", humantime::format_rfc3339_millis(SystemTime::now()))
}
