//! What every contender does in a round: the pairs of one run, or of several at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use clap::ValueEnum;
use serde_json::json;

use crate::Result;

pub const TASK: &str = "bench";
pub const MANIFEST: &str = "manifest.json";
pub const HEARTBEAT: &str = ".heartbeat";
/// A time with milliseconds and a newline.
pub const HEARTBEAT_BYTES: usize = 25;
/// All steps have as many digits, so that all manifests can have one size.
pub const FIRST_STEP: u32 = 1_000;

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
    pub case: Case,
    /// The manifest's size.
    pub bytes: usize,
    pub manifest: Arc<str>,
    /// Each with a directory of its own.
    pub runs_at_once: usize,
}

impl Work {
    pub fn new(case: Case, bytes: usize, runs_at_once: usize) -> Result<Self> {
        Ok(Work { case, bytes, manifest: manifest(bytes, FIRST_STEP)?.into(), runs_at_once })
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

/// A manifest whose file has exactly `bytes` bytes: commands as in a real one, and a tail of
/// output that fills it up. The step tells one from another.
pub fn manifest(bytes: usize, step: u32) -> Result<String> {
    let text = |commands: usize, tail: usize| {
        let commands: Vec<_> = (1..=commands)
            .map(|index| {
                json!({
                    "index": index,
                    "id": format!("step-{index}"),
                    "command": "cargo test --workspace",
                    "kind": "command",
                    "status": "succeeded",
                    "started_at": "2026-01-06T00:27:16.820Z",
                    "completed_at": "2026-01-06T00:27:18.004Z",
                    "exit_code": 0,
                })
            })
            .collect();
        let manifest = json!({
            "version": 1,
            "task_id": TASK,
            "run_id": "run",
            "status": "in_progress",
            "step": step,
            "commands": commands,
            "output_tail": "x".repeat(tail),
        });
        serde_json::to_string_pretty(&manifest).map(|text| text + "\n")
    };
    // A command takes about 300 bytes, so that this leaves a quarter for the tail.
    let commands = bytes / 400;
    let used = text(commands, 0)?.len();
    let tail = bytes.checked_sub(used).ok_or("the commands of the manifest are too long")?;
    Ok(text(commands, tail)?)
}
